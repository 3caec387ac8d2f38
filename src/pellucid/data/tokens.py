"""Tokens: what a document is cut into, and the number of each. Fitted on the training documents only.

0 is padding, 1 any token that is not known, then those of the training rows by falling frequency, equals in the order
of their characters.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.columns import Rows
from pellucid.data.ragged import Ragged
from pellucid.data.steps import Apply, seen
from pellucid.errors import DataError
from pellucid.recipe import PrepareSection
from pellucid.spec import Field

PADDING, UNKNOWN = "<padding>", "<unknown>"
SPECIAL = (PADDING, UNKNOWN)
WORD = re.compile(r"</?\w[^<>]*>|\w+(?:['\u2019]\w+)*|[^\w\s]")
"""A tag of markup, a word with what an apostrophe joins to it, or one sign."""
SHORTEST, VOCABULARY, LONGEST = 16, 20_000, 512
"""Tokens that a batch is wide at least, and what prepare.vocabulary and prepare.longest are where they are left out."""
AT_ONCE = 1024
"""Documents that byte-pair encoding is given together."""
Tokenizer = Literal["words", "characters", "bpe"]


def width(longest: int, most: int) -> int:
    """Return the width of a batch whose longest row has so many tokens: 16, 24, 32, 48, 64, 96, ... or the most.

    Few different widths occur, and a row is padded by half of its length at most.
    """
    steps = (size for power in range(most.bit_length()) for size in (SHORTEST << power, 3 * SHORTEST // 2 << power))
    return min(next((size for size in steps if size >= longest), most), most)


def side_by_side(tokens: Tensor, offsets: Tensor, rows: Tensor, most: int) -> Tensor:
    """Gather rows of a ragged tensor, int64 `[rows, width]`, zero where a row has ended.

    Args:
        tokens: of all rows, `[total]`.
        offsets: where each row begins, and the last one ends, `[N + 1]`.
        rows: which, `[rows]`, on the same device.
        most: tokens of a row at most.
    """
    starts = offsets[rows]
    lengths = offsets[rows + 1] - starts
    places = torch.arange(width(int(lengths.max()) if len(rows) else 0, most), device=tokens.device)
    if len(tokens) == 0:
        return torch.zeros(len(rows), len(places), dtype=torch.int64, device=tokens.device)
    index = (starts[:, None] + places).clamp_(max=len(tokens) - 1)  # (rows, width)
    return tokens[index].long() * (places < lengths[:, None])


@dataclass(frozen=True)
class Tokens:
    """The step.

    Attributes:
        tokenizer: what a token is; words are in lower case.
        vocabulary: the known tokens in the order of their numbers, from 2.
        merges: of byte-pair encoding, which two pieces become one, first to last.
        longest: tokens of a document that are read at most, from its beginning.
        names: the column of a table that held the texts, if one did.
        fitted_on: the part, the number of its rows and their hash.
    """

    column: str
    tokenizer: Tokenizer
    vocabulary: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    longest: int
    fitted_on: Mapping[str, Any]
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] | None = None
    name = "tokens"

    @staticmethod
    def fit(column: str, texts: Ragged, raw: Field, rows: Rows, section: PrepareSection) -> Tokens:
        """Collect the tokens of the given rows of UTF-8 texts, and keep the most frequent.

        Raises:
            DataError: byte-pair encoding without its package, or with fewer tokens than there are bytes.
        """
        tokenizer, most = section.tokenizer or "words", section.vocabulary or VOCABULARY
        documents = (text(texts.row(row)) for row in rows)
        merges: tuple[tuple[str, str], ...] = ()
        if tokenizer == "bpe":
            merges = _merges(documents, most)
            pieces = _pieces(merges)
            documents = (text(texts.row(row)) for row in rows)
            counts = Counter(dict.fromkeys(pieces, 0))
            for found in _encoded(_byte_pair(pieces, merges), documents):
                counts.update(found)
        else:
            counts = Counter()
            for document in documents:
                counts.update(_cut(document, tokenizer))
        ordered = sorted(counts, key=lambda token: (-counts[token], token))[: most - len(SPECIAL)]
        longest = section.longest or LONGEST
        return Tokens(column, tokenizer, tuple(ordered), merges, longest, seen(rows), raw.names, raw.missing)

    @property
    def field(self) -> Field:
        """Numbers below the size of the vocabulary, `(longest,)` at most."""
        categories = (*SPECIAL, *self.vocabulary)
        return Field("tokens", (self.longest,), names=self.names, categories=categories, missing=self.missing)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary, len(SPECIAL))}

    def encode(self, texts: Ragged) -> Ragged:
        """Return the numbers of each document's tokens, int32, `longest` of each at most."""
        number = self._numbers.get
        rows = [
            np.fromiter(map(number, tokens[: self.longest], repeat(1)), np.int32)
            for tokens in self.cut(text(texts.row(row)) for row in range(len(texts)))
        ]
        return Ragged.of(rows)

    def cut(self, documents: Iterable[str]) -> Iterator[Sequence[str]]:
        """Yield the tokens of each document, all of them."""
        if self.tokenizer == "bpe":
            yield from _encoded(_byte_pair(_pieces(self.merges), self.merges), documents)
        else:
            for document in documents:
                yield _cut(document, self.tokenizer)

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the function from UTF-8 texts, uint8 `[rows, bytes]` ended by zeros, to tokens `[rows, width]`."""

        def apply(values: Tensor) -> Tensor:
            bytes_of = values.cpu().numpy()
            found = self.encode(Ragged.of(row[: len(row) - int((row[::-1] != 0).argmax())] for row in bytes_of))
            tokens, offsets = torch.from_numpy(found.values), torch.from_numpy(found.offsets)
            return side_by_side(tokens, offsets, torch.arange(len(found)), self.longest).to(device)

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        plain = ("column", "tokenizer", "vocabulary", "merges", "longest", "names", "missing", "fitted_on")
        return {"name": self.name, **{name: getattr(self, name) for name in plain}}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Tokens:
        """Read what `to_dict` made."""
        plain = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if name != "name"}
        return Tokens(**(plain | {"merges": tuple((left, right) for left, right in values["merges"])}))


def text(row: NDArray[np.uint8]) -> str:
    """Return a row of UTF-8 bytes as a text."""
    return row.tobytes().decode()


def _cut(document: str, tokenizer: str) -> Sequence[str]:
    return WORD.findall(document.lower()) if tokenizer == "words" else document


def _packages() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise DataError(
            "prepare.tokenizer = 'bpe' needs the package tokenizers: pip install pellucid[text]. "
            "Or choose prepare.tokenizer = 'words'."
        ) from None
    return tokenizers


def _alphabet() -> list[str]:
    """The characters that stand for the 256 bytes."""
    return sorted(_packages().pre_tokenizers.ByteLevel.alphabet())


def _merges(documents: Iterable[str], most: int) -> tuple[tuple[str, str], ...]:
    """Learn byte-pair encoding: the merges, first to last."""
    package, alphabet = _packages(), _alphabet()
    smallest = len(alphabet) + len(SPECIAL)
    if most < smallest:
        raise DataError(
            f"prepare.vocabulary = {most}: byte-pair encoding begins with the 256 bytes, so it has {smallest} tokens "
            "at least. Raise it, or choose another prepare.tokenizer."
        )
    learned = package.Tokenizer(package.models.BPE())
    learned.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = package.trainers.BpeTrainer(
        vocab_size=most - len(SPECIAL), initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    learned.train_from_iterator(documents, trainer)
    return tuple((left, right) for left, right in json.loads(learned.to_str())["model"]["merges"])


def _pieces(merges: Iterable[tuple[str, str]]) -> list[str]:
    """Every token that the merges can end in: the bytes, then what each merge makes."""
    return list(dict.fromkeys([*_alphabet(), *(left + right for left, right in merges)]))


def _byte_pair(pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> Any:
    """The encoder of some merges."""
    package = _packages()
    model = package.models.BPE(vocab={piece: place for place, piece in enumerate(pieces)}, merges=list(merges))
    encoder = package.Tokenizer(model)
    encoder.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.decoder = package.decoders.ByteLevel()
    return encoder


def _encoded(encoder: Any, documents: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield each document's tokens, many documents at a time."""
    waiting: list[str] = []
    for document in documents:
        waiting.append(document)
        if len(waiting) == AT_ONCE:
            yield from (each.tokens for each in encoder.encode_batch(waiting))
            waiting.clear()
    yield from (each.tokens for each in encoder.encode_batch(waiting))
