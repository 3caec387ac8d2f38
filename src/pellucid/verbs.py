"""The public verbs. The command line and a notebook call the same ones: a button is a verb is a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from torch import nn

from pellucid import experiment, ledger, records, refusals, reporting, rundir
from pellucid import recipe as recipes
from pellucid.artefacts import artefact as artefacts
from pellucid.artefacts import results
from pellucid.artefacts.artefact import OWN, Artefact
from pellucid.catalogue import find
from pellucid.data import lookup
from pellucid.data.arrays import Question, from_parts
from pellucid.data.columns import Columns
from pellucid.data.world import World
from pellucid.errors import PellucidError, RecipeError, RunError
from pellucid.evaluation import certainty
from pellucid.evaluation import evaluate as evaluation
from pellucid.evaluation.certainty import Asked
from pellucid.execution import Execution, threads_kept
from pellucid.experiment import Given, Parts
from pellucid.proposals import arrays
from pellucid.recipe import Recipe
from pellucid.recipes import RECIPES
from pellucid.seeds import several
from pellucid.training import failure

PARTS = ("validation", "test")


@dataclass(frozen=True)
class Run:
    """A run folder to look into."""

    folder: Path
    module: nn.Module | None = None
    """The user's own model, where one was trained in this process."""

    def result(self, split: str = "validation") -> dict[str, Any]:
        """Return the kept result of a part, with intervals and baselines."""
        result: dict[str, Any] = rundir.read_json(self.folder / f"results/{split}.json")
        return result

    @property
    def metrics(self) -> dict[str, float]:
        """The validation scores."""
        return {name: score["value"] for name, score in self.result()["metrics"].items()}

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.folder / "report.html"

    def evaluate(
        self, split: str = "validation", *, slices: Sequence[str] = (), costs: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Evaluate a part, as `pellucid.evaluate`; where that is "test" it is opened, and the look is counted."""
        return evaluate(self, split, slices=slices, costs=costs)

    def predict(self, inputs: Any = None, settings: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Predict new rows, continue prompts, sample or play: as `pellucid.predict`."""
        return predict(self, inputs, settings)


@dataclass(frozen=True)
class Runs:
    """A folder of runs of one recipe that differ in the seed."""

    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        """What they say together: each score's mean over the seeds with its interval, and the values per seed."""
        return several.result(self.folder)

    @property
    def runs(self) -> list[Run]:
        """The runs, by seed."""
        return [Run(Path(each["run"])) for each in self.result["seeds"]]

    @property
    def metrics(self) -> dict[str, float]:
        """The validation scores, as means over the seeds."""
        return {name: score["value"] for name, score in self.result["metrics"].items()}


def recipe_of(name: str | Path | Recipe, settings: Iterable[str] | Mapping[str, Any] = ()) -> Recipe:
    """Return the recipe that is called or lies at `name`, with settings applied."""
    try:
        if isinstance(name, Recipe):
            chosen = name
        elif str(name).endswith(".toml"):
            chosen = recipes.read(Path(name))
        else:
            if str(name) not in RECIPES and Path(name).exists():
                raise PellucidError(_no_recipe(Path(name)))
            chosen = find(RECIPES, str(name), "recipe").load()()
        return recipes.override(chosen, settings)
    except RecipeError as error:
        raise experiment.completed(error) from None


def _no_recipe(path: Path) -> str:
    """Say how what lies at a path, and is no recipe, is trained on or gone on with."""
    if (path / "recipe.toml").exists():
        return f"{path} is a run: --resume {path} goes on with it, and the recipe {path}/recipe.toml does it again."
    return f"{path} is no recipe. If it is data of your own: pellucid train --data {path}; in Python, pellucid.propose."


@overload
def train(
    recipe: str | Path | Recipe,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    out: str | Path | None = None,
    seeds: None = None,
    stack: bool = False,
    report: bool = True,
    quiet: bool = False,
    before: Callable[[Recipe, Parts], None] | None = None,
) -> Run: ...
@overload
def train(
    recipe: str | Path | Recipe,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    out: str | Path | None = None,
    seeds: int,
    stack: bool = False,
    report: bool = True,
    quiet: bool = False,
    before: Callable[[Recipe, Parts], None] | None = None,
) -> Runs: ...
def train(
    recipe: str | Path | Recipe,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    out: str | Path | None = None,
    seeds: int | None = None,
    stack: bool = False,
    report: bool = True,
    quiet: bool = False,
    before: Callable[[Recipe, Parts], None] | None = None,
) -> Run | Runs:
    """Carry out a recipe in a new run folder, or with several seeds in a folder of runs.

    Args:
        recipe: a name of `ls("recipes")`, the path of a TOML file, or a `Recipe`.
        settings: `["train.epochs=3"]` or `{"train.epochs": 3}`.
        out: the run folder; `runs/NAME` by default.
        seeds: carry it out so often, with the recipe's seed and those after it, in `OUT/seed-0` and so on
            (`runs/NAME-seeds` by default). Runs that are there already stay, and those that were interrupted go on.
        stack: let the seeds learn in one pass where their nets allow it and where it pays; which, and why, is told.
        before: called with the recipe and with what was assembled of it, before a run folder is made.

    Raises:
        PellucidError: the recipe or the data cannot be used; nothing was made.
    """
    given = Given(report=report, quiet=quiet, before=before)
    if stack and seeds is None:
        raise PellucidError("One run has none to learn with: stack goes with seeds.")
    if seeds is not None:
        return Runs(several.train(recipe_of(recipe, settings), seeds, path_or_none(out), given, stack=stack))
    return Run(experiment.train(recipe_of(recipe, settings), path_or_none(out), given))


def resume(run: str | Path | Run, *, report: bool = True, quiet: bool = False) -> Run:
    """Go on with a run that was interrupted or killed; it ends with the bytes it would have ended with."""
    folder = _folder(run)
    return Run(experiment.resume(folder, Given(report=report, quiet=quiet)))


def fit(
    X: Any,
    y: Any = None,
    *,
    model: str | nn.Module | None = None,
    task: Question | None = None,
    validation: float | tuple[Any, Any] | None = None,
    test: float | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    settings: Iterable[str] | Mapping[str, Any] = (),
    recipe: str | Path | Recipe | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    resume: str | Path | Run | None = None,
    report: bool = True,
    quiet: bool = False,
) -> Run:
    """Train on arrays in memory, with the same run folder, resume and report as any recipe.

    Args:
        X: NumPy array, tensor or data frame: `[N, features]`, or images `[N, H, W]`, `[N, C, H, W]`, `[N, H, W, C]`.
        y: `[N]` classes of any kind, or numbers, or `[N, labels]` of 0 and 1 with task="multi_label"; None for a recipe
            whose task predicts nothing, such as a density's.
        model: a name of `ls("models")`, or your own `nn.Module` from a prepared batch of X to `[N, classes]` or
            `[N, targets]`, which is trained in place. By default a convolutional net for images and a multilayer
            perceptron for tables.
        task: "classify", "multi_label" or "regress". By default fractional numbers and several columns are regressed,
            and all else is classified.
        validation: the share of rows that choose the best weights, or `(X, y)` of your own; 0.15 by default.
        test: the share of rows that stay sealed until `evaluate(run, "test")`; 0.15 by default.
        epochs: passes over the training rows; 20 by default.
        seed: of everything random but the split; 0 by default.
        settings: recipe fields, such as `{"rule.optimizer.learning_rate": 1e-3}`.
        recipe: a name of `ls("recipes")`, to do on these arrays what it does on its own data, or an earlier run's
            `recipe.toml`, to do the same again. What it says itself is changed by settings, and refused elsewhere.
        name: what the recipe and the run folder are called; "arrays" by default.
        resume: a run of the same data to go on with. The recipe is the run's.

    Raises:
        PellucidError: the arrays cannot be used, or a recipe overrules what was given; nothing was made.

    Example:
        >>> run = pellucid.fit(X, y)
        >>> run.metrics["accuracy"], run.report
    """
    fields = {
        "model.name": model if isinstance(model, str) else None,
        "task.name": task,
        "split.validation": None if isinstance(validation, tuple) else validation,
        "split.test": test,
        "train.epochs": epochs,
        "seed": seed,
        "name": name,
    }
    overruled = {field: value for field, value in fields.items() if value is not None}
    if resume is not None:
        others = {"settings": settings or None, "recipe": recipe, "out": out}
        refusals.check_beside_a_run([*overruled, *(other for other, value in others.items() if value is not None)])
    elif recipe is not None:
        refusals.check_beside_a_recipe(overruled)
    earlier = recipes.read(_folder(resume) / "recipe.toml") if resume is not None else None
    if recipe is not None:
        earlier = recipe_of(recipe, settings)
    if y is None and earlier is None:
        raise PellucidError(
            "y = None: there is nothing to predict. Give y, or name a recipe that needs none: recipe='digits-rbm'."
        )
    columns = from_parts({"train": (X, y), **_parts(None, validation)}, question_of(earlier) if earlier else task)
    module = model if isinstance(model, nn.Module) else None
    given = Given(columns, module, report, quiet)
    if resume is not None:
        return Run(experiment.resume(_folder(resume), given), module)
    if earlier is not None:
        return Run(experiment.train(arrays.on_arrays(earlier, columns), path_or_none(out), given), module)
    section: dict[str, Any] = {"name": model or ("convnet" if columns.schema["input"].kind == "image" else "mlp")}
    if module is not None:
        section = {"name": OWN, "class": f"{type(module).__module__}:{type(module).__qualname__}"}
    shares = {
        "validation": 0.15 if validation is None else 0.0 if isinstance(validation, tuple) else validation,
        "test": 0.15 if test is None else test,
    }
    length = 20 if epochs is None else epochs
    made = arrays.of_arrays(columns, section, name or "arrays", seed=seed or 0, shares=shares, epochs=length)
    return Run(experiment.train(recipes.override(made, settings), path_or_none(out), given), module)


def evaluate(
    run: str | Path | Run,
    split: str = "validation",
    *,
    slices: Sequence[str] = (),
    costs: Sequence[str] = (),
    data: tuple[Any, Any] | None = None,
    validation: Any = None,
) -> dict[str, Any]:
    """Evaluate a run's artefact on a part of its data: scores with intervals, beside baselines.

    Opening the test part is noted in the run folder before the answer is known.

    Args:
        split: "validation" or "test".
        slices: columns by whose values the rows are told apart, each slice tested against the rest: a feature or any
            other column of a table, "target", "folder", a piece of files' names.
        costs: of mistakes, `["ill:healthy=5"]` for an ill row that is held to be healthy; of those not named, 1.
        data, validation: the `(X, y)` that `fit` was given, where they were too large to be kept with the run.
    """
    if split not in PARTS:
        raise PellucidError(f"split = {split!r}: expected validation or test.")
    path = _folder(run)
    with rundir.lock(path) as folder, threads_kept():
        recipe = recipes.read(path / "recipe.toml")
        kept = artefacts.read(path / "artefact", run.module if isinstance(run, Run) else None)
        execution = records.recorded_execution(folder, recipe)
        columns = _columns(path, recipe, _parts(data, validation))
        world = _world(path, recipe, execution, kept, columns)
        if world.size(split) == 0:
            raise PellucidError(f"{path}: the {split} part has no rows: the recipe's split.{split} is 0.")
        asked = Asked(tuple(costs), lookup.columns(recipe.data, world, slices))
        certainty.check(kept.task, asked)
        experiment.provide(kept.task, recipe, world, execution, Given(columns))
        if split == "test":
            folder.append("looks.jsonl", [{"when": rundir.now(), "split": split}])
            ledger.enter(world.test_hash, path)
            world.seal.open()
        execution.begin()
        execution.place(kept.model)
        seen = evaluation.run(kept.model, kept.task, world, split, execution)
        result = results.judge(folder, recipe, world, kept.task, split, seen, asked)
        reporting.write(path)
    return result


def predict(
    run: str | Path | Run,
    inputs: Any = None,
    settings: Mapping[str, Any] | None = None,
    *,
    model: nn.Module | None = None,
) -> list[dict[str, Any]]:
    """Ask a run's artefact, in the user's own units and words.

    Args:
        inputs: an array or data frame, or a list of paths (pictures, folders of them, CSV, TSV, Parquet, JSON lines,
            .npy); for a language model, prompts. Left out: what the task makes of nothing. Rows that the run was not
            trained on, a sample, a game.
        settings: the task's own, such as `{"temperature": 0.8}`; `show` of the task lists them.
        model: your own model, freshly made, where the run trained one in another process.

    Returns:
        One mapping per answer: `"input"` and the prediction, or `"input"` and `"error"` for a file that cannot be
        used. A picture is written into the run's folder `predictions`, and `"file"` is its path.
    """
    kept = load(run, model)
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    if isinstance(inputs, Sequence) and all(isinstance(item, str | Path) for item in inputs):
        inputs = [str(item) for item in inputs]
    folder = _folder(run)
    return [results.keep_answer(folder, answer) for answer in kept.answer(inputs, settings)]


def load(run: str | Path | Run, model: nn.Module | None = None) -> Artefact:
    """Load a run's artefact; it checks itself against its golden examples."""
    module = model if model is not None else run.module if isinstance(run, Run) else None
    return artefacts.read(_folder(run) / "artefact", module)


def replay(
    place: str | Path, *, model: nn.Module | None = None, data: tuple[Any, Any] | None = None, validation: Any = None
) -> str:
    """Carry out again the step that stopped a run (`RUN/failures/step-N`), and tell what happens.

    Args:
        model, data, validation: as `fit` was given them, where the run trained a model of your own, or on arrays too
            large to be kept with it.
    """
    place = Path(place)
    path = rundir.check(place.parent.parent)
    with rundir.lock(path) as folder, threads_kept():
        recipe = recipes.read(path / "recipe.toml")
        given = Given(_columns(path, recipe, _parts(data, validation)), model)
        parts = experiment.assemble(recipe, records.recorded_execution(folder, recipe), given)
        return failure.replay(parts.rule, place)


def _parts(data: Any, validation: Any) -> dict[str, tuple[Any, Any]]:
    """What a user gives again, by part; nothing where the run can read its data itself."""
    return {part: given for part, given in (("train", data), ("validation", validation)) if isinstance(given, tuple)}


def question_of(recipe: Recipe) -> Question | None:
    """What a recipe asks of its targets; a task that asks nothing of them leaves the choice to their values."""
    name = recipe.task["name"]
    return name if name in ("classify", "multi_label", "regress") else None


def _columns(path: Path, recipe: Recipe, given: dict[str, tuple[Any, Any]]) -> Columns | None:
    """A run's columns from memory: given again, or kept with it; None where the recipe names a data set."""
    if given:
        return from_parts(given, question_of(recipe))
    return records.kept_data(path)


def _world(path: Path, recipe: Recipe, execution: Execution, kept: Artefact, columns: Columns | None) -> World:
    """The run's own rows, split and fitted steps; anything else is refused."""
    opened = experiment.open_world(recipe, execution, columns, records.kept_split(path))
    began = rundir.read_json(path / "split.json", "data_hash", "hash")
    if any(began[key] != now for key, now in opened.identity.items()):
        raise RunError(f"The data or its split is not what {path} was trained on. Restore the files as they were.")
    return opened.with_preprocessing(kept.preprocessing)


def _folder(run: str | Path | Run) -> Path:
    return rundir.check_single(run.folder if isinstance(run, Run) else Path(run))


def path_or_none(out: str | Path | None) -> Path | None:
    """Return a place as a path."""
    return None if out is None else Path(out)
