"""Unstable: runs that should agree differ by more than the rows that judge them explain.

Over seeds, the rows are the same, and what differs is training alone: X. Bouthillier et al., "Accounting for Variance
in Machine Learning Benchmarks", 2021, arXiv:2103.03098. Over folds, the rows differ, and their intervals say by how
much the scores may: Cochran's Q (W. Cochran, "The combination of estimates from different experiments", 1954), and
the share of the variance that is not the rows' (J. Higgins & S. Thompson, "Quantifying heterogeneity", 2002).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.evaluation.intervals import Z
from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import half, is_number
from pellucid.verdict.words import metric

SURE = 0.95
"""How sure it must be that the deviation over seeds is above that of the rows."""
CHANCE = 0.01
"""The p value below which folds differ by more than their rows explain: most looks are at runs that are fine."""
SHARE = 0.5
"""And the share of their variance that is then not the rows'; Higgins calls 0.5 moderate, 0.75 high."""
FEWEST_SEEDS, FEWEST_FOLDS = 3, 3


def over_seeds(
    results: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any], run: str, folder: str
) -> Finding | None:
    """Compare the deviation over seeds with the standard error that one run's rows leave.

    Args:
        results: of validation, one per seed, of the same rows.
        run: one of them, whose recipe.toml is meant.
        folder: that holds them all.
    """
    from scipy.stats import chi2

    name, scores = _scores(results)
    if len(scores) < FEWEST_SEEDS:
        return None
    values = np.array([score["value"] for score in scores])
    deviation, error = float(values.std(ddof=1)), float(np.median([half(score) for score in scores])) / Z
    num = len(values)
    least = deviation * np.sqrt((num - 1) / chi2.ppf(SURE, num - 1))
    if not (least > error and deviation > 0):
        return None
    message = (
        f"It is unstable: over {num} seeds {metric(name)} runs from {values.min():.4g} to {values.max():.4g} "
        f"(deviation {deviation:.2g}, at least {least:.2g}), more than the {error:.2g} that the judged rows leave "
        "open. One run says little."
    )
    evidence = {"deviation": deviation, "least": float(least), "row_error": error, "runs": float(num)}
    return Finding("unstable", message, evidence, _steadier(run, folder, recipe, num))


def over_folds(results: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any], folder: str) -> Finding | None:
    """Ask whether the folds' scores scatter by more than their intervals say.

    Args:
        results: one per fold, each of its own rows.
        folder: that holds them all.
    """
    from scipy.stats import chi2

    name, scores = _scores(results)
    if len(scores) < FEWEST_FOLDS:
        return None
    values = np.array([score["value"] for score in scores])
    errors = np.array([half(score) for score in scores]) / Z
    if not (errors > 0).all():
        return None
    weights = 1 / errors**2
    mean = float((weights * values).sum() / weights.sum())
    q, freedom = float((weights * (values - mean) ** 2).sum()), len(values) - 1
    p, share = float(chi2.sf(q, freedom)), max(0.0, 1 - freedom / q) if q > 0 else 0.0
    if not (p < CHANCE and share > SHARE):
        return None
    message = (
        f"It is unstable: over {len(values)} folds {metric(name)} runs from {values.min():.4g} to "
        f"{values.max():.4g}, and {100 * share:.0f} % of that variance is not that of the judged rows (Cochran's Q, "
        f"p = {p:.1g}). Either the folds are of different kinds, or training is a matter of luck."
    )
    evidence = {"q": q, "p": p, "share": share, "folds": float(len(values))}
    return Finding("unstable", message, evidence, _with_seeds(folder, recipe, len(scores)))


def _scores(results: Sequence[Mapping[str, Any]]) -> tuple[str, list[Mapping[str, Any]]]:
    """The primary score's name, and it of every run that has it with an interval."""
    name = next((str(result["primary"]) for result in results if result.get("primary")), "")
    found = [result.get("metrics", {}).get(name) for result in results]
    return name, [
        score for score in found if score and all(is_number(score.get(key)) for key in ("value", "low", "high"))
    ]


def _with_seeds(folder: str, recipe: Mapping[str, Any], num: int) -> str:
    """The same folds with several seeds: what they then differ by is the rows, and no chance of training."""
    path, out = f"{folder}/recipe.toml", f"{folder}-seeds"
    if recipe["data"].get("source") == "arrays":
        return f"pellucid.crossval({path!r}, data=(X, y), folds={num}, seeds=3, out={out!r})"
    return shlex.join(["pellucid", "crossval", path, "--folds", str(num), "--seeds", "3", "--out", out])


def _steadier(run: str, folder: str, recipe: Mapping[str, Any], num: int) -> str:
    """A lower rate, brought in by a warm-up, over as many seeds."""
    optimizer = recipe["rule"].get("optimizer", {})
    settings = ["rule.schedule.name=one_cycle"]
    if "learning_rate" in optimizer:
        settings.insert(0, f"rule.optimizer.learning_rate={optimizer['learning_rate'] / 3:.3g}")
    if "clip" in recipe["rule"] or recipe["rule"]["name"] == "backpropagation":
        settings.append("rule.clip=1.0")
    return again(run, recipe, settings, "steadier", f"--seeds {num}", beside=folder)
