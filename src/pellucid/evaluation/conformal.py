"""Split conformal prediction: sets of classes and intervals of numbers that hold the truth in a stated share of cases.

Vovk, Gammerman & Shafer 2005; sets by least ambiguity, Sadinle, Lei & Wasserman 2019; as told in Angelopoulos & Bates
2021, arXiv:2107.07511. The promise is of rows that could as well have been those it was fitted on: not of later ones
of a series, and of a group that was never met only as far as groups are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.calibration import Clusters, halves
from pellucid.evaluation.intervals import wilson, with_intervals
from pellucid.tasks.certainty import COVERAGES, class_sets
from pellucid.tasks.score import mean_score

Floats = NDArray[np.float64]
TOLD = (0.8, 0.9, 0.95, 0.99)
"""The coverages that a result tells, as far as there are rows enough: k out of k + 1 needs k."""


def quantile(scores: Floats, coverage: float) -> float:
    """Return the ceil((n + 1) * coverage)-th smallest of n conformity scores, infinite where there are too few.

    Example:
        >>> quantile(np.arange(1.0, 10.0), 0.9), quantile(np.arange(1.0, 9.0), 0.9)
        (9.0, inf)
    """
    place = math.ceil(round((len(scores) + 1) * coverage, 9))  # 10 * 0.9 is 9, and rounding must not make it 10
    return math.inf if place > len(scores) else float(np.sort(scores)[place - 1])


def class_scores(probabilities: NDArray[Any], targets: NDArray[np.int64]) -> Floats:
    """Return 1 - p of the true class, `[rows, 1]`: how little it was expected."""
    found: Floats = 1 - np.take_along_axis(probabilities.astype(np.float64), targets[:, None], axis=1)
    return found


def quantiles(scores: Floats) -> dict[str, list[float | None]]:
    """Return of every coverage the quantile of scores `[rows, m]`, m numbers; None where it is infinite."""
    ordered = np.sort(scores, axis=0)
    found: dict[str, list[float | None]] = {}
    for coverage in COVERAGES:
        each = [quantile(column, coverage) for column in ordered.T]
        found[f"{coverage:g}"] = [value if math.isfinite(value) else None for value in each]
    return found


def measure_classes(
    probabilities: NDArray[Any],
    targets: NDArray[np.int64],
    kept: Mapping[float, float] | None,
    resamples: int,
    clusters: Clusters,
) -> list[dict[str, Any]]:
    """Return, of each told coverage, the share of sets that hold the true class and how many classes a set has.

    Args:
        probabilities: `[rows, classes]`.
        kept: quantiles fitted on other rows, by coverage. None: fitted on one half of these rows and judged on the
            other, each once.
    """
    scores = class_scores(probabilities, targets)[:, 0]
    told = []
    for coverage in TOLD:
        held = np.zeros(probabilities.shape, bool)
        for fitted, judged in _parts(len(targets), kept is not None, clusters):
            limit = kept[coverage] if kept is not None else quantile(scores[fitted], coverage)
            if math.isfinite(limit):
                held[judged] = class_sets(probabilities[judged], limit)
        if not held.any(axis=1).all():
            continue  # too few rows
        covered = held[np.arange(len(targets)), targets]
        told.append(
            {
                "coverage": coverage,
                "measured": _share(covered, resamples, clusters),
                "mean_size": float(held.sum(axis=1).mean()),
                "of_one": float((held.sum(axis=1) == 1).mean()),
            }
        )
    return told


def measure_numbers(
    errors: Floats,
    kept: Mapping[float, Floats] | None,
    names: Sequence[str],
    resamples: int,
    clusters: Clusters,
) -> list[dict[str, Any]]:
    """Return, of each told coverage and target, the share of intervals that hold the truth, and their width.

    Args:
        errors: absolute ones, `[rows, targets]`, in the user's units.
        kept: as of `measure_classes`; `[targets]` each.
        names: of the targets.
    """
    told = []
    for coverage in TOLD:
        limits = np.full_like(errors, math.nan)
        for fitted, judged in _parts(len(errors), kept is not None, clusters):
            fresh = kept[coverage] if kept is not None else [quantile(column, coverage) for column in errors[fitted].T]
            limits[judged] = fresh
        if not np.isfinite(limits).all():
            continue
        for place, name in enumerate(names):
            told.append(
                {
                    "coverage": coverage,
                    "target": name,
                    "measured": _share(errors[:, place] <= limits[:, place], resamples, clusters),
                    "mean_width": float(2 * limits[:, place].mean()),
                }
            )
    return told


def _parts(rows: int, is_kept: bool, clusters: Clusters) -> Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Which rows are fitted on, and which are judged."""
    return [(np.zeros(0, np.int64), np.arange(rows))] if is_kept else halves(rows, clusters)


def _share(covered: NDArray[np.bool_], resamples: int, clusters: Clusters) -> dict[str, Any]:
    told = with_intervals({"": mean_score(covered, "max", "wilson")}, resamples, clusters=clusters)[""]
    if clusters is not None and covered.all():  # no resample has a row outside: as many clusters as there are say so
        num_clusters = int(clusters.max()) + 1
        told["low"] = wilson(num_clusters, num_clusters)[0]
    return told
