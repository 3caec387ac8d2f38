"""What is wrong with documents in class folders: encodings, copies, words and lengths that say the class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data import documents as reader
from pellucid.data.folder import Folder
from pellucid.errors import DataError
from pellucid.preflight import Finding, alike, folders, per_cent, shingles, tables
from pellucid.recipe import DataSection

SHOWN = 3
"""Documents that a message names."""
USUAL, SCANT = 20, 3
"""Words: where half of the documents have so many, those below the other hardly say anything."""
LONG = 20.0
"""Times the words of the middle document, beyond which one is doubtful."""
OTHER_LENGTH = 3.0
"""Times that the middle document of a class has the words of another class's, beyond which length tells them apart."""
EVERY, NONE = 0.9, 0.02
"""Share of a class's documents at least, and of all others at most, that hold a word which gives the class away."""
LOOKED_AT = 2000
"""Documents of a class whose words are looked at, evenly spaced."""
GARBLED = re.compile("\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\ufffd")
"""What UTF-8 becomes where it is read as Latin-1 or Windows-1252 and written again."""
TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's documents. Rows are places among its files, sorted.

    Raises:
        DataError: the folder or the table cannot be read.
    """
    if Path(section.source).is_file():
        yield from tables.check(section)
        return
    found, contents = _open(section)
    texts = [_decoded(content) for content in contents]
    yield from _unreadable(found, texts, section.unreadable)
    rows = np.array([row for row, text in enumerate(texts) if not isinstance(text, DataError)], np.int64)
    readable = [text for text in texts if isinstance(text, str)]
    if not readable:
        return
    yield from folders.classes(found)
    yield from _marks(found, readable, rows)
    yield from _lengths(found, readable, rows)
    yield from _words(found, readable, rows)
    yield from _copies(found, readable, rows)


def _open(section: DataSection) -> tuple[Folder, Sequence[bytes]]:
    """The documents' names and what they hold."""
    documents = reader.find(Path(section.source), section.target)
    found = documents.folder
    if documents.lines is not None:
        return found, documents.lines
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return found, list(pool.map(Path.read_bytes, (found.root / file for file in found.files)))


def _decoded(content: bytes) -> str | DataError:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return DataError("it is UTF-16")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        return DataError(f"byte {error.start:,} is not UTF-8")
    if "\0" in text:
        return DataError("it holds NUL, and is no text")
    return text or DataError("")


def _unreadable(found: Folder, texts: Sequence[str | DataError], wanted: str) -> Iterator[Finding]:
    leave_out = wanted == "leave out"
    failed = {row: str(text) for row, text in enumerate(texts) if isinstance(text, DataError)}
    empty = [row for row, why in failed.items() if not why]
    coded = [row for row, why in failed.items() if why]
    if empty:
        message = f"texts without a letter: {folders.named(found, empty)}. Nothing can be learned from them"
        rest = "; they are left out." if leave_out else ". Remove them."
        yield Finding("empty", "note" if leave_out else "wrong", message + rest, empty)
    if coded:
        reasons = ", ".join(f"{found.files[row]}: {failed[row]}" for row in coded[:SHOWN])
        message = f"texts that are not UTF-8 ({reasons})"
        rest = "; they are left out." if leave_out else '. Save them as UTF-8, or give data.unreadable="leave out".'
        yield Finding("not_utf8", "note" if leave_out else "wrong", message + rest, coded)


def _marks(found: Folder, texts: Sequence[str], rows: NDArray[np.int64]) -> Iterator[Finding]:
    """What other programs have left in the texts."""
    garbled = [(int(row), match[0]) for row, text in zip(rows, texts, strict=True) if (match := GARBLED.search(text))]
    if garbled:
        row, seen = garbled[0]
        yield Finding(
            "wrong_encoding",
            "doubtful",
            f"texts that were read in another encoding and written again: {found.files[row]} holds {seen!r}. Save them "
            "as UTF-8 anew.",
            [row for row, _ in garbled],
        )
    tagged = [(int(row), match[0]) for row, text in zip(rows, texts, strict=True) if (match := TAG.search(text))]
    if tagged:
        row, seen = tagged[0]
        share = per_cent(len(tagged) / len(texts))
        yield Finding(
            "html",
            "note",
            f"{share} % of the texts hold tags of HTML, such as {seen} in {found.files[row]}: they count as "
            "text. Take them out where they mean nothing.",
            [row for row, _ in tagged],
        )


def _lengths(found: Folder, texts: Sequence[str], rows: NDArray[np.int64]) -> Iterator[Finding]:
    words = np.array([text.count(" ") + text.count("\n") + 1 for text in texts], np.int64)
    usual = float(np.median(words))
    scant, long = rows[words < SCANT].tolist(), rows[words > LONG * usual].tolist()
    if scant and usual >= USUAL:
        yield Finding(
            "nearly_empty",
            "doubtful",
            f"texts of fewer than {SCANT} words, where half of them have {usual:g}: {folders.named(found, scant)}. "
            "Do they say anything of their class?",
            scant,
        )
    if long:
        most = int(rows[np.argmax(words)])
        yield Finding(
            "very_long",
            "note",
            f"texts of more than {LONG:g} times the usual {usual:g} words, up to {words.max():,}: {found.files[most]}. "
            "What is beyond prepare.longest is not read.",
            long,
        )
    codes = found.codes[rows]
    middles = {
        name: float(np.median(words[codes == code]))
        for code, name in enumerate(found.classes)
        if (codes == code).sum() >= tables.RARE
    }
    if middles and max(middles.values()) > OTHER_LENGTH * min(middles.values()):
        most_words, fewest = (best(middles, key=lambda name: middles[name]) for best in (max, min))
        yield Finding(
            "length_tells_class",
            "doubtful",
            f"half of the texts of {most_words!r} have {middles[most_words]:g} words and more, of {fewest!r} "
            f"{middles[fewest]:g}: their length says the class. Is it so where they come from, or were some cut?",
        )


def _words(found: Folder, texts: Sequence[str], rows: NDArray[np.int64]) -> Iterator[Finding]:
    """Words that nearly every document of one class holds, and hardly any other."""
    codes = found.codes[rows]
    chosen = [np.flatnonzero(codes == code) for code in range(len(found.classes))]
    chosen = [own[:: -(-len(own) // LOOKED_AT)] if len(own) else own for own in chosen]
    held: list[dict[str, int]] = [{} for _ in chosen]
    for own, counts in zip(chosen, held, strict=True):
        for place in own.tolist():
            for word in set(re.findall(r"\w+", texts[place].lower())):
                counts[word] = counts.get(word, 0) + 1
    for code, (own, counts) in enumerate(zip(chosen, held, strict=True)):
        others = sum(len(each) for each in chosen) - len(own)
        if len(own) < tables.RARE or not others:
            continue
        telling = [
            word
            for word, count in counts.items()
            if count >= EVERY * len(own)
            and sum(other.get(word, 0) for place, other in enumerate(held) if place != code) <= NONE * others
        ]
        if telling:
            shown = ", ".join(map(repr, sorted(telling, key=lambda word: -counts[word])[:SHOWN]))
            yield Finding(
                "word_gives_away",
                "doubtful",
                f"nearly every text of {found.classes[code]!r} holds {shown}, and hardly any other does: a heading, a "
                "label that was left in? Take it out, unless it is there in new texts too.",
            )


def _copies(found: Folder, texts: Sequence[str], rows: NDArray[np.int64]) -> Iterator[Finding]:
    same = folders.equal(texts)
    repeated = {place for group in same for place in group[1:]}
    once = np.array([place for place in range(len(texts)) if place not in repeated], np.int64)
    pairs = shingles.near([texts[place] for place in once])
    copied = [rows[group].tolist() for group in same]
    near = [rows[group].tolist() for group in alike.groups(once[pairs])]
    yield from folders.copies(found, copied)
    yield from folders.copies(found, folders.widened(found, near, copied), near=True)
