"""An accelerator computes what the CPU computes, and resumes exactly. Needs one: run with -m gpu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid import evaluate, experiment, train, verbs
from pellucid.execution import Execution, decide
from pellucid.experiment import Given
from pellucid.recipe import ExecutionSection
from pellucid.sources.shuffled import Shuffled
from tests.training.runs import QUICK, outcome

pytestmark = pytest.mark.gpu
DEVICE = "cuda" if torch.cuda.is_available() else "mps"
QUIET: dict[str, Any] = {"report": False, "quiet": True}


@pytest.mark.parametrize("name", ["digits", "digits-mlp", "digits-softmax", "diabetes-mlp"])
def test_first_steps_agree_with_the_cpu(name: str) -> None:
    losses = []
    for device in ("cpu", DEVICE):
        recipe = experiment.resolve(verbs.recipe_of(name, {**QUICK, "execution.device": device}))
        parts = experiment.assemble(recipe, decide(recipe.execution), Given())
        losses.append([float(parts.rule.step(parts.source.next())["loss"]) for _ in range(3)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_resume_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        **QUICK,
        "execution.device": DEVICE,
        "train.epochs": 3,
        "model.dropout": 0.3,
        "train.checkpoint_every": 7,
    }
    whole = train("digits", settings, out="whole", **QUIET)
    give = Shuffled.next

    def die(self: Shuffled, policy: Any = None) -> Any:
        if self._step == 33:
            raise MemoryError
        return give(self, policy)

    with monkeypatch.context() as patch:
        patch.setattr(Shuffled, "next", die)
        with pytest.raises(MemoryError):
            train("digits", settings, out="killed", **QUIET)
    experiment.resume(Path("killed"), Given(report=False, quiet=True))
    assert outcome(Path("killed")) == outcome(whole.folder)
    assert evaluate(whole, "test")["metrics"]["accuracy"]["value"] > 0.9


def test_auto_takes_the_accelerator() -> None:
    assert isinstance(decide(ExecutionSection()), Execution)
    assert decide(ExecutionSection()).device == DEVICE


def test_augmentation_falls_out_as_on_the_cpu() -> None:
    augment = [{"name": "flip"}, {"name": "crop", "pad": 1}, {"name": "affine"}, {"name": "erase"}, {"name": "mixup"}]
    seen = []
    for device in ("cpu", DEVICE):
        settings = {**QUICK, "execution.device": device, "augment": augment}
        recipe = experiment.resolve(verbs.recipe_of("digits", settings))
        batch = experiment.assemble(recipe, decide(recipe.execution), Given()).source.next()
        seen.append({name: column.cpu() for name, column in batch.columns.items()})
    assert seen[0]["input"].numpy() == pytest.approx(seen[1]["input"].numpy(), abs=1e-3)
    assert torch.equal(seen[0]["partner"], seen[1]["partner"])
