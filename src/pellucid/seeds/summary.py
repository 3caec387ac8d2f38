"""What several runs say together: each score's mean over the seeds with Student's interval, and every value.

C. Colas, O. Sigaud, P.-Y. Oudeyer, "How many random seeds?", 2018, arXiv:1806.08295; J. Pineau et al., 2021,
arXiv:2003.12206, on why one run is not enough. The unit is the run: n is the number of seeds, and rows or episodes
within a run do not count as independent evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import rundir, verdict
from pellucid.evaluation import kept
from pellucid.evaluation.bounds import bounds_of, within
from pellucid.evaluation.intervals import with_intervals
from pellucid.evaluation.kept import NET
from pellucid.recipe import Recipe
from pellucid.tasks.score import mean_score
from pellucid.verdict.several import of_most

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
        "metrics": _within_bounds(with_intervals(scores, resamples=0), runs[0]),
        "training_seconds": round(sum(result["training_seconds"] for result in results), 3),
        "verdict": of_most(results, verdict.of_seeds(results, recipe.model_dump(), str(runs[0]), str(folder)), "seeds"),
        "seeds": seeds,
    }


def _within_bounds(metrics: dict[str, dict[str, Any]], run: Path) -> dict[str, dict[str, Any]]:
    """Student's intervals without what cannot be, such as an accuracy above 1."""
    path = run / "predictions/validation-scores.safetensors"
    known = kept.read(path).entrants[NET] if path.exists() else {}
    for name in metrics.keys() & known.keys():
        low, high = within(metrics[name]["low"], metrics[name]["high"], bounds_of(known[name]))
        metrics[name] |= {"low": low, "high": high}
    return metrics


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
