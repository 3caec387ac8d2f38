"""The world of a text: one long row of characters, cut in its order, and coded by a vocabulary.

A model sees `context` characters at once and is asked for the next one at each place, so its input and its target are
of the same kind and length, the target one character further on.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.batch import tensor_of
from pellucid.data.columns import Columns
from pellucid.data.locate import find
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.seal import Seal
from pellucid.data.split import Split, draw
from pellucid.data.vocabulary import UNKNOWN, Vocabulary, code_points
from pellucid.errors import DataError
from pellucid.recipe import DataSection, Recipe
from pellucid.spec import Field, Spec

SAMPLE_WINDOWS = 256
_ENGLISH = (*"\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", UNKNOWN)
SPECS = {
    "tinyshakespeare": Spec(Field("tokens", (128,), categories=_ENGLISH), Field("tokens", (128,), categories=_ENGLISH))
}


class Text:
    """Characters at rest, and their codes part by part.

    Attributes:
        columns: one row per character: its code point.
        split: pieces of the text in order.
        context: how many characters a model sees at once.
        spec: tokens to tokens, each window of `context`.
    """

    def __init__(self, columns: Columns, split: Split, preprocessing: Preprocessing, context: int, device: str) -> None:
        self.columns = columns
        self.split = split
        self.preprocessing = preprocessing
        self.context = context
        self.device = device
        self.seal = Seal()
        vocabulary = preprocessing.steps["input"]
        assert isinstance(vocabulary, Vocabulary)
        field = Field("tokens", (context,), categories=vocabulary.categories)
        self.spec = Spec(field, field)
        self._tokens: dict[str, Tensor] = {}

    def with_preprocessing(self, preprocessing: Preprocessing) -> Text:
        """Return the same text with a vocabulary that was fitted before."""
        steps = Preprocessing(preprocessing.steps, self.device)
        return Text(self.columns, self.split, steps, self.context, self.device)

    def tokens(self, part: str) -> Tensor:
        """Return a part's codes on the device, `[characters]`, int64; made once.

        Raises:
            SealedError: it is the test part, and may not be seen.
        """
        self.seal.check(part)
        if part not in self._tokens:
            points = tensor_of(self.raw(part)).to(self.device)
            self._tokens[part] = self.preprocessing.apply("input", points)
        return self._tokens[part]

    def raw(self, part: str) -> NDArray[np.int32]:
        """Return a part's code points, `[characters]`."""
        return self.columns.dense("input")[self.split.parts[part]].astype(np.int32)

    def first(self, part: str) -> int:
        """Return the place of a part's first character in the whole text."""
        return int(self.split.parts[part][0])

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of the text and of the split."""
        return {"data_hash": self.columns.hash, "hash": self.split.hash}

    @property
    def test_hash(self) -> str:
        """Hash of the data and of the rows that test, whoever trains and validates."""
        return self.split.test_hash(self.columns)

    def size(self, part: str) -> int:
        """Return how many characters a part has."""
        return len(self.split.parts[part])

    def sample(self) -> Tensor:
        """Return up to 256 windows of the training part, evenly spaced, `[windows, context]`."""
        tokens = self.tokens("train")
        windows = tokens[: len(tokens) // self.context * self.context].view(-1, self.context)
        return windows[:: max(1, len(windows) // SAMPLE_WINDOWS)][:SAMPLE_WINDOWS]

    def check(self) -> None:
        """Raise `LeakError` where the vocabulary was collected from other characters than the training part's."""
        self.preprocessing.check_fitted_on(self.split)

    def to_dict(self) -> dict[str, Any]:
        """Return split.json: where each part begins and ends."""
        return {**self.split.to_dict(self.columns), "unit": "character"}


def open(recipe: Recipe, columns: Columns, device: str = "cpu") -> Text:
    """Cut the text as the recipe asks, and collect the vocabulary of its training part.

    Raises:
        DataError: the parts are not to be cut in order, or one is too short to ask anything of.
    """
    if recipe.split.kind != "contiguous":
        raise DataError(
            f"split.kind = {recipe.split.kind!r}: characters drawn here and there would have their neighbours in the "
            "other parts. A text is cut in its order: split.kind = 'contiguous'."
        )
    context, split = recipe.prepare.context, draw(recipe.split, columns)
    for part, rows in split.parts.items():
        fewest = 2 * context if part == "train" else 2
        if len(rows) < fewest and (part == "train" or len(rows) > 0):
            raise DataError(
                f"The {part} part of the text has {len(rows):,} characters, and at least {fewest:,} are needed with "
                f"prepare.context = {context}. Give a longer text, or a shorter context."
            )
    step = Vocabulary.fit("input", columns.dense("input"), split.parts["train"])
    return Text(columns, split, Preprocessing({"input": step}, device), context, device)


def spec_of(columns: Columns, context: int = 128) -> Spec:
    """Return what a text dictates when all of it is seen."""
    characters = map(chr, np.unique(columns.dense("input")).tolist())
    field = Field("tokens", (context,), categories=(*characters, UNKNOWN))
    return Spec(field, field)


def columns_of(text: str, where: str) -> Columns:
    """Return a text as one row per character."""
    if not text:
        raise DataError(f"{where} is empty: there is no character to learn from. Give a text.")
    return Columns({"input": code_points(text)}, {"input": Field("tokens")})


def read(path: Path) -> Columns:
    """Read a file of UTF-8 text; line ends of any system become one newline character.

    Raises:
        DataError: the file is missing, empty or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: byte {error.start:,} cannot be read. Save it as UTF-8, then train again."
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a text file.") from None
    return columns_of(text, str(path))


def of_section(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Read the text of a recipe."""
    return read(Path(section.source))


def tinyshakespeare() -> Columns:
    """A million characters of Shakespeare's plays, as A. Karpathy joined them."""
    found = find("tinyshakespeare", {"text": ("input.txt",)}, "github.com/karpathy/char-rnn, data/tinyshakespeare")
    return read(found["text"])


def descriptions() -> Columns:
    """The descriptions of the data sets that scikit-learn ships: a small text that every installation has."""
    from sklearn import datasets

    loaders = (
        datasets.load_breast_cancer,
        datasets.load_diabetes,
        datasets.load_digits,
        datasets.load_iris,
        datasets.load_linnerud,
        datasets.load_wine,
    )
    return columns_of("\n".join(str(load().DESCR) for load in loaders), "descriptions")
