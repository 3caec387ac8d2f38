"""Generation: the judge's features, sets of one size, baselines that stand where they should, latents that stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.data.columns import Columns
from pellucid.data.pictures import grid, sheet
from pellucid.data.preprocessing import Preprocessing
from pellucid.errors import DataError, PellucidError
from pellucid.evaluation import evaluate
from pellucid.execution import Execution
from pellucid.randomness import undisturbed
from pellucid.spec import Field, Spec
from pellucid.tasks import build
from pellucid.tasks.generate import Generate
from pellucid.tasks.samples import between, latents
from pellucid.tasks.task import Learned
from tests.data.worlds import open_world

EXECUTION = Execution("cpu", "bf16", 1, "channels_last", "eager")


class Judge(nn.Module):
    """Two layers; what goes into the last one is known."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 5)
        self.output = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.first(x.flatten(1)).relu())


class Painter(nn.Module):
    """Paints every pixel alike, or a fixed picture."""

    latent_size = 2

    def __init__(self, picture: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16))
        self.picture = picture

    def generate(self, latents: Tensor) -> Tensor:
        if self.picture is not None:
            return self.picture.expand(len(latents), 1, 4, 4)
        return (latents[:, :1] * self.weight).sigmoid().view(-1, 1, 4, 4)


def world(rows: int = 300) -> Any:
    random = np.random.default_rng(0)
    shades = random.random((rows, 1, 1, 1)) * np.linspace(0.5, 1, 16).reshape(1, 1, 4, 4)  # pixels that go together
    images = (shades + 0.05 * random.random((rows, 1, 4, 4))).clip(0, 1).astype(np.float32)
    target = Field("category", categories=("dark", "light"))
    columns = {"input": images, "target": (images.mean((1, 2, 3)) > 0.4).astype(np.int64)}
    return open_world(
        Columns(columns, {"input": Field("image", (1, 4, 4)), "target": target}), prepare={"standardize": False}
    )


def task(spec: Spec, **section: Any) -> Generate:
    made = build({"name": "generate", "features": "digits-mlp", "sets": 3, **section}, spec)
    assert isinstance(made, Generate)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made.borrow(Learned("digits-mlp", Judge().eval(), Preprocessing({}), "ab" * 32))
    return made


def test_features_are_what_goes_into_the_last_layer() -> None:
    opened = world()
    asked = task(opened.spec)
    images = torch.rand(300, 1, 4, 4)
    with torch.no_grad():
        expected = asked._judge.model.first(images.flatten(1)).relu()  # type: ignore[union-attr]
        found = asked._features(images)
    np.testing.assert_allclose(found, expected.double().numpy(), atol=1e-6)


def test_a_look_judges_sets_of_one_size_and_draws_the_same_each_time() -> None:
    opened = world()
    asked = task(opened.spec, samples=30)
    first, second = (evaluate.run(Painter(), asked, opened, "validation", EXECUTION) for _ in range(2))
    values = {name: score.value for name, score in first.scores.items()}
    assert values == {name: score.value for name, score in second.scores.items()}
    assert list(values) == ["frechet_distance", "coverage", "density"]
    assert {len(score.moments) for score in first.scores.values()} == {3}
    assert first.details()["samples"] == 30
    assert first.unit == "set of samples"
    assert len(set(first.scores["frechet_distance"].moments[:, 0])) == 3
    assert task(opened.spec)._size(opened, "validation") == opened.size("validation")


def test_a_collapsed_net_stands_between_independent_pixels_and_perfection() -> None:
    opened = world()
    asked = task(opened.spec)
    with undisturbed(0), torch.inference_mode():
        pixels, fitted_on = asked.baselines(opened, "validation")["independent_pixels"]
    one = opened.take(opened.rows("train")[:1])["input"]
    collapsed = evaluate.run(Painter(one), asked, opened, "validation", EXECUTION)
    perfect = collapsed.details()["perfect"]
    assert fitted_on == opened.size("train")
    assert perfect["frechet_distance"] < 0.1 * pixels["frechet_distance"].value
    assert perfect["coverage"] > 0.9
    assert collapsed.scores["coverage"].value < 0.5
    assert collapsed.scores["frechet_distance"].value > 10 * perfect["frechet_distance"]


def test_another_judge_is_refused_and_none_is_missed() -> None:
    spec = world().spec
    with pytest.raises(DataError, match="distances"):
        task(spec, features_sha256="0" * 64)
    assert task(spec, features_sha256="ab" * 32).borrowed == {"features_sha256": "ab" * 32}
    with pytest.raises(PellucidError, match="was not provided"):
        build({"name": "generate", "features": "digits-mlp"}, spec).look(Painter(), world(), "validation")


def test_a_part_of_too_few_rows_is_refused() -> None:
    opened = world(rows=30)
    with pytest.raises(DataError, match=r"4 rows, .* neighbour"):
        evaluate.run(Painter(), task(opened.spec), opened, "validation", EXECUTION)


def test_latents_are_a_function_of_the_seed_for_ever() -> None:
    assert latents(0, 1, 3)[0].tolist() == pytest.approx([1.7640524, 0.4001572, 0.978738])
    torch.testing.assert_close(latents(7, 5, 4)[:2], latents(7, 2, 4))


def test_a_path_begins_and_ends_at_its_latents_and_keeps_its_length() -> None:
    first, last = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    path = between(first, last)
    torch.testing.assert_close(path[0], first)
    torch.testing.assert_close(path[-1], last, atol=1e-6, rtol=0)
    torch.testing.assert_close(path.norm(dim=1), torch.full((len(path),), 3.0))


def test_a_sheet_of_samples_has_every_one_at_its_place() -> None:
    images = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1) * np.ones((1, 3, 2, 4), np.float32)
    whole = grid(sheet(images / 5))
    assert whole.shape == (3, 2 * 3 - 1, 3 * 5 - 1)
    for place in range(5):
        line, column = divmod(place, 3)
        assert (whole[:, line * 3 : line * 3 + 2, column * 5 : column * 5 + 4] == 51 * place).all()
