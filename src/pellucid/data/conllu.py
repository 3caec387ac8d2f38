"""CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format.html): words and their tags.

A row is a sentence. Its input is the words' forms in UTF-8, one a line, for a form may hold a space but no line break;
its target is the code of each word's universal part of speech. Of a multiword token ("1-2") its words are read and the
token is not; an empty node ("1.1") is no word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pellucid.data import folder
from pellucid.data.columns import Columns
from pellucid.data.ragged import Ragged
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field

TAGS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART"),
    *("PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
"""The universal parts of speech, by their codes."""
CODES = {tag: code for code, tag in enumerate(TAGS)}
PARTS = {**folder.PARTS, "dev": "validation"}
FIELDS = 10
DOCUMENT = "document"
"""The column by which sentences can be grouped: the id of the document that they stand in."""
SHOWN = 10
WORD, TOKEN, NODE = (re.compile(p) for p in (r"\d{1,9}", r"(\d{1,9})-(\d{1,9})", r"(\d{1,9})\.(\d{1,9})"))
NEW_DOCUMENT = re.compile(r"#\s*newdoc(\s+id\s*=\s*(?P<id>.*))?")


class Problem(NamedTuple):
    """What is wrong with a line: its number from 1, the kind of fault in snake_case, and the fault in words."""

    path: Path
    line: int
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Sentence:
    """The forms of a sentence's words, the codes of their tags, the line it begins at, and its document."""

    forms: tuple[str, ...]
    tags: tuple[int, ...]
    line: int
    document: str


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the sentences of a recipe's file or folder.

    Args:
        section: of the recipe.
        keys: columns that rows are grouped by; there is `"document"`.

    Raises:
        DataError: naming the malformed lines.
    """
    path = Path(section.source)
    of_parts = files(path)
    sentences: list[Sentence] = []
    problems: list[Problem] = []
    given, start = {}, 0
    for part, paths in of_parts.items():
        for file in paths:
            found, wrong = parse(file)
            sentences += found
            problems += wrong
        given[part] = np.arange(start, len(sentences))
        start = len(sentences)
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:SHOWN])
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise DataError(f"{path}: {len(problems)} lines are no CoNLL-U:{shown}{more}")
    if not sentences:
        raise DataError(f"{path} holds no sentence.")
    for key in keys:
        if key != DOCUMENT or not any(sentence.document for sentence in sentences):
            has = f"it has {DOCUMENT}" if any(sentence.document for sentence in sentences) else "its comments name none"
            raise DataError(f"{path} has no column {key!r} to group or order sentences by: {has}.")
    words = Ragged.of(np.frombuffer("\n".join(s.forms).encode(), np.uint8) for s in sentences)
    tags = Ragged.of(np.array(sentence.tags, np.int64) for sentence in sentences)
    return Columns(
        {"input": words, "target": tags},
        {"input": Field("text"), "target": Field("tokens", categories=TAGS)},
        given if len(given) > 1 else {},
        {key: np.array([sentence.document for sentence in sentences]) for key in keys},
    )


def files(path: Path) -> dict[str, list[Path]]:
    """Return the files of each part: called NAME-train.conllu, NAME-dev or NAME-test; else all are train.

    Raises:
        DataError: there is none, or some name a part and others do not.
    """
    found = [path] if path.is_file() else sorted(path.rglob("*.conllu"))
    if not found:
        raise DataError(f"{path} holds no file that ends in .conllu.")
    parts: dict[str, list[Path]] = {"train": [], "validation": [], "test": []}
    named = {file: _part(file) for file in found}
    if len(found) == 1 or not any(named.values()):
        return {"train": found}
    for file, part in named.items():
        if part is None:
            raise DataError(f"{file} names no part, and others do. Expected NAME-train.conllu, NAME-dev, NAME-test.")
        parts[part].append(file)
    if not parts["train"]:
        raise DataError(f"{path} holds {', '.join(file.name for file in found)} and nothing to train on.")
    return {part: paths for part, paths in parts.items() if paths}


def _part(file: Path) -> str | None:
    return next((PARTS[piece] for piece in reversed(re.split(r"[-_.]", file.stem.lower())) if piece in PARTS), None)


def parse(path: Path) -> tuple[list[Sentence], list[Problem]]:
    """Return a file's sentences, and what is wrong with its lines; a sentence with a wrong line is left out.

    Raises:
        DataError: it cannot be read, or is no UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    sentences, problems, document = [], [], ""
    for start, lines in _blocks(text):
        comments = [line for line in lines if line.startswith("#")]
        for line in comments:
            new = NEW_DOCUMENT.match(line)
            document = (new["id"] or f"{path.name}:{start}").strip() if new else document
        wrong = [Problem(path, start + place, *fault) for place, fault in _faults(lines)]
        problems += wrong
        words = [line.split("\t") for line in lines if not line.startswith("#")]
        words = [fields for fields in words if fields[0].isdecimal()]
        if words and not wrong:
            forms, tags = zip(*((fields[1], CODES[fields[3]]) for fields in words), strict=True)
            sentences.append(Sentence(forms, tags, start, document))
    return sentences, problems


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines between blank ones, and the number of the first. Only a line feed ends a line."""
    block: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip(" \r"):
            block.append(line.removesuffix("\r"))
        elif block:
            yield number - len(block), block
            block = []


def _faults(lines: list[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """The faults of a sentence's lines: which line from 0, the kind, and in words."""
    words, covered = 0, 0
    for place, line in enumerate(lines):
        if line.startswith("#") and not words:
            continue
        fields = line.split("\t")
        if len(fields) != FIELDS:
            yield place, ("malformed", f"{len(fields)} fields: expected {FIELDS}, separated by tabs")
            continue
        number, form, tag = fields[0], fields[1], fields[3]
        token, node = TOKEN.fullmatch(number), NODE.fullmatch(number)
        if not (token or node or WORD.fullmatch(number)):
            yield place, ("malformed", f"the id {number!r}: expected 1, 1-2 or 1.1")
        elif token and not (covered < int(token[1]) == words + 1 <= int(token[2])):
            yield place, ("malformed", f"the token {number} does not stand before its words, or overlaps another")
        elif node and int(node[1]) != words:
            yield place, ("malformed", f"the empty node {number} does not stand behind the word {node[1]}")
        elif not (token or node) and int(number) != words + 1:
            yield place, ("malformed", f"the word {number} follows the word {words}")
        elif not (token or node) and tag not in CODES:
            yield place, ("unknown_tag", f"the part of speech {tag!r} is none of the {len(TAGS)} universal ones")
        empty = [place + 1 for place, value in enumerate(fields) if not value.strip()]
        if empty:
            kind = "empty_form" if not form.strip() else "malformed"
            yield place, (kind, f"the field {empty[0]} is empty: expected _ for what is not given")
        covered = int(token[2]) if token else covered
        words = words if token or node or not WORD.fullmatch(number) else int(number)
    if covered > words:
        yield len(lines) - 1, ("malformed", f"a token reaches to the word {covered}, and the last is {words}")
