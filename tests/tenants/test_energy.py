"""Nets without backpropagated gradients through the whole line, and what they learn where all can be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import pellucid
from pellucid import experiment, verbs
from pellucid.data.batch import Batch
from pellucid.data.columns import Columns
from pellucid.errors import DataError, TrainingFailed
from pellucid.experiment import Given
from pellucid.nn.partition import exact
from pellucid.optim.update import NonFinite
from pellucid.rules.competitive import Competitive
from pellucid.spec import Field
from tests.nn.machines import states
from tests.training.runs import QUICK, dying, outcome

QUIET: dict[str, Any] = {"report": False, "quiet": True}
TWINS = {
    "digits-rbm": {"train.epochs": 2, "train.checkpoint_every": 7, "train.evaluate_every": 20},
    "digits-hopfield": {"train.batch_size": 1, "train.checkpoint_every": 3, "train.evaluate_every": 4},
    "digits-som": {"train.epochs": 2, "train.checkpoint_every": 11},
}


@pytest.mark.parametrize("name", TWINS)
def test_whole_line(name: str) -> None:
    recipe = verbs.recipe_of(name, {**QUICK, "evaluate.baselines": True, **TWINS[name]})
    whole = experiment.train(recipe, Path("whole"), Given(quiet=True))
    for number, step in enumerate((2, 9)):
        killed = Path(f"killed-{number}")
        with dying(step):
            experiment.train(recipe, killed, Given(report=False, quiet=True))
        experiment.resume(killed, Given(report=False, quiet=True))
        assert outcome(killed) == outcome(whole)

    assert (whole / "report.html").stat().st_size > 10_000
    exhibits = {exhibit["name"] for exhibit in json.loads((whole / "exhibits.json").read_text())}
    assert (
        exhibits
        >= {
            "digits-rbm": {"filters", "chains_from_noise", "chains_from_data"},
            "digits-hopfield": {"recall", "capacity"},
            "digits-som": {"codebook", "distances"},
        }[name]
    )
    artefact = pellucid.load(whole)
    assert all(output.isfinite().all() for output in artefact.outputs(artefact.golden).values())
    result = pellucid.evaluate(whole, "test")
    primary = result["metrics"][result["primary"]]
    assert primary["low"] <= primary["value"] <= primary["high"]
    assert len(result["baselines"]) >= 2
    assert all(np.isfinite(score["value"]) for of in result["baselines"].values() for score in of.values())


def test_persistent_chains_are_in_the_checkpoint() -> None:
    settings = {**QUICK, **TWINS["digits-rbm"], "rule.chains": 30}
    run = pellucid.train("digits-rbm", settings, out="run", **QUIET)
    newest = max((run.folder / "checkpoints").glob("step-*.safetensors"))
    (chains,) = (tensor for name, tensor in load_file(newest).items() if name.endswith("chains"))
    assert chains.shape == (30, 16)


def test_a_machine_draws_and_reconstructs() -> None:
    run = pellucid.train("digits-rbm", {**QUICK, "train.epochs": 2}, out="run", **QUIET)
    (drawn,) = pellucid.predict(run, None, {"samples": 9, "steps": 3, "seed": 5})
    (again,) = pellucid.predict(run, None, {"samples": 9, "steps": 3, "seed": 5})
    (other,) = pellucid.predict(run, None, {"samples": 9, "steps": 3, "seed": 6})
    assert drawn["input"] == "noise"
    pictures = [Path(answer["file"]).read_bytes() for answer in (drawn, again, other)]
    assert pictures[0] == pictures[1] != pictures[2]
    images = np.random.default_rng(0).random((2, 8, 8)).astype(np.float32)
    answers = run.predict(images)
    assert [sorted(answer) for answer in answers] == [["file", "free_energy", "input", "reconstruction_error"]] * 2


def test_a_memory_completes_and_a_map_places() -> None:
    memory = pellucid.train("digits-hopfield", QUICK, out="memory", **QUIET)
    asked = pellucid.predict(memory, None, {"flip": 0.1})
    assert {"changed_units", "energy", "file"} <= set(asked[0])
    sheet = pellucid.train("digits-som", {**QUICK, "train.epochs": 2}, out="sheet", **QUIET)
    assert all(0 <= answer["line"] < 10 and answer["distance"] > 0 for answer in pellucid.predict(sheet))


def test_digits_are_held_by_projection_and_lost_by_outer_products() -> None:
    held = pellucid.train("digits-hopfield", QUICK, out="held", **QUIET)
    assert held.metrics["recalled"] > 0.9
    lost = pellucid.train("digits-hopfield", {**QUICK, "rule.form": "outer_products"}, out="lost", **QUIET)
    assert lost.metrics["recalled"] < 0.1


def test_a_map_is_near_k_means_and_in_order() -> None:
    run = pellucid.train("digits-som", {"execution.threads": 1}, out="run", **QUIET)
    result = run.result()
    centres = result["baselines"]["k_means"]["quantisation_error"]["value"]
    assert run.metrics["quantisation_error"] < 1.1 * centres
    assert run.metrics["topographic_error"] < 0.1
    assert result["baselines"]["random_rows"]["topographic_error"]["value"] > 0.8


@pytest.mark.parametrize("name", TWINS)
def test_rows_without_a_target(name: str) -> None:
    rows = (np.random.default_rng(0).random((60, 1, 4, 4)) < 0.4).astype(np.float32)
    columns = Columns({"input": rows}, {"input": Field("image", (1, 4, 4))})
    settings = {**QUICK, "data.source": "arrays", "split.kind": "random", "split.test": 0.2, "train.epochs": 1}
    recipe = verbs.recipe_of(name, {**settings, "evaluate.baselines": True, "train.batch_size": 8})
    folder = experiment.train(recipe, Path("run"), Given(columns, quiet=True))
    assert pellucid.evaluate(folder, "test")["metrics"]


def test_grey_inputs_are_refused_before_a_folder_is_made() -> None:
    with pytest.raises(DataError, match=r"prepare\.binarize=true"):
        pellucid.train("digits-rbm", {**QUICK, "prepare.binarize": False}, out="run", **QUIET)
    assert not Path("run").exists()


def test_a_rule_without_updates_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Competitive.step

    def fail(self: Competitive, batch: Batch) -> Any:
        if self.state_dict()["steps"] == 4:
            raise NonFinite(4, float("nan"), float("nan"), 0.5)
        return step(self, batch)

    monkeypatch.setattr(Competitive, "step", fail)
    with pytest.raises(TrainingFailed, match=r"Step 5 was stopped") as caught:
        pellucid.train("digits-som", {**QUICK, "train.epochs": 1}, out="run", **QUIET)
    assert "step 4: loss" in str(caught.value)
    assert "learning rate 0," not in str(caught.value)
    assert pellucid.replay("run/failures/step-000000005")


def bars_and_stripes(side: int) -> torch.Tensor:
    """All pictures of full rows or of full columns (MacKay 2003, section 43), `[2^(side + 1) - 2, side * side]`."""
    lines = states(side)
    bars = lines[:, :, None].expand(-1, -1, side).flatten(1)
    stripes = lines[:, None, :].expand(-1, side, -1).flatten(1)
    return torch.cat([bars, stripes]).unique(dim=0)  # type: ignore[no-untyped-call]


def learns() -> float:
    """Train a machine on all 14 bars and stripes of 3 x 3; return how far it is from them, as KL in nats."""
    rows = bars_and_stripes(3)
    repeated = rows.repeat(10, 1).numpy()
    given = {"train": np.arange(len(repeated)), "test": np.arange(0)}
    columns = Columns({"input": repeated}, {"input": Field("number", (9,))}, given)
    settings = {
        **QUICK,
        "data.source": "arrays",
        "split.kind": "given",
        "split.validation": 0.0,
        "model.hidden": 12,
        "rule.optimizer.learning_rate": 0.1,
        "rule.k": 5,
        "rule.chains": 140,
        "train.epochs": 8000,
        "train.batch_size": "all",
    }
    folder = experiment.train(
        verbs.recipe_of("digits-rbm", settings), Path("learns"), Given(columns, report=False, quiet=True)
    )
    machine = pellucid.load(folder).model
    likelihood = -machine.free_energy(rows).mean() - exact(machine)  # type: ignore[operator, arg-type]
    return float(-torch.tensor(float(len(rows))).log() - likelihood.detach())


def test_bars_and_stripes_are_learned() -> None:
    """Knowing nothing is 9 log 2 - log 14 = 3.6 nats away; the optimum is 0."""
    assert learns() < 0.1
