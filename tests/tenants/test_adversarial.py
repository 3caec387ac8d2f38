"""Adversarial networks on the whole line: trained, killed, resumed, loaded, asked, judged; and that they learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid
from pellucid import experiment, rundir, verbs
from pellucid import recipe as recipes
from pellucid.data import locate
from pellucid.data.batch import Batch
from pellucid.errors import DataError, PellucidError, RecipeError, TrainingFailed
from pellucid.execution import Execution
from pellucid.experiment import Given
from pellucid.models import build as build_model
from pellucid.models.dcgan import Discriminator
from pellucid.randomness import StepNoise
from pellucid.rules import build as build_rule
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task
from tests.training.runs import QUICK, dying, outcome

SHORT: dict[str, Any] = {
    **QUICK,
    "train.steps": 12,
    "train.evaluate_every": 4,
    "train.checkpoint_every": 3,
    "train.log_every": 2,
    "task.samples": 60,
    "task.sets": 2,
    "model.width": 8,
}
LOSSES: dict[str, dict[str, Any]] = {
    "non_saturating": {"rule.generator.ema": 0.9, "rule.generator.schedule.name": "cosine"},
    "hinge": {"rule.loss": "hinge", "rule.discriminator_steps": 2, "rule.discriminator.clip": 1.0},
    "wasserstein": {"rule.loss": "wasserstein", "rule.discriminator_steps": 5, "model.discriminator_norm": "layer"},
}
SILENT = Given(report=False, quiet=True)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_ends_with_the_same_bytes_after_a_kill(loss: str) -> None:
    recipe = verbs.recipe_of("digits-dcgan", {**SHORT, **LOSSES[loss]})
    whole = experiment.train(recipe, Path("whole"), SILENT)
    with dying(8):
        experiment.train(recipe, Path("killed"), SILENT)
    experiment.resume(Path("killed"), SILENT)
    assert outcome(Path("killed")) == outcome(whole)
    line = json.loads((whole / "metrics.jsonl").read_text().splitlines()[-2])
    assert {"generator_learning_rate", "discriminator_learning_rate", "generator_loss", "diversity"} <= set(line)
    names = json.loads((whole / "layers.json").read_text())["parameter_names"]
    assert len(names) == len(line["gradient_norms"])
    assert {name.partition(".")[0] for name in names} == {"discriminator", "generator"}


def test_a_run_is_loaded_asked_and_judged_on_the_test_part() -> None:
    run = pellucid.train("digits-dcgan", {**SHORT, "evaluate.baselines": True}, out="run", quiet=True)
    artefact = pellucid.load(run)
    first, second = (artefact.outputs(artefact.golden)["image"] for _ in range(2))
    assert first.shape == (8, 1, 8, 8)
    assert torch.equal(first, second)
    answers = [pellucid.predict(run, None, {"samples": 9, "seed": seed})[0] for seed in (1, 1, 2)]
    files = [Path(answer["file"]).read_bytes() for answer in answers]
    assert files[0] == files[1] != files[2]
    with pytest.raises(PellucidError, match=r"predict\.samples=64"):
        pellucid.predict(run, np.zeros((1, 8, 8)))
    result = run.evaluate("test")
    assert (result["unit"], result["primary"], result["samples"]) == ("set of samples", "frechet_distance", 60)
    assert len(result["features_sha256"]) == 64
    pixels = result["baselines"]["independent_pixels"]["frechet_distance"]["value"]
    assert result["perfect"]["frechet_distance"] < pixels
    told = [exhibit["name"] for exhibit in json.loads((run.folder / "exhibits.json").read_text())]
    assert told == ["samples", "interpolation", "real"]


def test_the_judge_is_trained_once_and_again_where_it_was_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(Path("cache").resolve()))
    first = pellucid.train("digits-dcgan", SHORT, out="first", report=False, quiet=True)
    (place,) = (rundir.cache() / "artefacts").glob("[0-9a-f]*[0-9a-f]")
    weights = place / "model.safetensors"
    trained = weights.stat().st_mtime_ns
    left = place.with_name(f".{place.name}.part")  # as a kill leaves it
    left.mkdir()
    (left / "recipe.toml").write_text("half")
    pellucid.train("digits-dcgan", SHORT, out="second", report=False, quiet=True)
    assert weights.stat().st_mtime_ns == trained
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"\0\0")
    again = pellucid.train("digits-dcgan", SHORT, out="third", report=False, quiet=True)
    assert weights.read_bytes() == content
    assert again.result()["features_sha256"] == first.result()["features_sha256"]
    assert not left.exists()
    with rundir.lock(first.folder):  # a judge's place holds an artefact, and no run of the user's
        assert not (place / "recipe.toml").exists()


def test_another_judge_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(DataError, match=r"task\.features_sha256 = 000000000000\.\.\., but the weights of 'digits-mlp'"):
        pellucid.train("digits-dcgan", {**SHORT, "task.features_sha256": "0" * 64}, out="run", quiet=True)
    assert not Path("run").exists()
    with pytest.raises(RecipeError, match=r"task\.features: there is no 'digits-mpl'\. Did you mean 'digits-mlp'"):
        pellucid.train("digits-dcgan", {**SHORT, "task.features": "digits-mpl"}, out="run", quiet=True)


def test_a_failure_names_the_update_and_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Discriminator.forward

    def broken(self: Discriminator, images: Tensor) -> Tensor:
        scores = forward(self, images)
        return scores + (images.flatten(1).sum(1) * 0.0).sqrt() if images.requires_grad else scores

    monkeypatch.setattr(Discriminator, "forward", broken)
    with pytest.raises(TrainingFailed) as caught:
        pellucid.train("digits-dcgan", SHORT, out="run", report=False, quiet=True)
    message = str(caught.value)
    assert "at the update of the generator" in message
    assert "the first gradient that is not is that of 'generator.image.bias'" in message
    assert "Try a smaller rule.generator.optimizer.learning_rate" in message
    assert verbs.replay(next(Path("run/failures").iterdir())) == message


def test_the_recipe_is_printed_with_every_sentence_and_read_back() -> None:
    text = pellucid.copy("digits-dcgan")
    inside = text[text.index("[rule.generator]") : text.index("[rule.discriminator]")]
    assert "# Which optimizer" not in inside  # a section of its own, with sentences of its own
    assert "# Decay of a moving average of the weights" in inside
    assert "# Bound on the size of a step" in inside
    Path("mine.toml").write_text(text)
    assert experiment.resolve(recipes.read(Path("mine.toml"))) == experiment.resolve(verbs.recipe_of("digits-dcgan"))


def test_settings_reach_the_sections_inside_the_rule() -> None:
    settings = ["rule.generator.optimizer.name=sgd", "rule.discriminator.schedule.name=cosine"]
    rule = experiment.resolve(verbs.recipe_of("digits-dcgan", settings)).rule
    assert rule["generator"]["optimizer"]["name"] == "sgd"
    assert "beta1" not in rule["generator"]["optimizer"]
    assert rule["discriminator"]["schedule"]["name"] == "cosine"
    waits = ["rule.generator.schedule.name=plateau", "split.validation=0"]
    with pytest.raises(RecipeError, match=r"rule\.generator\.schedule\.name = 'plateau'"):
        pellucid.train("digits-dcgan", waits, out="run", quiet=True)


def times_nearer(run: pellucid.Run) -> float:
    """How many times nearer to the data samples are than independent pixels."""
    result = run.result()
    pixels = result["baselines"]["independent_pixels"]["frechet_distance"]["value"]
    return float(pixels / result["metrics"]["frechet_distance"]["value"])


def test_the_twin_paints_digits() -> None:
    run = pellucid.train("digits-dcgan", {"execution.threads": 1}, out="run", report=False, quiet=True)
    assert times_nearer(run) > 3
    assert run.metrics["coverage"] > 0.6


@pytest.mark.slow
@pytest.mark.skipif(not locate.folder("mnist").is_dir(), reason="MNIST is not there; set PELLUCID_DATA")
def test_mnist_is_painted_five_times_nearer_than_independent_pixels() -> None:
    run = pellucid.train("mnist-dcgan", out="run", report=False, quiet=True)
    assert times_nearer(run) > 5


def test_it_learns_from_the_users_own_arrays() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(120, 10, 12), dtype=np.uint8)
    settings = {**SHORT, "train.batch_size": 16, "task.features": "digits-mlp"}
    labels = np.arange(120) % 3
    run = pellucid.fit(images, labels, recipe="digits-dcgan", settings=settings, out="run", report=False, quiet=True)
    assert pellucid.load(run).outputs(np.arange(2))["image"].shape == (2, 1, 10, 12)
    assert run.evaluate("test")["features"] == "digits-mlp"
    with pytest.raises(DataError, match="Give y beside X"):
        pellucid.fit(images, recipe="digits-dcgan", settings=settings, out="other", report=False, quiet=True)
    with pytest.raises(DataError, match="units of its own"):
        pellucid.fit(images * -3.5, labels, recipe="digits-dcgan", settings=settings, out="other", quiet=True)


def stripes(rows: int, seed: int) -> Tensor:
    """Upright and level stripes, half and half, with a little noise: two modes."""
    upright = torch.tensor([0.1, 0.9]).repeat(4).expand(8, 8)
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.rand(rows, 1, 1, generator=generator) < 0.5
    images = torch.where(kinds, upright, upright.T)
    return (images + 0.03 * torch.randn(images.shape, generator=generator)).clamp(0, 1)[:, None]


@pytest.mark.parametrize("loss", LOSSES)
def test_both_modes_are_found(loss: str) -> None:
    spec = Spec(Field("image", (1, 8, 8)), Field("category", categories=("upright", "level")))
    norm = "layer" if loss == "wasserstein" else "batch"
    model = build_model({"name": "dcgan", "width": 16, "latent": 8, "discriminator_norm": norm}, spec, seed=0)
    execution = Execution("cpu", "fp32", 1, "channels_last", "eager")
    fast = {"optimizer": {"learning_rate": 1e-3}}
    section = {"name": "adversarial", "loss": loss, "generator": fast, "discriminator": fast}
    task = build_task({"name": "generate", "features": "digits-mlp"}, spec)
    rule = build_rule(section, model, task, execution, 300)
    noise = StepNoise(0)
    for step in range(300):
        noise.at(step)
        rule.step(Batch({"input": stripes(64, step)}, torch.arange(64)))
    model.eval()
    with torch.no_grad():
        samples = model.generate(torch.randn(500, 8, generator=torch.Generator().manual_seed(0)))[:, 0]
    upright = torch.tensor([0.1, 0.9]).repeat(4).expand(8, 8)
    errors = torch.stack([(samples - mode).abs().mean((1, 2)) for mode in (upright, upright.T)])
    good = errors < 0.15  # half-way between the modes is 0.2 from both
    shares = good.float().mean(1)
    assert shares.min() > 0.15
    assert shares.sum() > 0.7
