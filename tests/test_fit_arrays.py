"""`pellucid.fit`: the user's own arrays, frames and modules, with the same run folder, resume and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.errors import ArtefactError, DataError, PellucidError, ShapeError
from tests.training.runs import outcome

QUIET: dict[str, Any] = {"report": False, "quiet": True}


def table(rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    return X, np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")


def own() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))


@pytest.mark.parametrize("kind", ["numpy", "torch", "list", "pandas", "polars"])
def test_any_container_gives_the_same_run(kind: str) -> None:
    X, y = table()
    names = list("abcd")
    given: dict[str, Any] = {
        "numpy": (X, y),
        "torch": (torch.from_numpy(X), y.tolist()),
        "list": (X.tolist(), y.tolist()),
        "pandas": (pandas.DataFrame(X, columns=names), pandas.Series(y, name="answer")),
        "polars": (polars.DataFrame(X, schema=names), polars.Series("answer", y)),
    }
    run = pellucid.fit(*given[kind], epochs=2, out="run", **QUIET)
    reference = pellucid.fit(X, y, epochs=2, out="reference", **QUIET)
    (files, lines), (expected_files, expected_lines) = outcome(run.folder), outcome(reference.folder)
    assert lines == expected_lines
    assert files["model.safetensors"] == expected_files["model.safetensors"]  # the names of columns may differ
    assert [answer["prediction"] for answer in run.predict(given[kind][0])[:5]] == [
        answer["prediction"] for answer in reference.predict(X)[:5]
    ]


def test_it_learns_and_says_how_well() -> None:
    X, y = table(600)
    run = pellucid.fit(X, y, epochs=20, settings={"rule.optimizer.learning_rate": 0.01}, **QUIET)
    result = run.result()
    accuracy = result["metrics"]["accuracy"]
    assert accuracy["value"] > 0.9
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"]
    assert (accuracy["n"], accuracy["interval"]) == (90, "wilson")
    assert result["baselines"]["majority"]["accuracy"]["value"] < 0.6
    assert set(result["class_names"]) == {"no", "yes"}


def test_own_module_is_trained_like_by_hand() -> None:
    """Plain SGD on the whole batch: the run's weights are those of three steps by hand."""
    X, y = table()
    settings = {
        "train.batch_size": "all",
        "rule.optimizer.name": "sgd",
        "rule.optimizer.learning_rate": 0.1,
        "rule.optimizer.momentum": 0.0,
        "rule.optimizer.weight_decay": 0.0,
        "train.keep": "last",
        "split.validation": 0.0,
        "split.test": 0.0,
    }
    net, twin = own(), own()
    pellucid.fit(X, y, model=net, epochs=3, settings=settings, **QUIET)
    inputs = torch.from_numpy((X - X.mean(0, dtype=np.float64)) / X.std(0, dtype=np.float64)).float()
    target = torch.from_numpy((y == "yes").astype(np.int64))
    for _ in range(3):
        loss = nn.functional.cross_entropy(twin(inputs), target)
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter -= 0.1 * parameter.grad
    for ours, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_own_module_resumes_exactly_before_its_first_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.sources.shuffled import Shuffled

    X, y = table()
    whole = pellucid.fit(X, y, model=own(), epochs=3, out="whole", **QUIET)
    give = Shuffled.next

    def die(self: Shuffled, policy: Any = None) -> Any:
        if self._step == 4:
            raise MemoryError
        return give(self, policy)

    with monkeypatch.context() as patch:
        patch.setattr(Shuffled, "next", die)
        with pytest.raises(MemoryError):
            pellucid.fit(X, y, model=own(), epochs=3, out="killed", **QUIET)
    torch.manual_seed(99)
    other_start = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    run = pellucid.fit(X, y, model=other_start, resume="killed", **QUIET)
    assert outcome(run.folder) == outcome(whole.folder)


def test_own_module_in_another_process() -> None:
    X, y = table()
    run = pellucid.fit(X, y, model=own(), epochs=2, out="run", **QUIET)
    with pytest.raises(
        ArtefactError, match=r"your own model \(torch.nn.modules.container:Sequential\).*pellucid.load\(RUN, model="
    ):
        pellucid.load("run")
    assert pellucid.predict("run", X, model=own()) == run.predict(X)
    wrong = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(ArtefactError, match="The weights do not fit the model"):
        pellucid.load("run", model=wrong)


def test_images_get_a_convolutional_net() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(80, 12, 10, 3), dtype=np.uint8)
    run = pellucid.fit(images, np.arange(80) % 2, epochs=1, **QUIET)
    layers = pellucid.load(run).spec.input
    assert layers.shape == (3, 12, 10)
    assert len(run.predict(images[:3])) == 3


def test_own_validation_rows_are_used_as_given() -> None:
    X, y = table()
    run = pellucid.fit(X[:150], y[:150], validation=(X[150:], y[150:]), test=0.0, epochs=1, **QUIET)
    assert run.result()["metrics"]["accuracy"]["n"] == 50
    split = (run.folder / "split.json").read_text()
    assert '"validation": 50' in split
    assert '"train": 150' in split


def test_imbalance_brings_balanced_accuracy_unasked() -> None:
    X, _ = table(400)
    y = np.where(X[:, 0] > 1.3, "rare", "common")
    run = pellucid.fit(X, y, epochs=2, **QUIET)
    result = run.result()
    assert result["primary"] == "balanced_accuracy"
    unasked = ["balanced_accuracy", "accuracy", "log_loss", "brier", "f1", "auc", "average_precision"]
    assert list(result["metrics"]) == [*unasked, "recall_common", "recall_rare"]


def test_regression_is_in_the_users_units() -> None:
    X, _ = table(300)
    y = 1000 + 50 * X[:, 0]
    run = pellucid.fit(X, y, epochs=30, settings={"rule.optimizer.learning_rate": 0.01}, **QUIET)
    assert run.metrics["rmse"] < 15
    assert 800 < run.predict(X[:1])[0]["prediction"] < 1200


def test_the_seal_is_counted() -> None:
    X, y = table()
    run = pellucid.fit(X, y, epochs=1, report=False, quiet=True, settings={"evaluate.baselines": False})
    assert run.result()["looks"] == 0
    assert [run.evaluate("test")["looks"] for _ in range(3)] == [1, 2, 3]
    assert pellucid.evaluate(run, "validation")["looks"] == 3


class Wrong(nn.Module):
    """Gives one number per row as `[rows]`."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).squeeze(1)


class Lazy(nn.Module):
    """Has a layer that it never uses."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.forgotten = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def test_shapes_that_broadcasting_would_hide_are_refused() -> None:
    X, _ = table()
    with pytest.raises(ShapeError, match=r"outputs of shape \(15,\) for 15 rows: expected \(15, 1\).*\.unsqueeze\(1\)"):
        pellucid.fit(X, X[:, 0], model=Wrong(), epochs=1, **QUIET)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X, y: pellucid.fit(X, y[:5], **QUIET), DataError, "X has 200 rows and y has 5"),
        (lambda X, y: pellucid.fit(X[:, 0], y, **QUIET), DataError, r"One feature: X.reshape\(-1, 1\)"),
        (lambda X, y: pellucid.fit(X, np.zeros(200, int), **QUIET), DataError, "y has one class only"),
        (lambda X, y: pellucid.fit(np.where(X > 2, np.nan, X), y, **QUIET), DataError, "rows hold NaN or infinity"),
        (lambda X, y: pellucid.fit(X, y, model="mpl", **QUIET), PellucidError, "there is no 'mpl'. Did you mean 'mlp'"),
        (lambda X, y: pellucid.fit(X, y, model="resnet", **QUIET), PellucidError, "resnet|image"),
        (lambda X, y: pellucid.fit(X, y, task="regress", **QUIET), DataError, "expected numbers"),
        (
            lambda X, y: pellucid.fit(X, y, task="regression", **QUIET),
            DataError,
            "task = 'regression': expected 'classify', 'multi_label' or",
        ),
        (
            lambda X, y: pellucid.fit(X, np.arange(200) // 3, **QUIET),
            DataError,
            "67 different values in 200 rows: too few",
        ),
        (lambda X, y: pellucid.fit(1.7e9 + X.astype(float) * 1e-3, y, **QUIET), DataError, "Subtract a constant first"),
        (lambda X, y: pellucid.fit(X, y, model=nn.Linear(3, 2), **QUIET), ShapeError, "cannot take a batch of shape"),
        (
            lambda X, y: pellucid.fit(X, y, model=nn.LazyLinear(2), **QUIET),
            PellucidError,
            "Run one batch through it first",
        ),
        (
            lambda X, y: pellucid.fit(X, y, model=own(), settings={"model.foo": 3}, **QUIET),
            PellucidError,
            "you gave a model",
        ),
        (
            lambda X, y: pellucid.fit(X, y, settings={"data.source": "digits"}, **QUIET),
            PellucidError,
            "you gave arrays",
        ),
        (
            lambda X, y: pellucid.fit(X, y, settings={"model.norm": "batch", "train.batch_size": 1}, **QUIET),
            ShapeError,
            "a norm over the batch needs two rows",
        ),
        (
            lambda X, y: pellucid.fit(X, y, validation=0.0, settings={"train.patience": 3}, **QUIET),
            PellucidError,
            "train.patience: nothing is validated",
        ),
        (lambda X, y: pellucid.fit(X, y, epochs=0, **QUIET), PellucidError, "train.epochs = 0: expected at least 1"),
        (
            lambda X, y: pellucid.fit(X, y, model=Lazy(), **QUIET),
            PellucidError,
            "gradient never arrives at forgotten.weight",
        ),
        (lambda X, y: pellucid.fit(X, y, model=nn.Flatten(), **QUIET), PellucidError, "no trainable parameter"),
    ],
)
def test_what_cannot_be_used_is_refused_with_one_message(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(*table())


def test_nothing_is_left_behind_by_a_refusal() -> None:
    X, y = table()
    with pytest.raises(DataError):
        pellucid.fit(X, y[:5], **QUIET)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("classes", [[3, 7], ["no", "yes"], [False, True], [0.5, 1.5]])
def test_predictions_come_back_as_the_labels_were(classes: list[Any]) -> None:
    X, y = table()
    labels = np.array(classes)[(y == "yes").astype(int)]
    run = pellucid.fit(X, labels, task="classify", epochs=8, **QUIET)
    predicted = [answer["prediction"] for answer in run.predict(X)]
    assert {type(value) for value in predicted} == {type(classes[0])}
    assert np.mean(np.array(predicted) == labels) > 0.7


def test_images_are_predicted_in_the_unit_they_were_learned_in() -> None:
    """Bytes as another integer type, or as shares of 255, are the same images; anything else is refused."""
    images = np.random.default_rng(0).integers(0, 256, size=(60, 8, 8))
    run = pellucid.fit(images, images[:, 0, 0] > 127, epochs=2, **QUIET)
    answers = [run.predict(given) for given in (images, images.astype(np.uint8), images / 255)]
    for other in answers[1:]:
        for a, b in zip(answers[0], other, strict=True):
            assert a["probabilities"]["True"] == pytest.approx(b["probabilities"]["True"], abs=1e-4)
    with pytest.raises(DataError, match="expected whole numbers in 0 to 255 or numbers in 0 to 1"):
        run.predict(images.astype(float) + 0.5)


def test_an_earlier_runs_recipe_does_the_same_again() -> None:
    """Task, split, seed and all: whole numbers that were regressed are regressed, without being told again."""
    X, _ = table()
    y = np.arange(200)
    run = pellucid.fit(X, y, task="regress", epochs=2, test=0.3, settings={"model.hidden": [8]}, out="run", **QUIET)
    again = pellucid.fit(X, y, recipe=run.folder / "recipe.toml", out="again", **QUIET)
    assert outcome(again.folder) == outcome(run.folder)
    resumed = pellucid.fit(X, y, resume=run, **QUIET)
    assert outcome(resumed.folder) == outcome(again.folder)
    with pytest.raises(PellucidError, match="A resumed run keeps its own recipe"):
        pellucid.fit(X, y, resume=run, epochs=3, **QUIET)


def test_a_recipe_by_name_is_carried_out_on_own_arrays() -> None:
    X, y = table()
    run = pellucid.fit(X, y, recipe="digits-mlp", settings={"train.epochs": 30}, out="own", **QUIET)
    assert run.metrics["accuracy"] > 0.85
    assert (Path("own/recipe.toml").read_text()).count('source = "arrays"') == 1
    with pytest.raises(PellucidError, match="y = None: there is nothing to predict"):
        pellucid.fit(X, None, **QUIET)


def test_what_a_recipe_overrules_is_refused_at_once() -> None:
    X, y = table()
    with pytest.raises(
        PellucidError, match="you gave beside it: model, task, validation, test, epochs, seed, name"
    ) as told:
        pellucid.fit(
            X,
            y,
            recipe="digits-mlp",
            model="linear",
            task="classify",
            validation=0.2,
            test=0.0,
            epochs=1,
            seed=0,
            name="a",
        )
    changes = "{'model.name': 'linear', 'task.name': 'classify', 'split.validation': 0.2, 'split.test': 0.0, "
    assert f"settings={changes}'train.epochs': 1, 'seed': 0, 'name': 'a'}}." in str(told.value)
    assert list(Path().iterdir()) == []


def test_what_a_resumed_run_overrules_is_refused_at_once() -> None:
    X, y = table()
    run = pellucid.fit(X, y, epochs=1, out="run", **QUIET)
    with pytest.raises(
        PellucidError, match="keeps its own recipe: leave out model, seed, settings, recipe, out, or fit"
    ):
        pellucid.fit(X, y, resume=run, model="mlp", seed=7, settings=["seed=7"], recipe="digits-mlp", out="other")
    assert [path.name for path in Path().iterdir()] == ["run"]


def test_a_run_is_asked_with_settings_or_with_nothing() -> None:
    X, y = table()
    run = pellucid.fit(X, y, epochs=1, **QUIET)
    assert [answer["input"] for answer in run.predict()] == [f"golden {place}" for place in range(8)]
    assert run.predict(inputs=X[:2], settings={}) == pellucid.predict(run, X[:2])
    with pytest.raises(PellucidError, match=r"predict\.temperature: there is no such field"):
        run.predict(X[:2], {"temperature": 0.5})
