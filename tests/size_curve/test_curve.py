"""The verb and the command: runs on subsets, a summary that no kill changes, and nothing of the test part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import pellucid
from pellucid import experiment
from pellucid.cli.app import main
from pellucid.data.rows import Rows
from pellucid.data.split import Split
from pellucid.errors import PellucidError
from pellucid.training.bookkeeping import Bookkeeping

QUICK = ["train.epochs=1", "execution.threads=1", "evaluate.baselines=false"]
SHORT = [*QUICK[1:], "train.steps=20", "train.evaluate_every=10", "train.checkpoint_every=5"]
SIZES = [80, 160, 400, 1258]


def curve(out: str = "curve", **changes: Any) -> pellucid.Curve:
    arguments: dict[str, Any] = {"sizes": SIZES, "draws": 2, "report": False, "quiet": True, **changes}
    return pellucid.curve("digits-softmax", SHORT, out=out, **arguments)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; return its exit code, standard output and standard error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["curve", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[pellucid.Curve, Path]]:
    """A curve of softmax regression on digits, and the folder that it was made in."""
    home = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.chdir(home)
        yield curve(report=True), home


@pytest.fixture
def whole(made: tuple[pellucid.Curve, Path], monkeypatch: pytest.MonkeyPatch) -> pellucid.Curve:
    monkeypatch.chdir(made[1])
    return made[0]


def test_the_summary(whole: pellucid.Curve) -> None:
    told = whole.result
    assert [point["rows"] for point in told["sizes"]] == SIZES
    assert [(run.folder.name) for run in whole.runs][:5] == [
        *(f"size-{size}-draw-1" for size in reversed(SIZES)),
        "size-1258-draw-2",
    ]
    by_run = {each["run"]: each["metrics"]["accuracy"] for each in told["runs"]}
    for point in told["sizes"]:
        values = [by_run[f"curve/size-{point['rows']}-draw-{draw}"] for draw in (1, 2)]
        assert point["values"] == values
        assert point["value"] == pytest.approx(np.mean(values))
        assert point["low"] <= point["value"] <= point["high"] <= 1
    assert told["sizes"][0]["value"] < told["sizes"][-1]["value"]
    assert (told["primary"], told["directions"], told["looks"]) == ("accuracy", {"accuracy": "max"}, 0)
    fit = told["fit"]
    for name in "abc":
        assert fit[name]["low"] <= fit[name]["value"] <= fit[name]["high"]
    for each, times in zip(told["forecast"], (2, 10), strict=True):
        law = fit["c"]["value"] + fit["a"]["value"] * (times * 1258) ** -fit["b"]["value"]
        assert each["rows"] == times * 1258
        assert each["value"] == pytest.approx(1 - law)
        assert each["low"] <= each["value"] <= each["high"] <= 1


def test_every_size_makes_as_many_steps_and_is_validated_as_often(whole: pellucid.Curve) -> None:
    looks = set()
    for run, told in zip(whole.runs, whole.result["runs"], strict=True):
        lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        looks.add(tuple(line["step"] for line in lines if line["kind"] == "validation"))
        assert told["steps"] == 20
    assert looks == {(10, 20)}


def test_runs_are_slim_nested_and_keep_the_parts_that_judge(whole: pellucid.Curve) -> None:
    splits = {
        run.folder.name: Split.from_dict(json.loads((run.folder / "split.json").read_text())) for run in whole.runs
    }
    everyone = splits["size-1258-draw-1"]
    assert not everyone.fold
    for name, split in splits.items():
        assert not (whole.folder / name / "artefact").exists()
        assert not (whole.folder / name / "checkpoints").exists()
        assert (split.parts["validation"] == everyone.parts["validation"]).all()
        assert (split.parts["test"] == everyone.parts["test"]).all()
    for smaller, larger in pairwise(SIZES):
        for draw in (1, 2):
            few, many = (splits[f"size-{size}-draw-{draw}"].parts["train"] for size in (smaller, larger))
            assert np.isin(few, many).all()


def test_all_rows_and_the_first_draw_are_what_train_makes(whole: pellucid.Curve) -> None:
    run = pellucid.train("digits-softmax", SHORT, out="alone", report=False, quiet=True)
    assert run.metrics == pytest.approx(pellucid.Run(whole.folder / "size-1258-draw-1").metrics, rel=1e-12)


def test_the_page_stands_alone(whole: pellucid.Curve) -> None:
    page = whole.report.read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "12,580" in page
    assert "What came of each size?" in page


def test_called_again_nothing_is_trained(whole: pellucid.Curve, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (whole.folder / "results/curve.json").read_bytes()
    monkeypatch.setattr(experiment, "train", None)
    monkeypatch.setattr(experiment, "resume", None)
    assert (curve().folder / "results/curve.json").read_bytes() == before


@pytest.mark.parametrize("moment", ["between", "inside"])
def test_killed_and_called_again_it_ends_the_same(
    made: tuple[pellucid.Curve, Path], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    train, tally = experiment.train, Bookkeeping.count

    def third_run(*arguments: Any) -> Path:
        nonlocal count
        count += 1
        if count == 3:
            raise MemoryError
        return train(*arguments)

    def some_step(self: Bookkeeping, *arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == 50:  # the tenth of the third run
            raise MemoryError
        tally(self, *arguments)

    with monkeypatch.context() as patch:
        if moment == "between":
            patch.setattr(experiment, "train", third_run)
        else:
            patch.setattr(Bookkeeping, "count", some_step)
        with pytest.raises(MemoryError):
            curve()
    assert not Path("curve/results/curve.json").exists()
    if moment == "inside":
        assert any(Path("curve/size-160-draw-1/checkpoints").iterdir())
    again = curve().folder / "results/curve.json"
    assert again.read_bytes() == (made[1] / "curve/results/curve.json").read_bytes()


def series(path: Path, change: float) -> None:
    """Numbers in the order of time; those of the last fifth, which test, are moved by `change`."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.3 * random.normal(size=300)
    x[240:] += change
    y[240:] *= 1 + change
    day = np.arange(300)
    pl.DataFrame({"day": day, "a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}).write_csv(path)


def test_what_the_test_rows_hold_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, opened = Rows.rows, []

    def watched(self: Rows, part: str) -> Any:
        opened.append(part)
        return rows(self, part)

    monkeypatch.setattr(Rows, "rows", watched)
    found = []
    for change in (0.0, 5.0):
        series(Path("table.csv"), change)
        code, out, err = call(
            capsys,
            *("--data", "table.csv", "--target", "y", "split.kind=time", "split.time=day", "split.validation=0.2"),
            *("split.test=0.2", "train.epochs=2", "execution.threads=1", "--sizes", "60,180"),
            *("--draws", "2", "--no-report", "--json", "--out", f"curve-{change:g}"),
        )
        assert code == 0, err
        found.append(json.loads(out.replace(f"curve-{change:g}", "curve")))
    assert found[0] == found[1]
    assert found[0]["primary"] == "rmse"
    assert set(opened) == {"train", "validation"}


def test_the_command_answers_and_goes_on_with_more(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["digits-mlp", *QUICK, "--no-report", "--draws", "2", "--out", "curve", "--json"]
    code, out, err = call(capsys, *arguments, "--sizes", "60,1258")  # 60 rows are less than a batch
    assert code == 0, err
    told = json.loads(out)
    assert told["fit"] is None
    assert told["forecast"] == []
    assert "2 sizes are too few" in told["why_no_fit"]
    assert "No power law is claimed" in err
    first = Path("curve/size-60-draw-1/results/validation.json").stat().st_mtime_ns
    code, out, _ = call(capsys, *arguments, "--sizes", "60,300,1258")
    assert code == 0
    assert [point["rows"] for point in json.loads(out)["sizes"]] == [60, 300, 1258]
    assert Path("curve/size-60-draw-1/results/validation.json").stat().st_mtime_ns == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give a recipe"),
        (["digts"], "digits"),
        (["digits-mlp", "--sizes", "few"], "expected a number of sizes"),
        (["digits-mlp", "--sizes", "5,50"], "one of each of 10 classes"),
        (["digits-mlp", "--draws", "1"], "draws = 1: expected 2 or more"),
        (["digits-mlp", "split.validation=0"], "split.validation = 0"),
        (["digits-mlp", "--target", "y"], "go with --data"),
        (["cartpole-reinforce"], "needs rows of data"),
        (["digits-mlp", "--out", "taken"], "holds other things than runs by size"),
    ],
)
def test_mistakes_are_said_and_nothing_is_made(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").mkdir()
    Path("taken/thesis.tex").touch()
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("runs").exists()


def test_another_recipe_or_other_rows_in_the_folder_are_refused(whole: pellucid.Curve) -> None:
    with pytest.raises(pellucid.RunError, match="another recipe"):
        pellucid.curve("digits-mlp", QUICK, sizes=SIZES, draws=2, out="curve", report=False, quiet=True)
    with pytest.raises(pellucid.RunError, match="another recipe"):
        pellucid.curve("digits-softmax", [*SHORT, "split.seed=1"], sizes=SIZES, draws=2, out="curve")


def test_a_borrowed_yardstick_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(PellucidError, match="judges by what another run learned"):
        pellucid.curve("digits-dcgan", out=tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
