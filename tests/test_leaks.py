"""Three leaks on data that ships with scikit-learn: what each adds to a score, and how Pellucid refuses or names it.

Each score is the mean over a few splits of Pellucid's own. `validation` is what is believed; `unseen` is the same model
on rows that were put aside before anything was done: the truth. The figures of docs/leaks.md are those of `main`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid
from pellucid.data import locate, world
from pellucid.data.arrays import from_parts
from pellucid.data.columns import Columns
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.split import Split, draw
from pellucid.errors import LeakError
from pellucid.evaluation import evaluate
from pellucid.execution import Execution
from pellucid.models import build as build_model
from pellucid.preflight import Finding
from pellucid.preflight.check import check
from pellucid.recipe import PrepareSection, SplitSection
from pellucid.tasks import build as build_task
from tests.data.worlds import open_world

SEEDS = 8
EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")


@dataclass(frozen=True)
class Standing:
    """What is believed and what is true: means over splits, of the accuracy or of R2."""

    validation: float
    unseen: float

    @property
    def too_good(self) -> float:
        """How much better the score is than what the model does on unseen rows."""
        return self.validation - self.unseen


def standing(of_seed: Callable[[int], tuple[float, float]]) -> Standing:
    return Standing(*np.mean([of_seed(seed) for seed in range(SEEDS)], axis=0).tolist())


def on_split(columns: Columns, section: SplitSection, model: BaseEstimator) -> tuple[float, float]:
    """Fit scikit-learn's model on the training part; its score on the validation part, and on the test part."""
    X, y = (columns.dense(name).reshape(len(columns), -1).astype(np.float64) for name in ("input", "target"))
    split = draw(section, columns)
    train, validation, test = (split.parts[part] for part in ("train", "validation", "test"))
    fitted = model.fit(X[train], y[train, 0])
    return fitted.score(X[validation], y[validation, 0]), fitted.score(X[test], y[test, 0])


# Steps fitted before the split


def prepared(seed: int, *, leaks: bool, steps: Callable[[], Any], noise: int = 0) -> tuple[float, float]:
    """A linear model of 70 patients' diagnoses after steps that saw these alone, or the 30 that validate as well.

    Args:
        noise: columns of noise that stand in the place of the measurements: then there is nothing to be found.
    """
    X, y = load_breast_cancer(return_X_y=True)
    random = np.random.default_rng(seed)
    X = random.normal(size=(len(X), noise)) if noise else X
    known, unseen = np.split(random.permutation(len(X)), [100])
    columns = from_parts({"train": (X[known], y[known]), "test": (X[unseen], y[unseen])})
    parts = draw(SplitSection(kind="given", validation=0.3, seed=seed), columns).parts
    X, y = columns.dense("input"), columns.dense("target")
    train, validation, test = (parts[part] for part in ("train", "validation", "test"))
    seen = np.union1d(train, validation) if leaks else train
    fitted = steps().fit(X[seen], y[seen])
    model = LogisticRegression(max_iter=1000).fit(fitted.transform(X[train]), y[train])
    return model.score(fitted.transform(X[validation]), y[validation]), model.score(fitted.transform(X[test]), y[test])


def chosen_columns() -> Any:
    return make_pipeline(SelectKBest(f_classif, k=20), StandardScaler())


@cache
def selection(*, leaks: bool) -> Standing:
    return standing(lambda seed: prepared(seed, leaks=leaks, steps=chosen_columns, noise=3000))


@cache
def scaling(*, leaks: bool) -> Standing:
    return standing(lambda seed: prepared(seed, leaks=leaks, steps=StandardScaler))


def test_columns_chosen_before_the_split_find_what_is_not_there() -> None:
    leaking, honest = selection(leaks=True), selection(leaks=False)
    assert leaking.validation > 0.8  # of pure noise
    assert leaking.too_good > 0.25
    assert abs(honest.too_good) < 0.08
    assert honest.validation < 0.65  # the larger class has 0.63
    assert abs(leaking.unseen - honest.unseen) < 0.05


def test_scaling_before_the_split_changes_next_to_nothing() -> None:
    leaking, honest = scaling(leaks=True), scaling(leaks=False)
    assert abs(leaking.validation - honest.validation) < 0.01
    assert abs(leaking.unseen - honest.unseen) < 0.01


def test_steps_that_have_seen_held_out_rows_are_refused() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    columns = from_parts({"train": (X, y)})
    opened = open_world(columns)
    none = np.zeros(0, np.int64)
    everyone = Split({"train": np.arange(len(X)), "validation": none, "test": none}, "all", SplitSection())
    leaking = opened.with_preprocessing(Preprocessing.fit(PrepareSection(), columns, everyone))
    model = build_model({"name": "linear"}, opened.spec, seed=0)
    task = build_task({"name": "classify"}, opened.spec)
    evaluate.run(model, task, opened, "validation", EXECUTION)
    with pytest.raises(
        LeakError,
        match=r"^The step 'standardize' of 'input' was fitted on other rows than this split's "
        r"training part: rows that are held out here may have been seen\.",
    ):
        evaluate.run(model, task, leaking, "validation", EXECUTION)


def test_a_split_with_a_row_on_both_sides_is_refused() -> None:
    parts = {"train": np.arange(5), "validation": np.array([4]), "test": np.zeros(0, int)}
    with pytest.raises(LeakError, match="rows in two parts: train, validation and test must not share any"):
        Split(parts, "by hand", SplitSection())


# Repeated measurements, drawn one by one


@cache
def measured(seed: int) -> Columns:
    """Four measurements of each of 300 diabetes patients, a tenth of a deviation apart; one of 142 others as test."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = X / X.std(axis=0)
    random = np.random.default_rng(seed)
    known, unseen = np.split(random.permutation(len(X)), [300])
    patient = np.repeat(known, 4)
    repeated = X[patient] + 0.1 * random.normal(size=(len(patient), X.shape[1]))
    columns = from_parts({"train": (repeated, y[patient]), "test": (X[unseen], y[unseen])}, "regress")
    return replace(columns, keys={"patient": np.concatenate([patient, unseen])})


@cache
def repeated(*, leaks: bool) -> Standing:
    group = None if leaks else "patient"
    return standing(
        lambda seed: on_split(
            measured(seed), SplitSection(kind="given", validation=0.25, group=group, seed=seed), KNeighborsRegressor(5)
        )
    )


def test_repeated_measurements_drawn_one_by_one_measure_memory() -> None:
    leaking, honest = repeated(leaks=True), repeated(leaks=False)
    assert leaking.too_good > 0.35  # of R2
    assert abs(honest.too_good) < 0.1
    assert leaking.validation - honest.validation > 0.4


@cache
def recordings() -> tuple[Columns, NDArray[np.float32]]:
    """Spoken digits with who speaks, and their spectrograms, `[rows, numbers]`."""
    recipe = pellucid.propose(locate.folder("free-spoken-digit") / "recordings", "name_1").recipe
    columns = world.read(recipe.data, ["name_2"])
    opened: Any = world.open(recipe, columns=columns)
    parts = torch.split(torch.arange(len(columns)), 500)
    return columns, np.concatenate([opened.take(rows)["input"].flatten(1).numpy() for rows in parts])


@cache
def spoken(*, leaks: bool) -> Standing:
    """Which digit is said, by the nearest recordings; each speaker in turn is the one whom nobody has heard."""
    columns, X = recordings()
    columns = replace(columns, values={**columns.values, "input": X})
    who = columns.keys["name_2"]
    found = []
    for speaker in np.unique(who):
        given = {"train": np.flatnonzero(who != speaker), "test": np.flatnonzero(who == speaker)}
        section = SplitSection(kind="given", validation=1 / 3, group=None if leaks else "name_2")
        found.append(on_split(replace(columns, given=given), section, KNeighborsClassifier(5)))
    return Standing(*np.mean(found, axis=0).tolist())


@pytest.mark.slow
@pytest.mark.skipif(not locate.folder("free-spoken-digit").is_dir(), reason="no free-spoken-digit in PELLUCID_DATA")
def test_recordings_of_one_speaker_on_both_sides_measure_the_speaker() -> None:
    leaking, honest = spoken(leaks=True), spoken(leaks=False)
    assert leaking.too_good > 0.25
    assert abs(honest.too_good) < 0.1


@pytest.fixture
def patients() -> Path:
    columns = measured(0)
    X, y = columns.dense("input")[:1200], columns.dense("target")[:1200, 0]
    table = {f"x{place}": X[:, place] for place in range(10)}
    polars.DataFrame(
        {**table, "patient": columns.keys["patient"][:1200], "progress": y.astype(np.float64) + 0.5}
    ).write_csv("patients.csv")
    return Path("patients.csv")


def of_kind(findings: list[Finding], kind: str) -> list[Finding]:
    return [finding for finding in findings if finding.kind == kind]


def test_groups_on_both_sides_are_named(patients: Path) -> None:
    settings = {"execution.threads": 1, "data.types.patient": "id", "model.name": "linear"}
    unsaid = of_kind(check(str(patients), settings, target="progress"), "possible_groups")
    assert [finding.weight for finding in unsaid] == ["note"]
    assert unsaid[0].message.startswith("'patient' has 300 values in 1200 rows, and these held-out rows share theirs")
    assert "choose split.kind = 'grouped', split.group = 'patient'" in unsaid[0].message

    said = of_kind(
        check(str(patients), {**settings, "split.group": "patient"}, target="progress"), "group_across_parts"
    )
    assert [finding.weight for finding in said] == ["wrong", "wrong"]  # of validation and of test
    assert "what is learned of a group is taken for knowledge of others" in said[0].message

    whole = {**settings, "split.kind": "grouped", "split.group": "patient"}
    assert not [finding for finding in check(str(patients), whole, target="progress") if "group" in finding.kind]


def test_given_parts_that_share_a_group_are_refused() -> None:
    columns = measured(0)
    who = columns.keys["patient"].copy()
    who[-1] = who[0]
    with pytest.raises(LeakError, match="the given parts train and test share 1 of its values"):
        draw(SplitSection(kind="given", group="patient"), replace(columns, keys={"patient": who}))


# Copies made before the split


def copies(random: np.random.Generator, picture: NDArray[Any], num: int) -> Iterator[NDArray[np.uint8]]:
    """A digit as it is, and copies of it: darker by a fifth at most, with a little noise. `[32, 32]` each."""
    large = np.kron(picture, np.ones((4, 4))) * 255 / 16
    for number in range(num):
        changed = large if number == 0 else large * random.uniform(0.8, 1) + 3 * random.normal(size=large.shape)
        yield changed.clip(0, 255).astype(np.uint8)


@cache
def copied(seed: int) -> Columns:
    """Eighty digits, five copies of each; a thousand others, once each, are the test part."""
    digits, random = load_digits(), np.random.default_rng(seed)
    order = random.permutation(len(digits.images))
    known, unseen = order[:80], order[80:1080]
    pictures = np.stack([copy for row in known for copy in copies(random, digits.images[row], 5)])
    others = np.stack([next(copies(random, digits.images[row], 1)) for row in unseen])
    columns = from_parts(
        {"train": (pictures, np.repeat(digits.target[known], 5)), "test": (others, digits.target[unseen])}
    )
    return replace(columns, keys={"original": np.concatenate([np.repeat(known, 5), unseen])})


@cache
def augmented(*, leaks: bool) -> Standing:
    group = None if leaks else "original"
    return standing(
        lambda seed: on_split(
            copied(seed), SplitSection(kind="given", validation=0.3, group=group, seed=seed), KNeighborsClassifier(1)
        )
    )


def test_copies_on_both_sides_measure_memory() -> None:
    leaking, honest = augmented(leaks=True), augmented(leaks=False)
    assert leaking.validation > 0.99
    assert leaking.too_good > 0.1
    assert abs(honest.too_good) < 0.05


def save(folder: str, seed: int = 0) -> None:
    """Twenty digits of two classes, three copies of each, as PNG; of a folder `{}` a part is written for each copy."""
    digits, random = load_digits(n_class=2), np.random.default_rng(seed)
    for row in range(20):
        for number, picture in enumerate(copies(random, digits.images[row], 3)):
            path = Path(folder.format(("train", "train", "validation")[number])) / "ab"[digits.target[row]]
            path.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path / f"{row:02}_{number}.png")


def test_near_copies_are_named() -> None:
    settings = {"execution.threads": 1, "model.name": "linear", "data.size": [8, 8]}
    save("scans")
    (found,) = of_kind(check("scans", settings), "near_duplicates")
    assert len(found.rows) == 60
    assert "40 of the pictures are nearly the same as another one" in found.message
    assert "A split puts some on both sides, where they measure memory." in found.message

    save("parted/{}")
    (found,) = of_kind(check("parted", settings), "near_duplicates_across_parts")
    assert len(found.rows) == 20
    assert "100 % of the validation pictures are nearly the same as one of train" in found.message


def main() -> None:
    """Print the table of docs/leaks.md; speakers where their recordings lie in PELLUCID_DATA."""
    cases = {"selection": selection, "scaling": scaling, "repeated": repeated, "augmented": augmented}
    if locate.folder("free-spoken-digit").is_dir():
        cases["spoken"] = spoken
    for name, case in cases.items():
        for leaks in (True, False):
            found = case(leaks=leaks)
            print(f"{name:10} {'leaking' if leaks else 'honest':8} {found.validation:.3f} {found.unseen:.3f}")


if __name__ == "__main__":
    main()
