"""The seal: nothing that trains can take a test row, whatever it learns; evaluating opens it, and is counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid import experiment, ledger, records
from pellucid.data.seal import Seal
from pellucid.errors import SealedError
from pellucid.evaluation import baselines
from pellucid.execution import decide
from pellucid.tasks import build
from pellucid.verbs import recipe_of
from tests.data.worlds import blobs, open_world


def test_the_test_part_is_refused_until_it_is_opened() -> None:
    seal = Seal()
    seal.check("train")
    seal.check("validation")
    with pytest.raises(SealedError, match="evaluate RUN --split test"):
        seal.check("test")
    seal.open()
    seal.check("test")


@pytest.mark.parametrize(
    ("recipe", "take"),
    [("digits", "rows"), ("digits-rbm", "batches"), ("shakespeare-lstm", "tokens"), ("cartpole-reinforce", "seeds")],
)
def test_every_world_is_sealed(recipe: str, take: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a text of one's own, and its end is sealed\n" * 200)
    settings = {"data.source": str(tmp_path / "mine.txt")} if take == "tokens" else {}
    chosen = recipe_of(recipe, settings)
    world = experiment.open_world(experiment.resolve(chosen), decide(chosen.execution))
    assert world.size("test") > 0
    list(getattr(world, take)("validation"))
    with pytest.raises(SealedError):
        list(getattr(world, take)("test"))


def test_baselines_are_sealed_too() -> None:
    world = open_world(blobs(60))
    with pytest.raises(SealedError):
        baselines.run(build({"name": "classify"}, world.spec), {"name": "classify"}, world, "test")


def test_looks_are_counted_by_the_rows_that_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second recipe on the same test part is the second look at it."""
    monkeypatch.chdir(tmp_path)
    settings = ["train.epochs=1", "evaluate.baselines=false"]
    one = pellucid.train("digits", settings, report=False, quiet=True)
    other = pellucid.train("digits", [*settings, "model.widths=[8]", "split.validation=0.1"], report=False, quiet=True)
    elsewhere = pellucid.train("digits", [*settings, "split.seed=1"], report=False, quiet=True)
    assert not (tmp_path / ledger.FILE).exists()
    for run, expected in ((one, (1, 1)), (other, (1, 2)), (elsewhere, (1, 1))):
        found = run.evaluate("test")
        assert (found["looks"], found["looks_at_test"]) == expected
    assert pellucid.evaluate(one)["looks_at_test"] == 2  # a look at validation counts none, and tells of the others
    lines = [json.loads(line) for line in (tmp_path / ledger.FILE).read_text().splitlines()]
    assert [Path(line["run"]) for line in lines] == [run.folder.resolve() for run in (one, other, elsewhere)]
    assert len({line["test"] for line in lines}) == 2


def test_a_ledger_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".pellucid").write_text("in the way")
    assert ledger.enter("hash", tmp_path / "run") == 0
    assert "counted in the run alone" in capsys.readouterr().err


def test_a_split_of_a_fold_is_kept_with_its_run(tmp_path: Path) -> None:
    from pellucid.data.folds import folds

    recipe = recipe_of("digits", ["train.epochs=1", "evaluate.baselines=false"])
    world = experiment.open_world(experiment.resolve(recipe), decide(recipe.execution))
    split = folds(recipe.split, world.columns, 3)[0]  # type: ignore[attr-defined]
    fold = type(split)(split.parts, split.how, split.section, "fold-1")
    run = experiment.train(recipe, tmp_path / "run", experiment.Given(split=fold, report=False, quiet=True))
    kept = records.kept_split(run)
    assert kept is not None
    assert kept.hash == fold.hash
    found = pellucid.evaluate(run)
    assert np.isclose(found["metrics"]["accuracy"]["n"], len(fold.parts["validation"]))
