"""Two cross-validations on the same folds: one score per fold of each, by pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.comparison.entrants import CROSSVAL
from pellucid.errors import RunError
from pellucid.evaluation import jackknife, kept
from pellucid.evaluation.kept import NET, Kept
from pellucid.rundir import read_json


@dataclass(frozen=True)
class Folds:
    """What a cross-validation left.

    Attributes:
        scores: by name one value per fold, `[J]`; seeds of a fold are averaged, for they are no folds of their own.
        hashes: of the folds' splits, in the same order.
        test_to_train: how many rows judge a fold for each one outside it, on average.
    """

    name: str
    run: Path
    scores: Mapping[str, NDArray[np.float64]]
    hashes: tuple[str, ...]
    test_to_train: float
    data_hash: str | None
    told: Mapping[str, Any]

    def kept(self) -> list[Kept]:
        """Return what each fold of the first repeat, with the first seed, left unit by unit, if it is there."""
        results = self.told["fold_results"]
        once = [each for each in results if (each["repeat"], each["seed"]) == (1, results[0]["seed"])]
        paths = [self.run / each["fold"] / "predictions/test-scores.safetensors" for each in once]
        return [kept.read(path) for path in paths] if all(path.exists() for path in paths) else []


def read(run: Path) -> Folds:
    """Return the scores by fold of a cross-validation's folder."""
    told = read_json(run / CROSSVAL, "fold_results", "directions", "primary", "metrics")
    by_fold: dict[str, list[Mapping[str, Any]]] = {}
    for each in told["fold_results"]:
        by_fold.setdefault(each["hash"], []).append(each)
    names = [name for name in told["directions"] if all(name in each["metrics"] for each in told["fold_results"])]
    scores = {
        name: np.array([np.mean([each["metrics"][name] for each in members]) for members in by_fold.values()])
        for name in names
    }
    ratio = float(np.mean([members[0]["rows"] / members[0]["train_rows"] for members in by_fold.values()]))
    return Folds(str(run), run, scores, tuple(by_fold), ratio, _data_hash(run, told), told)


def _data_hash(run: Path, told: Mapping[str, Any]) -> str | None:
    """The data's, as it was told, or as its first fold keeps it."""
    path = run / told["fold_results"][0]["fold"] / "split.json"
    found = told.get("data_hash") or (read_json(path).get("data_hash") if path.is_file() else None)
    return str(found) if found else None


def least_error(a: Folds, b: Folds, name: str) -> float:
    """Return the standard error that the judged rows alone leave in the mean difference of a score; else 0."""
    ones, others = a.kept(), b.kept()
    if not ones or not others:
        return 0.0
    return jackknife.over_folds(
        [each.entrants[NET][name] for each in ones],
        [each.entrants[NET][name] for each in others],
        [each.clusters for each in ones],
    )


def check(read: Sequence[Folds]) -> None:
    """Refuse cross-validations of other data or other folds.

    Raises:
        RunError: says what differs.
    """
    first = read[0]
    for other in read[1:]:
        if other.data_hash != first.data_hash:
            raise RunError(f"{first.name} and {other.name} are not comparable: they are of different data.")
        if other.hashes != first.hashes:
            same = len(set(first.hashes) & set(other.hashes))
            raise RunError(
                f"{first.name} and {other.name} are not comparable: their folds differ ({len(first.hashes)} and "
                f"{len(other.hashes)}, {same} of them the same). Cross-validate both with the same [split] section "
                "of the recipe and the same --folds and --repeats."
            )
    if len(first.hashes) < 2:
        raise RunError(f"{first.name} has {len(first.hashes)} fold: expected 2 or more.")
