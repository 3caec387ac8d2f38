"""What the runs of a size curve say together: the primary score at each size, the law through it, and a forecast.

The law is fitted to an error: one minus a score that is at most 1, or a score that is the better the smaller it is.
Every interval is over draws (of the subset, and seeds) and over validation rows, which all runs share: a validation
part of a few hundred rows hardly tells 98 % from 99 %, however often one trains.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.evaluation import kept
from pellucid.evaluation.intervals import Z, resampled
from pellucid.size_curve import power_law, verdict
from pellucid.size_curve.power_law import FEWEST_SIZES, LEVEL, Law, Numbers
from pellucid.size_curve.subsets import Subset
from pellucid.tasks.score import Score

FILE = "results/curve.json"
BEYOND = (2, 10)
"""How many times the rows are forecast."""
AT_MOST_ONE = ("accuracy", "balanced_accuracy", "average_precision", "mcc", "kappa", "r2")
AT_MOST_ONE_FAMILIES = ("top_", "recall", "precision", "mean_iou", "iou", "dice", "f1", "auc")
DRAWN_AT = 61


@dataclass(frozen=True)
class Errors:
    """How a score is turned into an error that falls to 0, and back."""

    score: str
    is_rest: bool

    @property
    def told(self) -> str:
        """The error in words."""
        return f"1 - {self.score}" if self.is_rest else self.score

    def of(self, values: NDArray[Any] | float) -> Any:
        """Turn scores into errors, or errors into scores."""
        return 1 - values if self.is_rest else values

    def score_of(self, value: float, low: float, high: float) -> dict[str, float]:
        """Return an error and its interval as a score and its interval."""
        return (
            dict(zip(("value", "low", "high"), (1 - value, 1 - high, 1 - low), strict=True))
            if self.is_rest
            else {
                "value": value,
                "low": low,
                "high": high,
            }
        )


def errors_of(score: str, better: str) -> Errors | None:
    """Return how a score becomes an error; None where the best value that it could have is not known."""
    if better == "min":
        return Errors(score, is_rest=False)
    return Errors(score, is_rest=True) if is_at_most_one(score) else None


def is_at_most_one(score: str) -> bool:
    """Whether 1 is the best that a score can be."""
    return score in AT_MOST_ONE or score.startswith(AT_MOST_ONE_FAMILIES)


def of(folder: Path, subsets: Sequence[Subset], runs: Sequence[Path]) -> dict[str, Any]:
    """Return the summary as JSON types; nothing in it depends on when, or how often interrupted, the runs were made."""
    results = [rundir.read_json(run / "results/validation.json") for run in runs]
    largest = results[0]
    everywhere = [name for name in largest["metrics"] if all(name in result["metrics"] for result in results)]
    primary = largest["primary"] if largest["primary"] in everywhere else everywhere[0]
    better = largest["directions"][primary]
    values = np.array([result["metrics"][primary]["value"] for result in results])
    rows, sizes = np.array([s.rows for s in subsets], np.float64), np.array([s.size for s in subsets])
    looks = [kept.read(run / "predictions/validation-scores.safetensors") for run in runs]
    moved = shared([look.entrants[kept.NET][primary] for look in looks], sizes, looks[0].clusters)
    points = _points(rows, values, sizes, moved, primary, results)
    law, why = _law(rows, values, sizes, moved, errors_of(primary, better))
    told: dict[str, Any] = {
        "run": str(folder),
        "split": "validation",
        "looks": sum(result["looks"] for result in results),
        "unit": "draw",
        "task": largest["task"],
        "primary": primary,
        "directions": {primary: better},
        "draws": 1 + max(subset.draw for subset in subsets),
        "steps": largest["steps"],
        "sizes": points,
        "fit": None,
        "why_no_fit": why,
        "forecast": [],
        "runs": [
            {
                "run": str(run),
                "size": subset.size,
                "rows": subset.rows,
                "draw": subset.draw + 1,
                "steps": result["steps"],
                "best_step": result["best_step"],
                "metrics": {name: result["metrics"][name]["value"] for name in everywhere},
            }
            for run, subset, result in zip(runs, subsets, results, strict=True)
        ],
    }
    errors = errors_of(primary, better)
    if law is not None and errors is not None:
        told["fit"] = _fit(law, errors, rows)
        told["forecast"] = [_forecast(law, errors, rows.max(), times) for times in BEYOND]
    told["verdict"] = verdict.verdict(points, told["fit"])
    told["said"] = verdict.said(told)
    return told


def shared(scores: Sequence[Score], sizes: NDArray[Any], clusters: NDArray[np.int64] | None = None) -> Numbers:
    """Return by how much each size's mean score differs in resamples of the rows it was judged on, `[resamples, runs]`.

    Of the mean, for what a single run makes of single rows is in the spread of the draws already.

    Args:
        scores: of the runs, all on the same rows, `[runs]`.
        sizes: codes of the runs that are draws of one size, `[runs]`.
        clusters: which rows belong together.
    """
    named = {str(place): score for place, score in enumerate(scores)}
    found = resampled(named, power_law.RESAMPLES, clusters=clusters)
    moved = np.stack([found[name] - score.value for name, score in named.items()], axis=1)
    for size in np.unique(sizes):
        moved[:, sizes == size] = moved[:, sizes == size].mean(axis=1, keepdims=True)
    return moved


def _points(
    rows: Numbers,
    values: Numbers,
    sizes: NDArray[Any],
    moved: Numbers,
    primary: str,
    results: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The mean at each size, ascending, with its interval: Student's over draws, whose spread all sizes tell of.

    To its half-width that over rows is added as squares are.
    """
    from scipy.stats import t

    shape, squares = power_law.spread_of(rows, values, sizes)
    found = np.unique(sizes)
    free = len(rows) - len(found)
    points = []
    for size in found:
        here = np.flatnonzero(sizes == size).tolist()
        mean, half = float(values[here].mean()), 0.0
        if free > 0:
            spread = float(shape[here].mean()) * math.sqrt(squares / free)
            half = float(t.ppf(0.975, free)) * spread / math.sqrt(len(here))
        half = math.hypot(half, Z * float(moved[:, here[0]].std()))
        there = [name for name in results[0]["baselines"] if all(name in results[run]["baselines"] for run in here)]
        beside = {
            name: float(np.mean([results[run]["baselines"][name][primary]["value"] for run in here]))
            for name in there
            if all(primary in results[run]["baselines"][name] for run in here)
        }
        points.append(
            {
                "rows": round(float(rows[here].mean())),
                "value": mean,
                "low": mean - half,
                "high": min(mean + half, 1.0) if is_at_most_one(primary) else mean + half,
                "values": values[here].tolist(),
                "baselines": beside,
            }
        )
    return points


def _law(
    rows: Numbers, values: Numbers, sizes: NDArray[Any], moved: Numbers, errors: Errors | None
) -> tuple[Law | None, str | None]:
    """The power law through the runs, or why none is claimed."""
    num_sizes = len(np.unique(sizes))
    if errors is None:
        return None, "the best value that this score could have is not known, so there is no error that could vanish"
    if num_sizes < FEWEST_SIZES:
        return None, f"{num_sizes} sizes are too few: a power law meets three exactly, and {FEWEST_SIZES} can refute it"
    found: Numbers = errors.of(values)
    if found.max() == 0:
        return None, "no run makes an error that more rows could remove"
    if found.min() < 0:
        return None, f"{errors.told} is {found.min():.4g} somewhere, and the law is of errors that fall to 0 at best"
    law = power_law.fit(rows, found, sizes, -moved if errors.is_rest else moved)
    if law.p > LEVEL:
        return None, f"the curve is too flat or too noisy to tell a power law from no change at all (p = {law.p:.2g})"
    return law, None


def _fit(law: Law, errors: Errors, rows: Numbers) -> dict[str, Any]:
    """The law as JSON types, and where it runs, from the smallest size to ten times the largest."""
    most = float(rows.max())
    gains = law.resampled_at(most) - law.resampled_at(2 * most)
    shares = gains / np.maximum(law.resampled_at(most), 1e-300)
    (low, high), share = power_law.ends(shares), (law.at(most) - law.at(2 * most)) / law.at(most)
    places = np.geomspace(rows.min(), max(BEYOND) * most, DRAWN_AT)
    return {
        "law": "error(rows) = c + a * rows^-b",
        "error": errors.told,
        **law.parameters,
        "p": law.p,
        "scatter": law.scatter,
        "doubling": {"removes": {"value": share, "low": min(low, share), "high": max(high, share)}},
        "line": [{"rows": place, **_at(law, errors, place)} for place in places.tolist()],
    }


def _at(law: Law, errors: Errors, rows: float) -> dict[str, float]:
    low, high = law.interval(rows)
    value = law.at(rows)
    return errors.score_of(value, min(low, value), max(high, value))


def _forecast(law: Law, errors: Errors, most: float, times: int) -> dict[str, Any]:
    """The score that is expected of so many times the rows, and what that gains over all rows that there are."""
    gains = law.resampled_at(most) - law.resampled_at(times * most)
    (low, high), gain = power_law.ends(gains), law.at(most) - law.at(times * most)
    return {
        "rows": round(times * most),
        **_at(law, errors, times * most),
        "gain": {"value": gain, "low": min(low, gain), "high": max(high, gain)},
    }


def as_bytes(told: Mapping[str, Any]) -> bytes:
    """Return a summary as the bytes of its file."""
    return (json.dumps(told, indent=1, allow_nan=False) + "\n").encode()


def as_text(told: Mapping[str, Any]) -> str:
    """Return a summary in words: a line per size, the forecast, and a sentence."""
    name = told["primary"]
    means = f"mean of {told['draws']} draws and 95 % interval"
    head = f"{told['run']}: {name} on validation, {means}; {told['steps']:,} steps each"
    beside = list(told["sizes"][-1]["baselines"])
    rows = [("rows", name, "95 % interval", *(other.replace("_", " ") for other in beside))]
    rows += [
        (
            f"{point['rows']:,}",
            f"{point['value']:.4g}",
            f"{point['low']:.4g} to {point['high']:.4g}",
            *(f"{point['baselines'][other]:.4g}" if other in point["baselines"] else "" for other in beside),
        )
        for point in told["sizes"]
    ]
    rows += [
        (f"{each['rows']:,}", f"{each['value']:.4g}", f"{each['low']:.4g} to {each['high']:.4g}  forecast")
        for each in told["forecast"]
    ]
    widths = [max(len(row[place]) for row in rows if place < len(row)) for place in range(len(rows[0]))]
    lines = ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    return "\n".join([head, *lines, told["said"]])
