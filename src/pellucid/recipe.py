"""A recipe: what to do, completely. Typed, validated, TOML both ways; the run folder keeps the resolved one.

`model`, `task` and `rule` are a name and that row's own fields; `experiment.resolve` looks them up in the catalogues.
"""

from __future__ import annotations

import copy
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator
from tomlkit.items import Table

from pellucid.catalogue import Config, sentences, validate
from pellucid.errors import RecipeError

FORMAT = 1
"""The version of the recipe format that this code writes. Older ones load; newer ones are refused."""

Section = dict[str, Any]


Side = Annotated[int, Field(ge=1, le=4096)]
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""What stands for a missing value in most tables."""
ColumnType = Literal["number", "category", "labels", "time", "id", "text", "ignore"]
"""What a table's column holds. Only numbers and categories are learned from."""


Kind = Literal[
    "table", "series", "text", "documents", "pictures", "masks", "sounds", "arrays", "idx", "cifar", "conllu"
]
"""What lies at a source of the user's own."""


class DataSection(Config):
    """Where the rows come from. Most fields concern data of one's own, of the kinds that they name."""

    source: str
    """A data set (`pellucid ls data`), the path of data of your own, an environment (`pellucid ls environments`, or any
    other of Gymnasium's as "gymnasium:ID"), or "arrays" for what was given to `pellucid.fit`."""
    kind: Kind | None = None
    """What lies at that path: a table's rows, or a series where they follow one another in time; one text, or documents
    that each have a class; pictures of a class each, or with a mask each; sounds; NumPy arrays, IDX files, CIFAR's
    batches, CoNLL-U. Left out: inferred from the names of the files."""
    target: str | None = None
    """Of a table or a series, the column to predict. Of files, the piece of their names that is the class, name_1,
    name_2, ...; left out, it is the folder. Of arrays, what the one to predict is called; of CIFAR-100, fine or
    coarse."""
    types: dict[str, ColumnType] | None = None
    """Of a table, what its columns hold: number, category, or what is not learned from: time, id, text, ignore. Those
    left out are inferred from the values. Of arrays, whether the target is a number or a category."""
    header: bool | None = None
    """Whether the first line of a CSV or TSV names the columns; they are column_1, column_2, ... where it does not.
    Left out: inferred."""
    missing: tuple[str, ...] | None = None
    """What stands for a missing value in a table. Left out: an empty value, NA, N/A, NaN, null, None and ?."""
    input: str | None = None
    """Of a table, the one column to learn from, where that holds texts or the paths of pictures or sounds. Of arrays,
    what the one to learn from is called."""
    time: tuple[str, ...] | None = None
    """Of a series, the columns that say when: one of dates, or several from the largest unit to the smallest (year,
    month, day, hour)."""
    series: str | None = None
    """Of a series, the column that says which of several a row belongs to."""
    size: tuple[Side, Side] | None = None
    """Of pictures, the height and width in pixels that all are brought to. Must be given there."""
    ignore: tuple[Annotated[int, Field(ge=0, le=255)], ...] | None = None
    """Of masks, the values that are neither learned nor judged."""
    rate: int | None = Field(None, ge=1000, le=384_000)
    """Of sounds, the samples per second that all are brought to. Must be given there."""
    seconds: float | None = Field(None, gt=0, le=3600)
    """Of sounds, the length that all are brought to: a longer one is cut, a shorter one ends in silence. Must be given
    there."""
    unreadable: Literal["refuse", "leave out"] = "refuse"
    """Of files in folders, what becomes of those that cannot be decoded: refuse names them and stops, leave out trains
    without them and says so."""


class SplitSection(Config):
    """Who is in train, validation and test. The parts are row ids, drawn once, stored and hashed."""

    kind: Literal["stratified", "random", "given", "grouped", "time", "contiguous"] = "stratified"
    """stratified keeps the classes' shares in every part (of numbers to predict, those of their quantiles); given keeps
    the data's own parts and draws what they lack; grouped keeps rows of one group together; time lets the earliest
    train, the next validate and the latest test; contiguous cuts one text or series in its order. Episodes of an
    environment are drawn by their seeds, whatever stands here."""
    group: str | None = None
    """The column that says who belongs together (a patient, a speaker): of a table one of its columns, of files in
    folders "folder" or a piece of their names, name_1, name_2, ..."""
    time: str | None = None
    """The column that rows are ordered by."""
    gap: int = Field(0, ge=0)
    """How many rows between one part and the next are left out, where parts follow one another in time."""
    validation: float = Field(0.15, ge=0, lt=1)
    """Share of the rows that choose the best weights. 0 validates nothing and keeps the last weights."""
    test: float = Field(0.15, ge=0, lt=1)
    """Share of the rows that stay sealed until `evaluate --split test`."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Draws the parts. Its own seed, so that runs with different seeds are judged on the same rows."""
    validation_episodes: int = Field(20, ge=2)
    """Of an environment, how many episodes choose the best weights. `split.validation = 0` plays none."""
    test_episodes: int = Field(100, ge=2)
    """Of an environment, how many episodes stay sealed until `evaluate --split test`."""

    @model_validator(mode="after")
    def _leave_rows_to_train(self) -> SplitSection:
        if self.validation + self.test >= 1:
            total = f"{self.validation:g} + {self.test:g}"
            raise ValueError(f"validation + test below 1, so that rows are left to train on (here {total})")
        return self


class PrepareSection(Config):
    """Steps that turn columns into tensors, fitted on the training rows only."""

    standardize: bool = True
    """Subtract the mean and divide by the standard deviation: per channel of an image, per feature of a table, per
    number target. Rates and initialisers are made for inputs of that size."""
    binarize: bool = False
    """Inputs in 0 to 1 become 0 or 1, by whether they are above a half, instead of being standardised: for units that
    are on or off."""
    context: int = Field(128, ge=1)
    """Of a text, how many characters a model sees at once; gradients reach back that far. Of a series, how many of its
    steps."""
    horizon: int | None = Field(None, ge=1)
    """Of a series, how many steps ahead the value to predict lies. Left out: 1."""
    tokenizer: Literal["words", "characters", "bpe"] | None = None
    """Of documents, what a token is: a word, a character, or a piece of a word that byte-level byte-pair encoding found
    (Sennrich et al. 2016; needs `pip install pellucid[text]`). Left out: words."""
    vocabulary: int | None = Field(None, ge=4)
    """Of documents, how many tokens are known at most: the most frequent of the training rows. Left out: 20,000."""
    longest: int | None = Field(None, ge=1)
    """Of documents, how many tokens of each are read at most, from its beginning. Left out: 512."""
    mels: int | None = Field(None, ge=4, le=256)
    """Of sounds, how many bands of frequency a frame is summed into, evenly spaced on the mel scale. Left out: 40."""


class TrainSection(Config):
    """How long, in what portions, and how often to look."""

    epochs: int | None = Field(None, ge=1)
    """Passes over the training rows. Give this or steps."""
    steps: int | None = Field(None, ge=1)
    """Updates of the weights. Give this or epochs."""
    batch_size: Annotated[int, Field(ge=1)] | Literal["all"] = 64
    """Rows per update, or "all". An epoch is cut evenly: its batches differ by one row at most, none is a remnant. In
    an environment the rule says how much experience an update sees."""
    evaluate_every: int | None = Field(None, ge=1)
    """Steps between validations. Left out: once an epoch, a hundred times at most (twenty where there are
    no epochs)."""
    patience: int | None = Field(None, ge=1)
    """Stop after this many validations without a better one. Left out: train to the end."""
    keep: Literal["best", "last"] = "best"
    """Which weights become the artefact: the best by validation, or the last, where the optimum itself is wanted."""
    checkpoint_every: int | None = Field(None, ge=1)
    """Steps between checkpoints. Left out: every 20 seconds."""
    log_every: int | None = Field(None, ge=1)
    """Steps between lines of metrics.jsonl and looks inside the layers. Left out: a hundredth of the run, and fifty at
    least where that leaves twenty of them."""

    @model_validator(mode="after")
    def _one_length(self) -> TrainSection:
        if (self.epochs is None) == (self.steps is None):
            given = "neither" if self.epochs is None else "both"
            raise ValueError(f"exactly one of train.epochs and train.steps (here {given})")
        return self


class ExecutionSection(Config):
    """On what, and with what precision, it is computed. Decided before step 1, recorded, replayed on resume."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto takes cuda, then mps, then cpu, whichever is there first."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 computes the forward and backward pass in bfloat16 under autocast; weights stay in fp32."""
    threads: int | None = Field(None, ge=1, le=1024)
    """Threads of one operation on the cpu. Left out: torch's choice. Different counts give different bytes."""
    layout: Literal["channels_last", "channels_first"] = "channels_last"
    """How the weights of convolutions lie in memory. channels_last is the faster one; it rounds differently."""
    variant: Literal["auto", "eager", "captured"] = "auto"
    """How a gradient is computed: eager by the chain rule anew at each step, captured by a recording of its operations,
    to the same bytes; auto measures both before step 1. Which it was is written to execution.json."""


class EvaluateSection(Config):
    """What stands beside the result."""

    baselines: bool = True
    """Judge beside the net what needs no deep learning, fitted on the same training rows. The task brings it: for
    classes the majority, a linear model and nearest neighbours; for a text its bigrams; for actions random ones."""
    resamples: int = Field(1000, ge=100)
    """Bootstrap resamples behind an interval that has no closed form."""


class Recipe(Config):
    """Everything that a run needs to be carried out again."""

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    """Version of this file format."""
    name: str
    """What the run folder is called."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Initial weights, the order of the rows, dropout: everything random but the split."""
    augment: tuple[Section, ...] = ()
    """Changes of the training inputs that keep their meaning, in order: names of `pellucid ls augmentations`, each with
    its own fields. They are drawn anew in every epoch, by (seed, epoch, row); nothing is changed where it is judged."""
    data: DataSection
    split: SplitSection = SplitSection()
    prepare: PrepareSection = PrepareSection()
    model: Section
    task: Section
    rule: Section = Field({"name": "backpropagation"})
    train: TrainSection
    execution: ExecutionSection = ExecutionSection()
    evaluate: EvaluateSection = EvaluateSection()

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(
                "letters, digits, '.', '_' and '-', a letter or a digit first: it is what a folder is called"
            )
        return name

    @field_validator("model", "task", "rule")
    @classmethod
    def _is_named(cls, section: Section, info: ValidationInfo) -> Section:
        if "name" not in section:
            raise RecipeError([f"{info.field_name}.name: must be given."])
        if not isinstance(section["name"], str):
            raise RecipeError([f"{info.field_name}.name = {section['name']!r}: expected text."])
        return section


def parse(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from plain values; every problem is reported at once."""
    version = values.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:  # what else is in it cannot be judged
        message = f"format = {version}: this Pellucid reads recipes up to format {FORMAT}. Install a newer Pellucid."
        raise RecipeError([message], where=where)
    try:
        return validate(Recipe, values)
    except RecipeError as error:
        raise RecipeError(error.problems, where=where, values=values) from None


def read(path: Path) -> Recipe:
    """Read a recipe from a TOML file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError([f"cannot be read: {reason}."], where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError([f"is not TOML: {error}."], where=str(path)) from None
    return parse(values, where=str(path))


COLUMN_TYPES = "data.types."


def override(recipe: Recipe, assignments: Iterable[str] | Mapping[str, Any]) -> Recipe:
    """Return the recipe with `section.field=value` assignments applied.

    Values are TOML (`3`, `0.1`, `true`, `[64, 64]`); anything else is taken as text, and none at all leaves the field
    out (`train.patience=`). A new `name` clears the fields of the row it replaces, which the new one would not know.

    Example:
        >>> override(recipe, ["train.epochs=3", "model.name=mlp"])
    """
    values = recipe.model_dump()
    pairs = list(assignments.items() if isinstance(assignments, Mapping) else map(assignment, assignments))
    # Names first, outer before inner: `model.widths=[8] model.name=mlp` means the same in either order.
    for path, value in sorted(pairs, key=lambda pair: (not pair[0].endswith(".name"), pair[0].count("."))):
        *parents, field = path.split(".")
        if path.startswith(COLUMN_TYPES) and values["data"].get("types") is None:
            values["data"]["types"] = {}
        if path.startswith(COLUMN_TYPES):  # what follows is a column's name, dots and all
            parents, field = ["data", "types"], path.removeprefix(COLUMN_TYPES)
        if not all((*parents, field)):
            raise RecipeError([f"{path!r}: expected section.field, such as train.epochs."], where="recipe")
        section = values
        for parent in parents:
            if not isinstance(section.setdefault(parent, {}), dict):
                raise RecipeError([f"{path}: {parent!r} is a value, it has no fields."], where="recipe")
            section = section[parent]
        if field == "name" and path.startswith(("model.", "task.", "rule.")) and section.get("name") != value:
            section.clear()
        section[field] = copy.deepcopy(value)
    length = {path for path, value in pairs if value is not None} & {"train.epochs", "train.steps"}
    if len(length) == 1:  # the other way to say how long gives way
        values["train"]["steps" if "train.epochs" in length else "epochs"] = None
    return parse(values)


def assignment(text: str) -> tuple[str, Any]:
    """Return the field and the value of `section.field=value`; the value is TOML, or else text."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise RecipeError([f"{text!r}: expected section.field=value, such as train.epochs=3."], where="command line")
    try:
        read = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        read = value.strip() or None
    plain = read is None or isinstance(read, bool | int | float | str | list | dict)
    return path.strip(), read if plain else value  # no field holds a date


def to_toml(recipe: Recipe, settings: Mapping[str, type[BaseModel]] | None = None) -> str:
    """Write a recipe as TOML.

    Args:
        settings: the settings class of `"model"`, `"task"`, `"rule"` and of their sections, `"rule.optimizer"` and so
            on. With it, each field carries its sentence as a comment.
    """
    document = tomlkit.document()
    classes: dict[str, Any] = {}
    if settings is not None:
        classes = {name: field.annotation for name, field in Recipe.model_fields.items()} | dict(settings)
    for name, value in recipe.model_dump().items():
        if isinstance(value, dict):
            document.add(tomlkit.nl())
            document.add(name, _table(value, name, classes))
        else:
            document.add(name, value)
    return tomlkit.dumps(document)


def _table(values: Mapping[str, Any], path: str, classes: Mapping[str, Any]) -> Table:
    """One section: its plain fields first, as TOML wants them, then the sections inside it."""
    table = tomlkit.table()
    config = classes.get(path)
    documented = sentences(config) if isinstance(config, type) and issubclass(config, BaseModel) else {}
    for name, value in sorted(values.items(), key=lambda item: isinstance(item[1], Mapping)):
        if isinstance(value, Mapping):
            table.add(tomlkit.nl())
            table.add(name, _table(value, f"{path}.{name}", classes))
            continue
        for line in textwrap.wrap(documented.get(name, ""), 100):
            table.add(tomlkit.comment(line))
        if value is not None:
            table.add(name, list(value) if isinstance(value, tuple) else value)
        elif documented:  # TOML has no null: a field that is left out
            table.add(tomlkit.comment(f"{name} ="))
    return table
