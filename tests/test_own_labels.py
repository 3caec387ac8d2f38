"""Rows of one's own with several labels each: arrays, tables and documents, through the whole line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import make_multilabel_classification

import pellucid
from pellucid.data import draws, split
from pellucid.data.arrays import from_parts
from pellucid.errors import DataError, RecipeError
from pellucid.preflight.check import check
from pellucid.recipe import SplitSection
from tests.training.runs import QUICK, dying, outcome

SHORT = {**QUICK, "train.steps": 9, "train.evaluate_every": 3, "train.checkpoint_every": 2}
QUIET: dict[str, Any] = {"report": False, "quiet": True}
WEATHER = ("cold", "dark", "wet", "windy")


def made(rows: int = 200) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    X, Y = make_multilabel_classification(rows, n_features=8, n_classes=4, n_labels=2, random_state=0)
    return X.astype(np.float32), Y


@pytest.fixture
def table() -> Path:
    X, Y = made()
    tags = ["|".join(np.array(WEATHER)[row > 0][::-1]) or "|" for row in Y]
    polars.DataFrame({**{f"x{i}": X[:, i] for i in range(8)}, "tags": tags}).write_csv("days.csv")
    return Path("days.csv")


def test_the_whole_line() -> None:
    X, Y = made()
    given: dict[str, Any] = {"task": "multi_label", "settings": SHORT, **QUIET}
    whole = pellucid.fit(X, Y, out="whole", **given)
    with dying(6):
        pellucid.fit(X, Y, out="killed", **given)
    pellucid.resume("killed", **QUIET)
    assert outcome(Path("killed")) == outcome(whole.folder)
    answers = whole.predict(X[:5])
    for answer in answers:
        assert answer["prediction"] == [name for name, share in answer["probabilities"].items() if share >= 0.5]
    assert [answer["prediction"] for answer in pellucid.predict("killed", X[:5])] == [
        answer["prediction"] for answer in answers
    ]


def test_it_learns_and_reports() -> None:
    X, Y = made(400)
    named = pandas.DataFrame(Y, columns=WEATHER)
    run = pellucid.fit(
        X, named, task="multi_label", epochs=15, settings={"execution.threads": 1}, out="run", quiet=True
    )
    result = run.evaluate("test")
    assert result["primary"] == "macro_f1"
    assert result["label_names"] == list(WEATHER)
    assert result["metrics"]["macro_f1"]["value"] > 0.7
    assert result["metrics"]["log_loss"]["value"] < result["baselines"]["label_shares"]["log_loss"]["value"] - 0.1
    page = run.report.read_text()
    assert "to tell which of 4 labels a row has" in page
    assert "Which labels does it find?" in page
    assert page.count('<td class="text">windy</td>') == 1
    assert (run.folder / "figures/labels.svg").exists()
    assert "the probability of each of 4 labels" in (run.folder / "artefact/card.md").read_text()


@settings(max_examples=30, deadline=None)
@given(st.integers(60, 300), st.integers(2, 8), st.integers(0, 99))
def test_parts_keep_the_shares_of_sets_of_labels(rows: int, num_labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    has = random.random((rows, num_labels)) < random.uniform(0.2, 0.6, num_labels)
    has[:num_labels] |= np.eye(num_labels, dtype=bool)
    columns = from_parts({"train": (np.arange(rows)[:, None], has)}, "multi_label")
    drawn = split.draw(SplitSection(), columns)
    strata = draws.label_sets(has)
    for part in ("validation", "test"):
        chosen = drawn.parts[part]
        assert len(chosen) == round(0.15 * rows)
        for stratum in np.unique(strata):
            share = 0.15 * (strata == stratum).sum()
            assert abs((strata[chosen] == stratum).sum() - share) <= 2
    told = drawn.to_dict(columns)
    assert "drawn by set of labels" in told["how"]
    assert list(told["classes"]["train"].values()) == has[drawn.parts["train"]].sum(axis=0).tolist()


def test_a_set_that_few_rows_have_is_drawn_by_its_rarest_label() -> None:
    has = np.array([[1, 0, 0]] * 6 + [[1, 1, 0]] * 2 + [[1, 0, 1]] * 5 + [[0, 1, 1]] * 3, bool)
    codes = draws.label_sets(has)
    assert len(set(codes[:6])) == len(set(codes[8:13])) == 1
    assert len(set(codes[[6, 7, 13, 14, 15]])) == 1  # of the second label, which 5 rows have and no other so few
    assert len(set(codes)) == 3


def test_tables_of_joined_labels(table: Path) -> None:
    because = pellucid.propose(table, "tags").because
    assert any("where '|' stands between several labels: data.types.tags=labels" in line for line in because)
    proposed = pellucid.propose(table, "tags", settings={"data.types.tags": "labels"}).recipe
    assert proposed.task == {"name": "multi_label"}
    assert proposed.split.kind == "stratified"
    run = pellucid.train(proposed, SHORT, out="run", **QUIET)
    assert run.result()["label_names"] == list(WEATHER)
    assert set(run.predict(["days.csv"])[0]) == {"input", "prediction", "probabilities"}


def test_a_tables_labels_are_those_that_were_written(table: Path) -> None:
    from pellucid.data.world import read

    proposed = pellucid.propose(table, "tags", settings={"data.types.tags": "labels"}).recipe
    columns = read(proposed.data)
    assert columns.schema["target"].categories == WEATHER
    assert np.array_equal(columns.dense("target"), made()[1])


def test_documents_with_labels() -> None:
    words = {"cold": "ice frost snow", "dark": "night lamp moon", "wet": "rain river flood", "windy": "storm sail gust"}
    _, Y = made(60)
    polars.DataFrame(
        {
            "report": [" ".join(["today", *(words[WEATHER[k]] for k in np.flatnonzero(row))]) for row in Y],
            "tags": ["|".join(np.array(WEATHER)[row > 0]) or "|" for row in Y],
        }
    ).write_csv("reports.csv")
    settings = {"data.types.tags": "labels", "data.input": "report"}
    recipe = pellucid.propose("reports.csv", "tags", settings=settings).recipe
    assert (recipe.task["name"], recipe.split.kind) == ("multi_label", "stratified")
    run = pellucid.train(recipe, {**SHORT, "train.steps": 3, "evaluate.baselines": True}, out="run", **QUIET)
    assert run.result()["baselines"]["tfidf"]["macro_f1"]["value"] > 0.8


def test_arrays_in_files() -> None:
    X, Y = made(120)
    np.savez("days.npz", X=X, y=Y.astype(np.uint8))
    recipe = pellucid.propose("days.npz", settings={"data.types.y": "labels"}).recipe
    assert (recipe.task["name"], recipe.data.types) == ("multi_label", {"y": "labels"})
    assert pellucid.train(recipe, SHORT, out="run", **QUIET).result()["label_names"] == ["0", "1", "2", "3"]


def refusal(targets: Any) -> str:
    with pytest.raises(DataError) as refused:
        from_parts({"train": (np.zeros((len(targets), 2)), targets)}, "multi_label")
    return str(refused.value)


def test_arrays_that_are_no_labels_are_refused() -> None:
    assert "One label alone makes two classes: task='classify'." in refusal(np.ones(6))
    assert "y has shape [6]" in refusal(np.ones((6, 1)))
    assert "y holds 2: expected 1 where a row has a label" in refusal(np.array([[0, 2], [1, 0]]))
    assert "y holds text: expected 1 where" in refusal(np.array([["a", "b"], ["c", "d"]]))
    assert "y holds nan: expected 1" in refusal(np.array([[0.0, 1], [np.nan, 0]]))
    assert "No row has the label '1'" in refusal(np.array([[1, 0], [0, 0]]))
    assert "must not hold '|'" in refusal(pandas.DataFrame({"a|b": [1, 0], "c": [0, 1]}))


def test_two_columns_stay_numbers_unless_labels_are_asked_for() -> None:
    assert from_parts({"train": (np.zeros((4, 2)), made(4)[1])}).schema["target"].kind == "number"


@pytest.mark.parametrize(
    ("tags", "settings", "told"),
    [
        (["a|b", "", "a", "b"], {}, "write '|' alone; else remove them"),
        (["a;b", "a", "b", "a"], {}, "no value holds '|'.* Write it in place of ';'"),
        (["a", "a", "b", "a"], {}, "If each row has one, choose category"),
        (["a|a", "a", "|", "a"], {}, "has 1 labels: expected two at least"),
        (["a|b", "a", "b", "a"], {"data.types.x": "labels"}, "only the target is read so"),
    ],
)
def test_tables_that_hold_no_labels_are_refused(tags: list[str], settings: dict[str, str], told: str) -> None:
    polars.DataFrame({"x": [1.5, 2, 3, 4] * 10, "tags": tags * 10}).write_csv("t.csv")
    with pytest.raises(DataError, match=told):
        pellucid.train(
            pellucid.propose("t.csv", "tags", settings={"data.types.tags": "labels", **settings}).recipe, **QUIET
        )


def test_pictures_have_one_class_each() -> None:
    from PIL import Image

    for number in range(4):
        Image.new("L", (8, 8), number).save(f"{number}.png")
    polars.DataFrame({"file": [f"{n}.png" for n in range(4)], "tags": ["a|b", "a", "b", "|"]}).write_csv("list.csv")
    settings = {"data.types.tags": "labels", "data.input": "file"}
    with pytest.raises(DataError, match=r"and these are pictures, of one class each\. Decode them to an array"):
        pellucid.propose("list.csv", "tags", settings=settings)


def test_several_columns_are_one_of_joined_labels(table: Path) -> None:
    with pytest.raises(DataError, match=r"join their names, as in one\|two"):
        pellucid.propose(table, "x1,x2")


def test_a_label_that_no_training_row_has_is_refused() -> None:
    X, Y = made(60)
    Y[:, 3] = 0
    Y[0, 3] = 1
    parts = {"train": (X[1:], Y[1:]), "validation": (X[:1], Y[:1])}
    columns = from_parts(parts, "multi_label")
    with pytest.raises(DataError, match="No row of the train part has the label '3'"):
        split.draw(SplitSection(kind="given"), columns)


def test_check_names_rare_labels(table: Path) -> None:
    frame = polars.read_csv(table)
    tags = frame["tags"].to_list()
    tags[5], tags[9] = "foggy", "foggy|wet"
    frame.with_columns(polars.Series("tags", tags)).write_csv(table)
    settings = {"data.types.tags": "labels", "execution.threads": 1}
    findings = [each for each in check(str(table), settings, target="tags") if each.kind == "rare_label"]
    assert [list(each.rows) for each in findings] == [[5, 9]]
    assert "2 rows have the label 'foggy'" in findings[0].message
    X, Y = made(120)
    Y[:, 0] = np.arange(120) > 2
    np.savez("days.npz", X=X, y=Y)
    findings = check("days.npz", {"data.types.y": "labels", "execution.threads": 1})
    told = [each for each in findings if each.kind == "rare_label"]
    assert [list(each.rows) for each in told] == [[0, 1, 2]]
    assert "3 rows lack the label '0'" in told[0].message


def test_mixed_rows_are_refused() -> None:
    X, Y = made(60)
    with pytest.raises((DataError, RecipeError), match="mixup"):
        pellucid.fit(X, Y, task="multi_label", settings={"augment": [{"name": "mixup"}], **SHORT}, **QUIET)
