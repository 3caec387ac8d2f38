"""What several runs say together: each score's mean over the seeds with Student's interval, and every value.

C. Colas, O. Sigaud, P.-Y. Oudeyer, "How many random seeds?", 2018, arXiv:1806.08295; J. Pineau et al., 2021,
arXiv:2003.12206, on why one run is not enough. The unit is the run: n is the number of seeds, and rows or episodes
within a run do not count as independent evidence.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import rundir, verdict
from pellucid.evaluation.intervals import with_intervals
from pellucid.recipe import Recipe
from pellucid.tasks.score import mean_score

FILE = "seeds.json"


def of(folder: Path, runs: Sequence[Path], recipe: Recipe) -> dict[str, Any]:
    """Return the summary as JSON types, in the form of a run's result.

    Args:
        folder: that holds the runs.
        recipe: of the first one.
    """
    results = [rundir.read_json(run / "results/validation.json") for run in runs]
    first = results[0]
    scores = {
        name: mean_score(np.array([result["metrics"][name]["value"] for result in results]), better, "student")
        for name, better in first.get("directions", {}).items()
        if all(name in result["metrics"] for result in results)
    }
    seeds = [
        {
            "seed": int(run.name.rpartition("-")[2]),
            "run": str(run),
            "steps": result["steps"],
            "best_step": result["best_step"],
            "training_seconds": result["training_seconds"],
            "metrics": {name: score["value"] for name, score in result["metrics"].items()},
        }
        for run, result in zip(runs, results, strict=True)
    ]
    kept = ("task", "primary", "parameters", "baselines", "directions")
    return {
        "run": str(folder),
        "split": "validation",
        "looks": sum(result["looks"] for result in results),
        "unit": "seed",
        **{name: first[name] for name in kept if name in first},
        "metrics": with_intervals(scores, resamples=0),
        "training_seconds": round(sum(result["training_seconds"] for result in results), 3),
        "verdict": _verdict(results, recipe, runs[0], folder),
        "seeds": seeds,
    }


def _verdict(results: Sequence[Mapping[str, Any]], recipe: Recipe, run: Path, folder: Path) -> list[dict[str, Any]]:
    """Whether the seeds agree, and what most of the runs show by themselves, or more of them than anything else."""
    found = [finding.to_dict() for finding in verdict.of_seeds(results, recipe.model_dump(), str(run), str(folder))]
    told = [finding for result in results for finding in result.get("verdict", [])]
    counted = Counter(finding["kind"] for finding in told).most_common()
    for place, (kind, num) in enumerate(counted):
        if (2 * num > len(results) or place == 0) and not (kind == "fits" and found):
            first = next(finding for finding in told if finding["kind"] == kind)
            message = f"{num} of {len(results)} seeds show this, the first of them: {first['message']}"
            found.append({**first, "message": message})
    return found


def as_bytes(told: dict[str, Any]) -> bytes:
    """Return a summary as the bytes of its file."""
    return (json.dumps(told, indent=1) + "\n").encode()


def as_text(told: Mapping[str, Any]) -> str:
    """Return a summary in words, one line per score and one per seed."""
    num = len(told["seeds"])
    lines = [f"{told['run']}: {num} seed{'s' if num != 1 else ''}, validation; mean and 95 % interval (Student's t)"]
    lines += [
        f"  {name}  {score['value']:.6g}  {score['low']:.6g} to {score['high']:.6g}"
        for name, score in told["metrics"].items()
    ]
    for each in told["seeds"]:
        values = "  ".join(f"{name} {value:.6g}" for name, value in each["metrics"].items())
        lines.append(f"  seed {each['seed']}: {values}")
    return "\n".join(lines)
