"""Arrays and IDX files of the user's own, from the file to predictions on new ones: one command, resume."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

import pellucid
from pellucid import recipe as recipes
from pellucid.data import locate
from pellucid.errors import DataError, RecipeError
from tests.cli.test_contract import answer, call
from tests.training.runs import dying, outcome

QUICK = {"execution.threads": 1, "execution.variant": "eager", "train.epochs": 4, "evaluate.baselines": False}
SETTINGS = [f"{name}={str(value).lower()}" for name, value in QUICK.items()]


@pytest.fixture
def digits() -> Path:
    data = load_digits()
    np.savez("digits.npz", X=data.images.astype("u1"), y=data.target)
    return Path("digits.npz")


def test_one_command(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "train", "--data", "digits.npz", *SETTINGS, "--out", "run", "--json")
    assert code == 0
    assert "X is learned from, y is asked for" in err
    assert "input: 1,797 images, 8x8, 1 channel, whole numbers in 0 to 255" in err
    assert json.loads(out)["metrics"]["accuracy"]["value"] > 0.9
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.kind, kept.data.input, kept.data.target, kept.data.types) == (
        "arrays",
        "X",
        "y",
        {"y": "category"},
    )
    assert (kept.split.kind, kept.model["name"]) == ("stratified", "convnet")
    predicted = answer(capsys, "predict", "run", "digits.npz")["predictions"]
    right = [
        one["prediction"] == label for one, label in zip(predicted, np.load("digits.npz")["y"].tolist(), strict=True)
    ]
    assert np.mean(right) > 0.9
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1


def test_resumed_to_the_same_bytes(digits: Path) -> None:
    recipe = pellucid.propose(digits).recipe
    settings = {**QUICK, "train.epochs": None, "train.steps": 20, "train.checkpoint_every": 3}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(8):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


def test_numbers_are_regressed_where_it_is_said() -> None:
    data = load_diabetes()
    np.savez("diabetes.npz", X=data.data, y=data.target)
    with pytest.raises(DataError, match=r"give data\.types\.y=number"):
        pellucid.propose("diabetes.npz")
    recipe = pellucid.propose("diabetes.npz", settings=["data.types.y=number"]).recipe
    assert (recipe.task["name"], recipe.model["name"], recipe.split.kind) == ("regress", "mlp", "random")
    run = pellucid.train(recipe, {**QUICK, "train.epochs": 20}, out="run", report=False, quiet=True)
    assert run.metrics["r2"] > 0.3


def test_what_has_no_target_is_refused() -> None:
    np.save("X.npy", np.zeros((9, 4)))
    with pytest.raises(DataError, match=r"X\.npy holds nothing to predict\. Put it beside"):
        pellucid.propose("X.npy")


def test_idx_files_keep_their_parts_and_new_ones_are_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    data = load_digits()
    Path("folder").mkdir()
    for part, rows in (("train", slice(0, 1200)), ("t10k", slice(1200, None))):
        for what, array in (("images-idx3", data.images[rows]), ("labels-idx1", data.target[rows])):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            Path(f"folder/{part}-{what}-ubyte").write_bytes(header + array.astype("u1").tobytes())
    proposed = pellucid.propose("folder")
    assert proposed.because[-1] == "given: train 1,200, test 597"
    pellucid.train(proposed.recipe, QUICK, out="run", report=False, quiet=True)
    counts = json.loads(Path("run/split.json").read_text())["counts"]
    assert counts == {"train": 1020, "validation": 180, "test": 597}
    predicted = answer(capsys, "predict", "run", "folder/t10k-images-idx3-ubyte")["predictions"]
    assert np.mean([one["prediction"] == label for one, label in zip(predicted, data.target[1200:], strict=True)]) > 0.8


@pytest.mark.skipif(not locate.folder("cifar10").is_dir(), reason="CIFAR-10 is not there; set PELLUCID_DATA")
def test_photographs_are_mirrored_and_moved() -> None:
    recipe = pellucid.propose(locate.folder("cifar10")).recipe
    assert [change["name"] for change in recipe.augment] == ["flip", "crop"]
    assert (recipe.split.kind, recipe.split.validation) == ("given", 0.1)


def test_nothing_is_waited_for_where_given_parts_are_not_validated() -> None:
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(60, 3)).astype(np.float32)
    classes = (inputs[:, 0] > 0).astype(np.int64)
    np.savez("data.npz", x_train=inputs[:40], y_train=classes[:40], x_test=inputs[40:], y_test=classes[40:])
    recipe = pellucid.propose("data.npz").recipe
    assert recipe.split.kind == "given"
    with pytest.raises(RecipeError, match=r"train\.patience: nothing is validated"):
        pellucid.train(recipe, {"split.validation": 0, "train.patience": 3}, out="run", quiet=True)
    assert not Path("run").exists()
