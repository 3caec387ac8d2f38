"""CoNLL-U: words and tags by the specification, faults named by line, the English Web Treebank as it was published."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.data import conllu, kinds, locate
from pellucid.data.columns import Columns
from pellucid.data.ragged import Ragged
from pellucid.data.split import draw
from pellucid.errors import DataError
from pellucid.preflight.check import check, of_data
from pellucid.proposals import propose
from pellucid.recipe import DataSection, SplitSection

REST = "_\t_\t_\t_\t_\t_"
GOOD = f"""# newdoc id = letter
# sent_id = 1
# text = Vámonos al 10 000
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t{REST}
2\tnos\tnosotros\tPRON\t{REST}
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t{REST}
4\tel\tel\tDET\t{REST}
5\t10 000\t10000\tNUM\t{REST}
5.1\tpasos\tpaso\tNOUN\t{REST}

# sent_id = 2
1\t#\t#\tSYM\t{REST}
"""


def read(path: Path, keys: tuple[str, ...] = ()) -> Columns:
    return kinds.reader(kinds.kind_of(path))(DataSection(source=str(path)), keys)


def sentences(columns: Columns) -> list[list[tuple[str, str]]]:
    words, tags = columns.values["input"], columns.values["target"]
    assert isinstance(words, Ragged)
    assert isinstance(tags, Ragged)
    names = columns.schema["target"].categories
    forms = [words.row(row).tobytes().decode().split("\n") for row in range(len(columns))]
    coded = [[names[code] for code in tags.row(row)] for row in range(len(columns))]
    return [list(zip(*pair, strict=True)) for pair in zip(forms, coded, strict=True)]


def test_words_are_read_and_tokens_and_empty_nodes_are_not(tmp_path: Path) -> None:
    path = tmp_path / "es.conllu"
    path.write_text(GOOD)
    columns = read(path, ("document",))
    assert sentences(columns) == [
        [("Vamos", "VERB"), ("nos", "PRON"), ("a", "ADP"), ("el", "DET"), ("10 000", "NUM")],
        [("#", "SYM")],
    ]
    assert columns.keys["document"].tolist() == ["letter", "letter"]
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(path).hash == columns.hash


def word(number: str = "1", form: str = "a", tag: str = "DET") -> str:
    return f"{number}\t{form}\t_\t{tag}\t{REST}\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("1\ta\tDET\n", 1, "3 fields: expected 10, separated by tabs"),
        (word().replace("\t", " "), 1, "1 fields: expected 10"),
        (word() + word("3"), 2, "the word 3 follows the word 1"),
        (word("0"), 1, "the word 0 follows the word 0"),
        (word() + "# late\n", 2, "1 fields: expected 10"),
        (word("1a"), 1, "the id '1a': expected 1, 1-2 or 1.1"),
        (word("9" * 5000), 1, "expected 1, 1-2 or 1.1"),
        (word("1-2") + word(), 2, "a token reaches to the word 2, and the last is 1"),
        (word("2-3") + word() + word("2"), 1, "the token 2-3 does not stand before its words"),
        (word("1-2") + word("1-2") + word() + word("2"), 2, "or overlaps another"),
        (word() + word("2.1"), 2, "the empty node 2.1 does not stand behind the word 2"),
        ("# one\n\n" + word(tag="NN"), 3, "the part of speech 'NN' is none of the 17 universal ones"),
        (word(form=""), 1, "the field 2 is empty"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "a.conllu"
    path.write_text(GOOD + "\n" + text)
    before = GOOD.count("\n") + 1
    with pytest.raises(DataError) as caught:
        read(path)
    assert f"a.conllu: 1 lines are no CoNLL-U:\n  {path}:{before + line}: " in str(caught.value)
    assert message in str(caught.value)


def test_parts_are_told_by_names_and_repeats_across_them_are_found(tmp_path: Path) -> None:
    long = "".join(word(str(number), f"w{number}") for number in range(1, 10))
    (tmp_path / "x-ud-train.conllu").write_text(GOOD + "\n" + long)
    (tmp_path / "x-ud-dev.conllu").write_text(long + "\n" + word(tag="NN") + "\n" + word(form=""))
    (tmp_path / "x-ud-test.conllu").write_text(word())
    findings = {finding.kind: finding for finding in check(tmp_path)}
    assert list(findings["duplicates_across_parts"].rows) == [2, 3]
    assert "1 words whose part of speech" in findings["unknown_tag"].message
    assert "x-ud-dev.conllu:11:" in findings["unknown_tag"].message
    assert findings["empty_form"].weight == "wrong"
    (tmp_path / "x-ud-dev.conllu").write_text(word())
    columns = read(tmp_path)
    assert {part: rows.tolist() for part, rows in columns.given.items()} == {
        "train": [0, 1, 2],
        "validation": [3],
        "test": [4],
    }
    (tmp_path / "other.conllu").write_text(word())
    with pytest.raises(DataError, match=r"other\.conllu names no part, and others do"):
        read(tmp_path)


def test_no_recipe_is_proposed_yet(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(GOOD)
    with pytest.raises(DataError, match=r"holds conllu, for which no recipe is proposed"):
        propose(tmp_path / "a.conllu")


@pytest.mark.skipif(not locate.folder("ud-english-ewt").is_dir(), reason="UD English EWT is not there")
def test_the_english_web_treebank_has_its_published_counts() -> None:
    folder = locate.folder("ud-english-ewt")
    columns = read(folder)
    tags = columns.values["target"]
    assert isinstance(tags, Ragged)
    counts = {part: (len(rows), int(tags.lengths[rows].sum())) for part, rows in columns.given.items()}
    assert counts == {"train": (12544, 204577), "validation": (2001, 25147), "test": (2077, 25094)}
    assert columns.schema["target"].categories == conllu.TAGS
    split = draw(SplitSection(kind="given"), columns)
    assert [len(split.parts[part]) for part in ("train", "validation", "test")] == [12544, 2001, 2077]
    assert {finding.weight for finding in of_data(DataSection(source=str(folder)))} == {"doubtful"}
