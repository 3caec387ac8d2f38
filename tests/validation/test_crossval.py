"""Folds: fitted anew each, judged by rows that chose nothing, resumed to the same bytes, the test part untouched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from sklearn import metrics

import pellucid
from pellucid import experiment, rundir
from pellucid.data import folds as dealing
from pellucid.data import world as worlds
from pellucid.data.columns import Columns
from pellucid.data.seal import Seal
from pellucid.data.split import read_rows, rows_hash
from pellucid.errors import PellucidError, RunError
from pellucid.evaluation.corrected import corrected
from pellucid.recipe import SplitSection
from pellucid.spec import Field
from pellucid.training import fit
from pellucid.training.interrupt import Interrupted
from pellucid.validation.dealing import Plan, judged_to_training, members
from pellucid.verbs import recipe_of

QUICK = {"train.epochs": 2, "execution.threads": 1, "execution.variant": "eager", "rule.optimizer.learning_rate": 0.01}


def crossval(out: Path, recipe: str = "digits-mlp", folds: int = 3, **more: Any) -> pellucid.CrossValidation:
    settings = QUICK | more.pop("settings", {})
    return pellucid.crossval(recipe, settings, folds=folds, out=out, report=False, quiet=True, **more)


def split_of(run: Path) -> dict[str, set[int]]:
    rows = rundir.read_json(run / "split.json")["rows"]
    return {part: set(read_rows(rows[part]).tolist()) for part in ("train", "validation", "test")}


def bytes_of(folder: Path) -> dict[str, str]:
    """What a cross-validation came to, without times and places."""
    told = rundir.read_json(folder / "results/crossval.json")
    for timed in ("run", "training_seconds", "samples_per_second"):
        told.pop(timed)
    for finding in told["verdict"]:
        finding.pop("next")
    files = sorted((folder / "predictions").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} | {"result": json.dumps(told)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pellucid.CrossValidation:
    return crossval(tmp_path_factory.mktemp("crossval") / "whole")


def test_folds_and_what_chooses_in_them_never_meet(whole: pellucid.CrossValidation) -> None:
    splits = [split_of(whole.folder / f"fold-{number}") for number in (1, 2, 3)]
    sealed = set(range(1797)) - set.union(*(split["test"] for split in splits))
    assert len(sealed) == 359
    assert sum(len(split["test"]) for split in splits) == 1797 - 359
    for split in splits:
        assert len(split["validation"]) == pytest.approx(0.1 * (len(split["train"]) + len(split["validation"])), abs=1)
        everyone = [*split["train"], *split["validation"], *split["test"]]
        assert len(set(everyone)) == len(everyone)
        assert set(everyone) | sealed == set(range(1797))
        assert not set(everyone) & sealed


def test_every_step_is_fitted_anew_on_the_folds_own_training_rows(tmp_path: Path) -> None:
    found = crossval(tmp_path / "out", artefacts=True)
    hashes = set()
    for number in (1, 2, 3):
        run = found.folder / f"fold-{number}"
        (step,) = rundir.read_json(run / "artefact/preprocessing.json")["steps"]
        rows = np.array(sorted(split_of(run)["train"]))
        assert step["fitted_on"]["rows"] == len(rows)
        assert step["fitted_on"]["hash"] == rows_hash(rows)
        hashes.add(step["fitted_on"]["hash"])
        assert pellucid.predict(run)[0]["prediction"] in map(str, range(10))
    assert len(hashes) == 3
    pellucid.resume_crossval(found, report=False, quiet=True)  # what it began with holds: nothing is removed
    assert all((found.folder / f"fold-{number}/artefact/model.json").exists() for number in (1, 2, 3))


def test_data_that_changed_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 2
    settings = {"train.epochs": 1, "train.batch_size": 16, "evaluate.baselines": False}
    out = crossval(tmp_path / "out", "digits-mlp", 2, data=(X, y), settings=settings).folder
    with pytest.raises(RunError, match="its rows are not those of now: restore the files"):
        pellucid.resume_crossval(out, data=(X + 1, y), report=False, quiet=True)


def test_the_folder_says_what_it_is_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*arguments: Any) -> Any:
        raise MemoryError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(rundir, "lock", dies)
        with pytest.raises(MemoryError):
            crossval(tmp_path / "out", "diabetes-mlp", 2)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"recipe.toml", "environment.json", "crossval.json"}
    assert pellucid.resume_crossval(tmp_path / "out", report=False, quiet=True).metrics


def test_the_test_part_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal opens for folds alone: rows that the recipe seals are in no part of any world that is made."""
    opened: list[Seal] = []
    taken: set[int] = set()
    take = worlds.rows.Rows.take

    def counted(world: Any, rows: Any, augmented: Any = None) -> Any:
        taken.update(rows.tolist())
        return take(world, rows, augmented)

    monkeypatch.setattr(Seal, "open", lambda seal: opened.append(seal) or setattr(seal, "_closed", False))
    monkeypatch.setattr(worlds.rows.Rows, "take", counted)
    found = crossval(tmp_path / "out", folds=2)
    sealed = set(range(1797)) - split_of(found.folder / "fold-1")["test"] - split_of(found.folder / "fold-2")["test"]
    assert len(sealed) == 359
    assert len(opened) == 2
    assert taken
    assert not taken & sealed


def test_the_mean_and_its_interval_are_nadeaus_and_bengios(whole: pellucid.CrossValidation) -> None:
    result = whole.result
    values = np.array([fold["accuracy"] for fold in result["folds"]])
    told = result["metrics"]["accuracy"]
    mean, low, high, _ = corrected(values, 1 / 2)
    assert (told["value"], told["low"], told["high"]) == pytest.approx((mean, low, high), rel=1e-3)
    assert (told["n"], told["spread"]) == (3, pytest.approx(values.std(ddof=1)))
    beside = result["baselines"]["linear"]["accuracy"]
    theirs = [
        rundir.read_json(whole.folder / f"fold-{number}/results/test.json")["baselines"]["linear"]["accuracy"]["value"]
        for number in (1, 2, 3)
    ]
    difference = corrected(values - np.array(theirs), 1 / 2)
    assert beside["difference"]["value"] == pytest.approx(difference[0])
    assert beside["difference"]["p"] == pytest.approx(difference[3], rel=1e-2)
    assert beside["difference"]["p_holm"] >= beside["difference"]["p"]


def test_pooled_scores_are_those_of_the_predictions_on_the_disk(whole: pellucid.CrossValidation) -> None:
    kept = polars.read_csv(whole.predictions)
    shares = kept.select([f"p_{digit}" for digit in range(10)]).to_numpy()
    shares /= shares.sum(axis=1, keepdims=True)  # as single floats they sum to one but for rounding
    pooled = whole.result["pooled"]
    assert pooled["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(kept["target"], kept["prediction"]))
    assert pooled["log_loss"]["value"] == pytest.approx(metrics.log_loss(kept["target"], shares), rel=1e-4)
    assert np.sum(whole.result["confusion"]) == len(kept)


def test_pooled_numbers_too(tmp_path: Path) -> None:
    found = crossval(tmp_path / "out", "diabetes-mlp", 4, settings={"train.epochs": 3})
    kept = polars.read_csv(found.predictions)
    assert found.result["pooled"]["r2"]["value"] == pytest.approx(metrics.r2_score(kept["target"], kept["prediction"]))
    assert found.result["pooled"]["mae"]["value"] == pytest.approx(
        metrics.mean_absolute_error(kept["target"], kept["prediction"])
    )


def test_killed_between_folds_it_goes_on_to_the_same_bytes(
    whole: pellucid.CrossValidation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out, calls = experiment.carry_out, []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError("killed")
        return carry_out(*arguments)

    monkeypatch.setattr(experiment, "carry_out", dies)
    with pytest.raises(MemoryError):
        crossval(tmp_path / "out")
    assert (tmp_path / "out/fold-1/results/test.json").exists()
    before = (tmp_path / "out/fold-1/results/test.json").stat().st_mtime_ns
    found = crossval(tmp_path / "out")
    assert (tmp_path / "out/fold-1/results/test.json").stat().st_mtime_ns == before
    assert bytes_of(found.folder) == bytes_of(whole.folder)


def test_what_was_lost_is_made_anew_or_named(tmp_path: Path) -> None:
    settings = {"train.epochs": 1, "evaluate.baselines": False}
    found = crossval(tmp_path / "out", "diabetes-mlp", 2, settings=settings)
    whole = bytes_of(found.folder)
    for lost in ("predictions/test-scores.safetensors", "results/test.json"):
        (found.folder / "fold-2" / lost).unlink()
        assert bytes_of(crossval(tmp_path / "out", "diabetes-mlp", 2, settings=settings).folder) == whole
    (found.folder / "fold-2/predictions/test.csv").unlink()
    with pytest.raises(RunError, match=f"Remove {found.folder}/fold-2, and the same command makes it anew"):
        crossval(tmp_path / "out", "diabetes-mlp", 2, settings=settings)
    shutil.rmtree(found.folder / "fold-2")
    assert bytes_of(crossval(tmp_path / "out", "diabetes-mlp", 2, settings=settings).folder) == whole


def test_interrupted_inside_a_fold_it_says_how_to_go_on(
    whole: pellucid.CrossValidation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate, calls = fit.Bookkeeping.validate, []

    def stops(run: Any, look: Any) -> None:
        validate(run, look)
        calls.append(run)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(fit.Bookkeeping, "validate", stops)
    with pytest.raises(Interrupted, match=f"pellucid crossval --resume {tmp_path}/out"):
        crossval(tmp_path / "out")
    assert len(calls) == 3  # in the second fold
    monkeypatch.undo()
    found = pellucid.resume_crossval(tmp_path / "out", report=False, quiet=True)
    assert bytes_of(found.folder) == bytes_of(whole.folder)


def test_repeats_and_seeds_are_members_of_their_own(tmp_path: Path) -> None:
    found = crossval(tmp_path / "out", "diabetes-mlp", 2, repeats=2, seeds=2, settings={"train.epochs": 1}).result
    assert [each["fold"] for each in found["fold_results"]][:3] == [
        "repeat-1-fold-1-seed-0",
        "repeat-1-fold-1-seed-1",
        "repeat-1-fold-2-seed-0",
    ]
    assert len(found["fold_results"]) == 8
    assert len(found["folds"]) == found["metrics"]["rmse"]["n"] == 4  # seeds are no folds
    assert len({each["hash"] for each in found["fold_results"]}) == 4
    pooled = found["pooled"]["rmse"]
    assert pooled["clusters"] == pooled["n"] / 4  # the predictions of one row belong together


def grouped(num_groups: int, kind: str = "grouped") -> tuple[Columns, SplitSection]:
    random = np.random.default_rng(0)
    rows = num_groups * 8
    schema = {"input": Field("number", (3,)), "target": Field("category", categories=("a", "b"))}
    values = {"input": random.normal(size=(rows, 3)).astype(np.float32), "target": np.arange(rows) % 2}
    keys = {"patient": np.repeat(np.arange(num_groups), 8), "day": np.arange(rows) // 2}
    if kind == "time":
        return Columns(values, schema, keys=keys), SplitSection(kind="time", time="day", gap=4)
    return Columns(values, schema, keys=keys), SplitSection(kind="grouped", group="patient")


def test_groups_stay_whole_in_folds_and_in_their_validation_parts() -> None:
    columns, section = grouped(12)
    recipe = recipe_of("digits-mlp").model_copy(update={"split": section})
    for member in members(recipe, columns, Plan(3)):
        patients = [set(columns.keys["patient"][rows]) for rows in member.split.parts.values()]
        assert all(patients)
        assert not patients[0] & patients[1]
        assert not patients[0] & patients[2]
        assert not patients[1] & patients[2]


def test_in_time_a_fold_is_judged_by_what_came_before_it() -> None:
    columns, section = grouped(30, "time")
    recipe = recipe_of("digits-mlp").model_copy(update={"split": section})
    made = members(recipe, columns, Plan(3))
    for member in made:
        train, validation, fold = (columns.keys["day"][member.split.parts[part]] for part in member.split.parts)
        assert train.max() < validation.min() <= validation.max() < fold.min()
        assert validation.min() - train.max() > 2  # split.gap = 4 rows of two a day
    ends = [member.split.parts["test"].max() for member in made]
    assert ends == sorted(ends)
    assert judged_to_training(made) == pytest.approx(np.mean([len(m.split.parts["test"]) / m.outside for m in made]))


def test_without_a_validation_share_all_other_rows_train() -> None:
    columns, section = grouped(12)
    section = section.model_copy(update={"validation": 0.0})
    recipe = recipe_of("digits-mlp").model_copy(update={"split": section})
    dealt = dealing.folds(section, columns, 3)
    for member, fold in zip(members(recipe, columns, Plan(3)), dealt, strict=True):
        assert np.array_equal(member.split.parts["train"], fold.parts["train"])
        assert len(member.split.parts["validation"]) == 0


def test_another_recipe_takes_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny = {**QUICK, "train.epochs": 1, "evaluate.baselines": False}
    one = pellucid.crossval("diabetes-mlp", tiny, folds=2, report=False, quiet=True)
    other = pellucid.crossval("diabetes-mlp", {**tiny, "seed": 1}, folds=2, report=False, quiet=True)
    assert [str(each.folder) for each in (one, other)] == ["runs/diabetes-mlp-crossval", "runs/diabetes-mlp-crossval-2"]
    assert pellucid.crossval("diabetes-mlp", tiny, folds=2, report=False, quiet=True).folder == one.folder
    with pytest.raises(RunError, match="is a cross-validation of 2 folds"):
        pellucid.crossval("diabetes-mlp", tiny, folds=3, out=one.folder, report=False, quiet=True)
    with pytest.raises(RunError, match="is a cross-validation of another recipe"):
        pellucid.crossval("diabetes-mlp", tiny, folds=2, out=other.folder, report=False, quiet=True)
    with pytest.raises(RunError, match="keeps no artefacts"):
        pellucid.crossval("diabetes-mlp", tiny, folds=2, out=one.folder, artefacts=True, report=False, quiet=True)
    with pytest.raises(RunError, match="is no cross-validation"):
        pellucid.crossval("diabetes-mlp", tiny, folds=2, out=one.folder / "fold-1", report=False, quiet=True)
    with pytest.raises(RunError, match="is no cross-validation"):
        pellucid.resume_crossval(one.folder / "fold-1")
    with pytest.raises(RunError, match="is a cross-validation"):
        pellucid.evaluate(one.folder)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("cartpole-reinforce", "is an environment, which has no rows"),
        ("digits-dcgan", "what another run learned"),
    ],
)
def test_what_has_no_folds_is_refused(recipe: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(PellucidError, match=message):
        pellucid.crossval(recipe, out=tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_one_fold_is_no_cross_validation(tmp_path: Path) -> None:
    with pytest.raises(PellucidError, match="folds = 1: expected 2 or more"):
        crossval(tmp_path / "out", folds=1)


def test_a_net_that_is_no_better_than_a_constant_does_not_fit(tmp_path: Path) -> None:
    """Targets that nothing tells: each fold by itself may look well, all together show that nothing was learned."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(150, 4)).astype(np.float32), random.integers(0, 2, 150)
    settings = {**QUICK, "train.epochs": 5, "split.test": 0.0, "train.batch_size": 16}
    found = pellucid.crossval("digits-mlp", settings, data=(X, y), folds=3, out=tmp_path / "out", quiet=True)
    kinds = [finding["kind"] for finding in found.result["verdict"]]
    assert kinds
    assert "fits" not in kinds


def test_pooled_rows_of_one_group_are_one_piece_of_evidence(tmp_path: Path) -> None:
    """Each fold numbers its own groups; pooled, over several repeats, there are as many as in the data."""
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(12), 8)
    table = polars.DataFrame(
        {
            "patient": [f"p{number}" for number in patient],
            "pulse": 60 + 10 * random.normal(size=96),
            "ill": np.where(random.normal(size=96) + patient % 2 > 0.5, "yes", "no"),
        }
    )
    table.write_csv(tmp_path / "visits.csv")
    settings = {"split.kind": "grouped", "split.group": "patient", "split.test": 0.0, "train.epochs": 1}
    recipe = pellucid.propose(tmp_path / "visits.csv", "ill", settings=settings).recipe
    settings |= {"train.batch_size": 16, "evaluate.baselines": False, "execution.threads": 1}
    found = pellucid.crossval(
        recipe, settings, folds=3, repeats=2, out=tmp_path / "out", report=False, quiet=True
    ).result
    assert {score["clusters"] for score in found["pooled"].values()} == {12}
    assert {score["n"] for name, score in found["pooled"].items() if name == "accuracy"} == {2 * 96}
    groups = [set(patient[sorted(split_of(tmp_path / "out" / each["fold"])["test"])]) for each in found["fold_results"]]
    assert sorted(number for group in groups[:3] for number in group) == list(range(12))
