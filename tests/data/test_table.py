"""Tables of the user's own: what is read, what is inferred, and what is refused."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

from pellucid.data import table
from pellucid.errors import DataError
from pellucid.recipe import DataSection


def frame_of(text: str | bytes, name: str = "mine.csv", **section: object) -> polars.DataFrame:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return table.read(path, DataSection.model_validate({"source": name, **section}))


def types_of(text: str, **section: object) -> dict[str, str]:
    frame = frame_of(text, **section)
    made = DataSection.model_validate({"source": "mine.csv", **section})
    return {column.name: column.type for column in table.types_of(frame, made)}


def test_names_values_and_what_is_missing() -> None:
    frame = frame_of("age, work\n39, State-gov\n?,\n 50 ,NA\n")
    assert frame.to_dict(as_series=False) == {"age": ["39", None, "50"], "work": ["State-gov", None, None]}


def test_empty_lines_are_no_rows() -> None:
    assert frame_of("a,b\n1,2\n\n3,4\n\n").height == 2


def test_a_table_without_names() -> None:
    frame = frame_of("39, State-gov, <=50K\n50, Private, >50K\n")
    assert frame.columns == ["column_1", "column_2", "column_3"]
    assert frame.height == 2


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a,b", "1,2"], True),
        (["1,2", "3,4"], False),
        (["name,kind", "x,dog", "y,cat"], True),  # text alone cannot tell
        (["dog,cat", "dog,dog", "cat,dog"], False),  # they occur again
        (["a,a", "1,2"], False),
        (["a,", "1,2"], False),
    ],
)
def test_whether_the_first_line_names_the_columns(lines: list[str], expected: bool) -> None:
    assert table.has_header(lines, ",", ("",)) is expected


def test_what_the_recipe_says_of_the_first_line_holds() -> None:
    assert frame_of("a,b\n1,2\n", header=False).height == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(separator: str) -> None:
    frame = frame_of(f"a{separator}b\n1{separator}2\n3{separator}4\n")
    assert frame.to_dict(as_series=False) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_european_numbers() -> None:
    frame = frame_of("a;b\n1,5;1,500\n-2;2,000\n")
    numbers = table.as_numbers(frame["a"])
    assert numbers is not None
    assert numbers.to_list() == [1.5, -2.0]
    assert table.as_numbers(frame["b"]) is None  # 1,500 may be fifteen hundred


def test_byte_order_mark_and_umlauts() -> None:
    assert frame_of("größe,b\n1,2\n".encode("utf-8-sig")).columns == ["größe", "b"]


def test_quoted_lines_and_separators() -> None:
    frame = frame_of('text,label\n"one, two\nthree",1\n"a ""b""",2\n')
    assert frame["text"].to_list() == ["one, two\nthree", 'a "b"']


def test_inferred_types() -> None:
    rows = [
        f"{i},r{i},{i * 0.5},{'ab'[i % 2]},2020-01-{i % 28 + 1:02d},a sentence number {i},,{i % 3}" for i in range(60)
    ]
    found = types_of("\n".join(["row,key,size,kind,day,text,empty,count", *rows]), target="count")
    assert found == {
        "row": "id",
        "key": "id",
        "size": "number",
        "kind": "category",
        "day": "time",
        "text": "text",
        "empty": "ignore",
        "count": "category",  # a target of few whole numbers
    }


def test_the_recipe_overrules() -> None:
    text = "a,b\n" + "\n".join(f"{i % 4},{i % 3}" for i in range(30))
    assert types_of(text, target="b")["a"] == "number"
    assert types_of(text, target="b", types={"a": "category", "b": "number"}) == {"a": "category", "b": "number"}


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"types": {"c": "number"}}, "no column 'c'. Its columns: a, b"),
        ({"target": "c"}, "no column 'c'"),
        ({"types": {"b": "number"}}, "data.types.b = 'number': 'x' is none"),
    ],
)
def test_what_the_recipe_says_wrongly(section: dict[str, object], told: str) -> None:
    with pytest.raises(DataError, match=told):
        types_of("a,b\n1,x\n2,y\n", **section)


def test_parquet_and_json_lines_keep_their_types() -> None:
    frame = polars.DataFrame({"n": [1, 2, None], "t": ["a", " b ", "NA"], "yes": [True, False, None]})
    frame.write_parquet("mine.parquet")
    frame.write_ndjson("mine.jsonl")
    for name in ("mine.parquet", "mine.jsonl"):
        read = table.read(Path(name), DataSection(source=name))
        assert read["t"].to_list() == ["a", "b", None]
        assert read["n"].to_list() == [1, 2, None]


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"a,b\n1,2\n1,2,3\n", "mine.csv", "cannot be read as csv"),
        (b"a,b\n", "mine.csv", "has no rows"),
        (b"", "mine.csv", "cannot be read as csv"),
        ("a,b\n1,gr\u00f6\u00dfe und mehr\n".encode("latin-1"), "mine.csv", "is not UTF-8"),
        (b"PAR1 nothing", "mine.parquet", "cannot be read as parquet"),
        (b"{not json", "mine.jsonl", "cannot be read as jsonl"),
    ],
)
def test_what_is_no_table(content: bytes, name: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        frame_of(content, name)


def test_no_such_file() -> None:
    with pytest.raises(DataError, match=r"There is no file nowhere\.csv"):
        table.open(DataSection(source="nowhere.csv"))
