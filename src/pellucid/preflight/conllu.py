"""What is wrong with CoNLL-U: lines against the format, words without a known tag, sentences that two parts share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from pellucid.data import conllu
from pellucid.data.conllu import Sentence
from pellucid.preflight import Finding
from pellucid.recipe import DataSection

SHOWN = 3
FAULTS = {
    "malformed": "lines that are no CoNLL-U",
    "empty_form": "words without a form",
    "unknown_tag": "words whose part of speech is none of the universal ones",
}
LONG_ENOUGH = 8
"""Words of a sentence, from which two of the same are hardly a coincidence."""


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's files. Rows are sentences, counted over the files in their order."""
    sentences: list[Sentence] = []
    parts: list[str] = []
    faults: dict[str, list[conllu.Problem]] = defaultdict(list)
    for part, paths in conllu.files(Path(section.source)).items():
        for path in paths:
            found, problems = conllu.parse(path)
            sentences += found
            parts += [part] * len(found)
            for problem in problems:
                faults[problem.kind].append(problem)
    for kind, problems in faults.items():
        shown = "; ".join(map(str, problems[:SHOWN])) + ("; ..." if len(problems) > SHOWN else "")
        yield Finding(kind, "wrong", f"{len(problems)} {FAULTS[kind]}: {shown}. Mend them.")
    yield from _absent_tags(sentences)
    yield from _repeated(sentences, parts)


def _absent_tags(sentences: list[Sentence]) -> Iterator[Finding]:
    seen = {tag for sentence in sentences for tag in sentence.tags}
    absent = [tag for code, tag in enumerate(conllu.TAGS) if code not in seen]
    if absent and sentences:
        yield Finding("absent_class", "note", f"no word is tagged {', '.join(absent)}: they cannot be learned.")


def _repeated(sentences: list[Sentence], parts: list[str]) -> Iterator[Finding]:
    """Long sentences that stand in two parts: their words' tags are remembered, not inferred."""
    rows_of: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, sentence in enumerate(sentences):
        if len(sentence.forms) >= LONG_ENOUGH:
            rows_of[sentence.forms].append(row)
    shared = [rows for rows in rows_of.values() if len({parts[row] for row in rows}) > 1]
    if shared:
        message = f"sentences of {LONG_ENOUGH} words or more that stand in two parts: held out, they measure memory."
        yield Finding("duplicates_across_parts", "doubtful", f"{message} Leave one out.", sorted(chain(*shared)))
