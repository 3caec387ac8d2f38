"""Generation: samples that cannot be told from the data, judged by the features of a classifier of the same data.

Heusel et al. 2017 (arXiv:1706.08500) compare samples and data by what the last hidden layer of a classifier makes of
them. Theirs is an Inception network trained on ImageNet, which knows nothing of digits; here the recipe names a
classifier that is trained on the same training rows, and the result says by which weights it judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.catalogue import find
from pellucid.data.pictures import grid, sheet
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import DataError, PellucidError
from pellucid.exhibit import Exhibit, Images, Signal
from pellucid.nn.generative import Generative
from pellucid.randomness import derive
from pellucid.recipes import RECIPES
from pellucid.spec import Spec
from pellucid.tasks import sample_quality as quality
from pellucid.tasks.rows import of_rows
from pellucid.tasks.samples import ROWS_AT_ONCE, STEPS, between, latents, paint
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Learned, Scored

GRID = 8
"""Pictures along each side of a grid of samples."""


class Config(Base):
    """Settings of generation."""

    features: str = "mnist-lenet5"
    """The recipe of the classifier whose last hidden layer judges the samples: one made for data of this kind. It is
    trained on the same training rows, once, and kept in the cache."""
    features_sha256: str | None = None
    """The hash of that classifier's weights, as an earlier result tells it; any other is refused. Left out, whatever
    the recipe gives on this machine is used: distances by different weights cannot be compared."""
    samples: int = Field(5000, ge=20)
    """Rows of the part, and as many samples, in each distance; fewer where the part has fewer. A distance of few is too
    large (Chong & Forsyth 2020), so that only distances of equal numbers may be compared."""
    sets: int = Field(4, ge=2)
    """Sets of samples that are judged one by one; the interval is over them."""
    neighbours: int = Field(5, ge=1)
    """A real row is covered where a sample is nearer than its so many-th neighbour; the paper's value."""


class Asking(Base):
    """What may be asked of a generator."""

    samples: int = Field(64, ge=1, le=10_000)
    """How many samples to paint."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Draws their latents: the same seed gives the same pictures."""


class Generate:
    """Frechet distance, coverage and density of samples in the features of a classifier."""

    primary = "frechet_distance"
    signals = (
        Signal(
            "coverage",
            "Is every kind of image painted?",
            "The share of real rows that have a sample nearer than their fifth neighbour (task.neighbours): low where "
            "kinds are missing (mode collapse) or samples are far from the data. Of five neighbours, real images of "
            "the training part reach about 0.97.",
            0.5,
            None,
            "Whole kinds of images are never painted, or samples do not look like data. Train longer, or lower both "
            "rates.",
        ),
    )
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "image" or spec.input.unit == "own":
            raise DataError(
                "task.name = 'generate' paints images in 0 to 1 or of bytes; "
                f"here the input is {spec.input.kind} of shape {spec.input.shape}, in units of its own. "
                "Scale images to 0 to 1."
            )
        if spec.target is None:
            raise DataError(
                "task.name = 'generate' judges samples by a classifier of the same data, and this data has no classes. "
                "Give y beside X; the generator never sees it."
            )
        judge = find(RECIPES, config.features, "task.features").load()()
        if judge.task["name"] != "classify":
            raise DataError(
                f"task.features = {config.features!r} is trained to {judge.task['name']}; a judge is a classifier. "
                "Choose a recipe such as mnist-lenet5 or digits-mlp."
            )
        self.spec = spec
        self.config = config
        self.needs = config.features
        self._judge: Learned | None = None
        self._last: nn.Module | None = None
        self._known: dict[str, tuple[Any, ...]] = {}
        self._limits: dict[str, dict[str, float]] = {}

    def borrow(self, learned: Learned) -> None:
        """Take the classifier whose features judge."""
        wanted = self.config.features_sha256
        if wanted is not None and wanted != learned.sha256:
            raise DataError(
                f"task.features_sha256 = {wanted[:12]}..., but the weights of {learned.recipe!r} on these rows have "
                f"{learned.sha256[:12]}...: another machine or other versions trained them. Leave the field out, and "
                "do not compare the distances."
            )
        layers = [module for module in learned.model.modules() if isinstance(module, nn.Linear)]
        if not layers:
            raise DataError(f"task.features = {learned.recipe!r}: its model has no full layer to take features from.")
        self._judge, self._last = learned, layers[-1]

    @property
    def borrowed(self) -> Mapping[str, str]:
        """The hash of the judge's weights."""
        return {} if self._judge is None else {"features_sha256": self._judge.sha256}

    def check(self, model: nn.Module, world: World) -> None:
        """A model that paints, and parts with enough rows for neighbours."""
        of_rows(world)
        _generative(model)
        for part in ("validation", "test"):
            if world.size(part):
                self._size(world, part)

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch."""
        return "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Judge sets of samples against the first rows of a part in a fixed order."""
        rows, size = of_rows(world), self._size(world, part)
        painter = _generative(model)

        def drawn() -> Tensor:
            given = torch.randn(size, painter.latent_size, device=world.device)
            return torch.cat([painter.generate(some) for some in torch.split(given, ROWS_AT_ONCE)])

        scores = self._scores(rows, part, (drawn() for _ in range(self.config.sets)))
        rank = (-scores["frechet_distance"].value, scores["coverage"].value)
        told = {
            "samples": size,
            "sets": self.config.sets,
            "neighbours": self.config.neighbours,
            "features": self.config.features,
            **self.borrowed,
            "perfect": self._perfect(rows, part, size),
        }
        return Scored(part, "set of samples", scores, rank, told)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return pixels that know nothing of one another, each drawn from a training row of its own."""
        rows, size = of_rows(world), self._size(world, part)
        train = _whole(rows, "train")
        draw = np.random.default_rng(derive(0, "baselines"))

        def drawn() -> Tensor:
            chosen = torch.from_numpy(draw.integers(len(train), size=(size, self.spec.input.size)))
            pixels = train.flatten(1).cpu().gather(0, chosen)
            return pixels.view(size, *self.spec.input.shape).to(train.device)

        scores = self._scores(rows, part, (drawn() for _ in range(self.config.sets)))
        return {"independent_pixels": (scores, len(train))}

    def _perfect(self, world: Rows, part: str, size: int) -> dict[str, float]:
        """The scores of real images of the training part: what nobody can beat but by chance."""
        if part not in self._limits:
            rows, draw = world.rows("train"), np.random.default_rng(derive(0, "perfect samples"))
            chosen = [draw.choice(len(rows), size, replace=size > len(rows)) for _ in range(self.config.sets)]
            real = (world.take(rows[torch.from_numpy(np.sort(some))])["input"] for some in chosen)
            self._limits[part] = {name: score.value for name, score in self._scores(world, part, real).items()}
        return self._limits[part]

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return samples, paths between latents, and real images to compare with."""
        painter, rows = _generative(model), of_rows(world)
        shown = torch.from_numpy(_first(rows, "train", GRID * GRID))
        samples = paint(painter, latents(0, GRID * GRID, painter.latent_size), world.device)
        ends = latents(1, 2 * GRID, painter.latent_size)
        paths = paint(painter, torch.cat([between(*pair) for pair in torch.split(ends, 2)]), world.device)
        real = rows.take(shown)["input"].float().cpu().numpy()
        shape = self.spec.input.shape
        return [
            Images("samples", "Samples", "Painted from latents of a fixed seed, not chosen.", sheet(samples, GRID)),
            Images(
                "interpolation",
                "From latent to latent",
                "Each row goes from one latent to another in equal turns. Smooth paths of plausible images say that "
                "the generator has learned more than single pictures.",
                paths.reshape(GRID, STEPS, *shape),
            ),
            Images("real", "Images of the training part", "To compare with.", sheet(real, GRID)),
        ]

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return seeds: a latent is a function of its seed."""
        return np.arange(num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return the image of each seed."""
        painter = _generative(model)
        given = torch.cat([latents(int(seed), 1, painter.latent_size) for seed in raw.tolist()])
        return {"image": painter.generate(given.to(next(model.parameters()).device)).float()}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Paint samples as one picture."""
        assert isinstance(settings, Asking)
        if inputs is not None:
            raise PellucidError(
                "A generator is asked nothing but how many: leave the inputs out, and set predict.samples=64 or "
                "predict.seed=1."
            )
        painter = _generative(model)
        given = latents(settings.seed, settings.samples, painter.latent_size)
        images = paint(painter, given, str(next(model.parameters()).device))
        values = {"input": f"seed {settings.seed}", "samples": settings.samples, "shape": list(self.spec.input.shape)}
        return [Answer(values, grid(sheet(images))[None])]

    def _size(self, world: World, part: str) -> int:
        size = min(self.config.samples, world.size(part))
        if size <= self.config.neighbours:
            raise DataError(
                f"The {part} part has {size} rows, and none of them has a neighbour number {self.config.neighbours}. "
                f"Give split.{part} a larger share."
            )
        return size

    def _scores(self, world: Rows, part: str, sets: Iterator[Tensor]) -> dict[str, Score]:
        """The scores of sets of prepared images against a part."""
        if part not in self._known:
            real = self._features(world.take(torch.from_numpy(_first(world, part, self._size(world, part))))["input"])
            radii = quality.neighbour_distances(real, self.config.neighbours)
            self._known[part] = real, quality.moments(real), radii
        real, known, radii = self._known[part]
        distances, densities, coverages = [], [], []
        for images in sets:
            found = self._features(images)
            distances.append(quality.frechet_distance(known, quality.moments(found)))
            density, coverage = quality.density_and_coverage(real, radii, found, self.config.neighbours)
            densities.append(density)
            coverages.append(coverage)
        return {
            "frechet_distance": mean_score(np.array(distances), "min", "student"),
            "coverage": mean_score(np.array(coverages), "max", "student"),
            "density": mean_score(np.array(densities), "max", "student"),
        }

    def _features(self, images: Tensor) -> quality.Features:
        """What goes into the judge's last layer, in float64."""
        if self._judge is None or self._last is None:
            raise PellucidError(f"The judge {self.needs!r} was not provided: judge through a run, not by hand.")
        model = self._judge.model.to(images.device)
        steps = Preprocessing(self._judge.preprocessing.steps, str(images.device))
        caught: list[Tensor] = []
        hook = self._last.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
        try:
            with torch.autocast(images.device.type, enabled=False):
                for some in torch.split(images.float(), ROWS_AT_ONCE):
                    model(steps.apply("input", some))
        finally:
            hook.remove()
        features: quality.Features = torch.cat(caught).flatten(1).cpu().double().numpy()
        return features


def _generative(model: nn.Module) -> Generative:
    if not isinstance(model, Generative):
        raise PellucidError(
            f"task.name = 'generate' needs a model that paints, and {type(model).__name__} does not. "
            "Choose model.name = 'dcgan'."
        )
    return model


def _whole(world: Rows, part: str) -> Tensor:
    """Return all prepared images of a part."""
    return torch.cat([batch["input"] for batch in world.batches(part)])


def _first(world: Rows, part: str, num: int) -> NDArray[np.int64]:
    """So many rows of a part, in an order that is always the same."""
    rows = world.rows(part).numpy()
    return np.sort(np.random.default_rng(derive(0, "judged rows")).permutation(rows)[:num])
