"""What tasks over rows share: a prediction for every row of a part, judged one by one, and answers about new rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.catalogue import Config
from pellucid.data.arrays import inputs_like
from pellucid.data.batch import tensor_of
from pellucid.data.features import recoded
from pellucid.data.inputs import Input, read_inputs, texts_like
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.steps import Reading
from pellucid.data.world import World
from pellucid.errors import PellucidError
from pellucid.spec import Field, Spec
from pellucid.tasks.certainty import Amend
from pellucid.tasks.score import Score
from pellucid.tasks.task import Answer, PerRow

WORST = 16
BATCH_ROWS = 256


class Asking(Config):
    """Nothing to set: a row has one answer."""


def other_target(spec: Spec) -> str:
    """Say what a target is instead, and which task suits it: the end of a refusal."""
    kind = spec.target.kind if spec.target is not None else "none"
    return {
        "number": "here it is numbers. Choose 'regress'",
        "labels": "here it is labels, of which a row may have several. Choose 'multi_label'",
        "category": "here it is classes. Choose 'classify'",
        "tokens": "here it is the next character. Choose 'next_token'",
        "mask": "here it is masks. Choose 'segment'",
    }.get(kind, "here is none. Choose a task that does without (`pellucid ls tasks`)")


class RowTask(Protocol):
    """What a task over rows must say itself."""

    def predict(self, model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
        """Return per-row predictions for prepared inputs, each `[rows, ...]`, in the user's units."""

    def judge(self, predictions: PerRow, targets: NDArray[Any]) -> PerRow:
        """Return per-row losses and verdicts: at least `"loss"`, the larger the worse the prediction was."""

    def scores(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Score]:
        """Return the scores by which training validates, the primary one first: nothing that takes long."""

    def all_scores(self, look: RowsLook) -> dict[str, Score]:
        """Return the scores of a result, the primary one first."""

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Return what the best weights are chosen by."""

    def details(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Any]:
        """Return what a report shows beyond scores, as JSON types."""

    def table(self, predictions: PerRow, targets: NDArray[Any] | None) -> dict[str, Sequence[Any]]:
        """Return the columns of a predictions file, in the user's words."""


@dataclass(frozen=True)
class RowsLook:
    """What a model says of a part, row by row, and how right it is.

    Attributes:
        rows: row ids, `[rows]`.
        predictions: what the task predicts, each `[rows, ...]`.
        targets: the truth as the task's batches hold it, `[rows, ...]`.
    """

    part: str
    rows: NDArray[np.int64]
    predictions: PerRow
    targets: NDArray[Any]
    task: RowTask
    world: Rows
    unit: str = "row"

    @cached_property
    def scores(self) -> dict[str, Score]:
        """The scores by which training validates, the primary one first."""
        return self.task.scores(self.predictions, self.targets)

    @cached_property
    def all_scores(self) -> dict[str, Score]:
        """The scores of a result, the primary one first."""
        return self.task.all_scores(self)

    @cached_property
    def clusters(self) -> NDArray[np.int64] | None:
        """Which rows belong together: to one group of the split, or to one stretch of a series."""
        return self.world.clusters(self.rows)

    @property
    def rank(self) -> tuple[float, ...]:
        """What the best weights are chosen by; larger is better."""
        return self.task.rank({name: score.value for name, score in self.scores.items()})

    def worst(self, num: int) -> list[int]:
        """Return the places of the worst mistakes: wrong rows, by falling loss."""
        judged = self.task.judge(self.predictions, self.targets)
        wrong = np.flatnonzero(~judged["correct"]) if "correct" in judged else np.arange(len(self.rows))
        order = np.argsort(-judged["loss"][wrong], kind="stable")
        return [int(place) for place in wrong[order[:num]]]

    def details(self) -> dict[str, Any]:
        """Return the task's own, the features' names (and levels, where a table has any), and the worst mistakes."""
        raw = self.world.columns.schema["input"]
        return {
            **self.task.details(self.predictions, self.targets),
            "feature_names": [feature.name for feature in raw.features] or list(raw.names),
            "feature_levels": [feature.levels for feature in raw.features],
            "worst": self._mistakes(),
        }

    def _mistakes(self) -> list[dict[str, Any]]:
        """The row id (and its file), truth, prediction, loss, the prediction's probability: of the worst mistakes."""
        places = self.worst(WORST)
        if not places:
            return []
        predictions = {name: values[places] for name, values in self.predictions.items()}
        targets = self.targets[places]
        table = self.task.table(predictions, targets)
        losses = self.task.judge(predictions, targets)["loss"]
        mistakes = []
        names = self.world.names(self.rows[places])
        for index, place in enumerate(places):
            mistake = {
                "row": int(self.rows[place]),
                **({"name": names[index]} if names else {}),
                **{name: values[index] for name, values in table.items() if not name.startswith("p_")},
                "loss": float(losses[index]),
            }
            if f"p_{mistake.get('prediction')}" in table:
                mistake["probability"] = table[f"p_{mistake['prediction']}"][index]
            mistakes.append(mistake)
        return mistakes

    def table(self) -> dict[str, Sequence[Any]]:
        """Return every row's id, the name of its file where it is one, and its prediction."""
        names = self.world.names(self.rows)
        told = self.task.table(self.predictions, self.targets)
        return {"row": self.rows.tolist(), **({"name": names} if names else {}), **told}

    def worst_inputs(self) -> NDArray[Any] | None:
        """Return the inputs of the worst mistakes as the user knows them."""
        return self.world.raw(self.rows[self.worst(WORST)])


def look(task: RowTask, model: nn.Module, world: World, part: str) -> RowsLook:
    """Predict every row of a part."""
    world = of_rows(world)
    predictions: list[PerRow] = []
    targets: list[NDArray[Any]] = []
    for batch in world.batches(part):
        predicted = task.predict(model, batch["input"])
        predictions.append({name: tensor.cpu().numpy() for name, tensor in predicted.items()})
        targets.append(batch["target"].cpu().numpy())
    joined = {name: np.concatenate([piece[name] for piece in predictions]) for name in predictions[0]}
    return RowsLook(part, world.rows(part).numpy(), joined, np.concatenate(targets), task, world)


def of_rows(world: World) -> Rows:
    """Return the world as one of rows; refuse any other."""
    if not isinstance(world, Rows):
        raise PellucidError("This task is asked about rows of data, and this world has none. Choose another task.")
    return world


def examples(world: World, rows: int) -> NDArray[Any]:
    """Return the first rows of the validation part, or of the training part where nothing is validated."""
    world = of_rows(world)
    held_out = world.split.parts["validation"]
    chosen = (held_out if len(held_out) else world.split.parts["train"])[:rows]
    rows_at_rest = world.columns.values["input"][chosen]
    given, fitted = world.columns.schema["input"], world.spec.input
    return recoded(rows_at_rest, given, fitted) if given.features else rows_at_rest


def respond(task: RowTask, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
    """Prepare raw rows and predict them, some at a time."""
    parts = [task.predict(model, preprocessing.apply("input", part)) for part in torch.split(raw, BATCH_ROWS)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def read(inputs: Any, field: Field, examples: NDArray[Any]) -> list[Input]:
    """Return the rows that a user asks about: from files, from memory, or the examples where nothing is given.

    A list of words is of files; documents of memory come as an array or a column of a data frame.
    """
    if inputs is None:
        return [Input([f"golden {number}" for number in range(len(examples))], examples)]
    if isinstance(inputs, Sequence) and all(isinstance(item, str) for item in inputs):
        return list(read_inputs(inputs, field))
    rows = texts_like(inputs) if field.kind == "tokens" else inputs_like(inputs, field)
    return [Input([str(number) for number in range(len(rows))], rows)]


def answers(
    task: RowTask,
    model: nn.Module,
    preprocessing: Preprocessing,
    field: Field,
    inputs: Any,
    examples: NDArray[Any],
    amend: Amend | None = None,
) -> list[Answer]:
    """Predict the rows that a user asks about; a file that cannot be used is an answer with an error.

    Args:
        amend: how sure the predictions are to say that they are.
    """
    found: list[Answer] = []
    step = preprocessing.steps.get("input")
    for given in read(inputs, step.raw if isinstance(step, Reading) else field, examples):
        if given.values is None:
            found.append(Answer({"input": given.names[0], "error": given.error}))
            continue
        outputs = respond(task, model, preprocessing, tensor_of(given.values))
        predictions: PerRow = {name: tensor.cpu().numpy() for name, tensor in outputs.items()}
        predictions, sure = amend(predictions) if amend else (predictions, [{} for _ in given.names])
        words = _words(task.table(predictions, None), given)
        found += [Answer(values | more) for values, more in zip(words, sure, strict=True)]
    return found


def _words(table: Mapping[str, Sequence[Any]], given: Input) -> list[dict[str, Any]]:
    """Each row's prediction, its classes' probabilities where there are any, and what was done to read it."""
    shares = {name.removeprefix("p_"): values for name, values in table.items() if name.startswith("p_")}
    plain = {name: values for name, values in table.items() if not name.startswith("p_")}
    told = []
    for row, name in enumerate(given.names):
        values = {"input": name, **{key: column[row] for key, column in plain.items()}}
        if shares:
            values["probabilities"] = {key: round(column[row], 6) for key, column in shares.items()}
        told.append(values | ({"note": given.note} if given.note else {}))
    return told
