"""The verbs that carry out many runs, or look at several: folds, sizes, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.comparison import compare as comparison
from pellucid.data.arrays import from_parts
from pellucid.experiment import Given, Parts
from pellucid.proposals import arrays
from pellucid.recipe import Recipe
from pellucid.size_curve import runs as size_curve
from pellucid.size_curve.runs import NUM_DRAWS
from pellucid.size_curve.subsets import NUM_SIZES
from pellucid.validation import crossval as validation
from pellucid.validation import summary
from pellucid.validation.dealing import Plan
from pellucid.verbs import Run, path_or_none, question_of, recipe_of


@dataclass(frozen=True)
class CrossValidation:
    """A folder of a cross-validation, a run per fold."""

    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        """Each score's mean over the folds with its interval, the folds, and the baselines with paired tests."""
        told: dict[str, Any] = rundir.read_json(self.folder / summary.RESULT)
        return told

    @property
    def metrics(self) -> dict[str, float]:
        """The scores, as means over the folds."""
        return {name: score["value"] for name, score in self.result["metrics"].items()}

    @property
    def predictions(self) -> Path:
        """Every row's prediction by a net that had not seen it, as CSV."""
        return self.folder / summary.OUT_OF_FOLD

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.folder / "report.html"


@dataclass(frozen=True)
class Curve:
    """A folder of runs of one recipe that differ in how many rows they learned from."""

    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        """The score at each size, the fitted law with its intervals, and the forecast."""
        return size_curve.result(self.folder)

    @property
    def runs(self) -> list[Run]:
        """The runs, draw after draw, from the largest size to the smallest."""
        return [Run(Path(each["run"])) for each in self.result["runs"]]

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"


def crossval(
    recipe: str | Path | Recipe,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    folds: int = 5,
    repeats: int = 1,
    seeds: int = 1,
    data: tuple[Any, Any] | None = None,
    out: str | Path | None = None,
    artefacts: bool = False,
    stack: bool = True,
    report: bool = True,
    quiet: bool = False,
    before: Callable[[Recipe, Parts], None] | None = None,
) -> CrossValidation:
    """Cross-validate a recipe: train it once per fold, and judge every row by a net that has not seen it.

    Folds are dealt as the recipe's split says: by class, in whole groups, by time. Everything is fitted anew in each;
    early stopping looks at rows of the fold's own training part. Called again with the same recipe and numbers,
    finished folds stay and what was interrupted goes on.

    Args:
        recipe, settings: as `train` takes them.
        folds: at least 2.
        repeats: how often the rows are dealt, each time anew.
        seeds: how often each fold is trained, with other initial weights and orders.
        data: `(X, y)`, in the place of the recipe's own data.
        out: the folder; `runs/NAME-crossval` by default.
        artefacts: keep each fold's artefact and last checkpoint.
        stack: let folds learn in one pass where their nets allow it and where it pays; which, and why, is told.
        before: called with the recipe and what was assembled for the first fold, before a folder is made.

    Raises:
        PellucidError: the recipe or the data cannot be used; nothing was made.
    """
    chosen, columns = recipe_of(recipe, settings), None
    if data is not None:
        columns = from_parts({"train": data}, question_of(chosen))
        chosen = arrays.on_arrays(chosen, columns)
    plan, options = Plan(folds, repeats, seeds), validation.Options(artefacts, stack, report, quiet, before)
    return CrossValidation(validation.crossval(chosen, plan, path_or_none(out), columns, options))


def resume_crossval(
    folder: str | Path | CrossValidation,
    *,
    data: tuple[Any, Any] | None = None,
    artefacts: bool = False,
    report: bool = True,
    quiet: bool = False,
) -> CrossValidation:
    """Go on with a cross-validation that was interrupted or killed, fold by fold and inside a fold.

    Args:
        data: `(X, y)` as `crossval` was given it, where it was.
    """
    path = rundir.check(folder.folder if isinstance(folder, CrossValidation) else Path(folder))
    columns = None
    if data is not None:
        columns = from_parts({"train": data}, question_of(recipes.read(path / "recipe.toml")))
    return CrossValidation(validation.resume(path, columns, validation.Options(artefacts, report=report, quiet=quiet)))


def curve(
    recipe: str | Path | Recipe,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    sizes: int | Sequence[int] = NUM_SIZES,
    draws: int = NUM_DRAWS,
    out: str | Path | None = None,
    keep: bool = False,
    report: bool = True,
    quiet: bool = False,
    before: Callable[[Recipe, Parts], None] | None = None,
) -> Curve:
    """Train a recipe on more and more of its training rows: the score against the size, and what more rows would bring.

    Runs that are there already stay, and those that were interrupted go on.

    Args:
        recipe, settings, before: as `train` takes them.
        sizes: how many sizes, in equal ratios up to all training rows, or how many rows each.
        draws: how many subsets of each size.
        out: the folder of the runs `size-N-draw-R`; `runs/NAME-curve` by default.
        keep: keep every run's weights too.

    Raises:
        PellucidError: the recipe, the data or the sizes cannot be used.

    Example:
        >>> pellucid.curve("digits-mlp").result["said"]
    """
    given = Given(report=report, quiet=quiet, before=before)
    return Curve(size_curve.train(recipe_of(recipe, settings), sizes, draws, path_or_none(out), given, keep))


def compare(
    *runs: str | Path | Run | CrossValidation,
    metric: str | None = None,
    split: str = "validation",
    common: bool = False,
    out: str | Path | None = None,
    report: bool = True,
) -> dict[str, Any]:
    """Compare runs by a paired test of the rows that judged them, or cross-validations by one of their folds.

    Nothing is trained and no seal is opened. Up to four runs are compared each with each, more with the first; of one
    run its net is compared with every baseline beside it.

    Args:
        metric: which score decides; the task's primary one by default.
        split: "validation", or "test" where every run has opened it.
        common: compare the rows that all judged, where they judged different ones.
        out: the page; `runs/compare.html` by default.
        report: write the page.

    Returns:
        `"comparisons"` with difference, interval, p-value and effect size of each pair, `"sentences"` that say it in
        words, `"config"` with what the recipes differ in.

    Raises:
        PellucidError: the runs are not comparable; the message says what differs.
    """
    paths = [run.folder if isinstance(run, Run | CrossValidation) else Path(run) for run in runs]
    return comparison.compare(paths, metric, split, common, path_or_none(out), report)
