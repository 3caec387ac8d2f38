"""A map of rows: how near each row has a unit, and whether units that are near in the data are neighbours on the sheet.

T. Kohonen, "Self-organized formation of topologically correct feature maps", Biological Cybernetics 43, 1982. The
quantisation error is the mean distance of a row to its nearest unit. The topographic error is the share of rows whose
nearest and second nearest units do not touch, at a side or a corner (K. Kiviluoto, "Topology preservation in
self-organizing maps", 1996). One buys the other: k-means has the smaller first error and no map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import tensor_of
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.errors import DataError, PellucidError
from pellucid.exhibit import Exhibit, Images, Signal
from pellucid.nn.grid import Sheet, are_neighbours, mean_distance_to_neighbours, nearest, positions
from pellucid.randomness import generator
from pellucid.spec import Spec
from pellucid.tasks import rows
from pellucid.tasks.rows import Asking
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Scored

MOST_ROWS = 10_000
DOTS = 16
"""Pixels of a unit's side in the picture of distances."""


class Config(Base):
    """Settings of the map's baselines."""

    lines: int = Field(10, ge=2)
    """Units of the baselines from top to bottom: as many as the model has, so that they are fair."""
    columns: int = Field(10, ge=2)
    """Units of the baselines from left to right."""


class Map:
    """Quantisation error and topographic error. A target, if there is one, is ignored."""

    primary = "quantisation_error"
    asking: type[Base] = Asking
    signals: tuple[Signal, ...] = (
        Signal(
            "topographic_error",
            "Topographic error",
            "Share of the held-out rows whose two nearest units do not touch on the sheet.",
            high=0.2,
            when_high="The sheet is folded: begin with a larger radius, or end with one.",
        ),
    )

    def __init__(self, config: Config, spec: Spec) -> None:
        self.config = config
        self.input = spec.input

    def check(self, model: nn.Module, world: World) -> None:
        """A sheet of units over rows, as large as those of the baselines."""
        rows.of_rows(world)
        sheet = _sheet(model)
        if (self.config.lines, self.config.columns) != (sheet.lines, sheet.columns):
            raise DataError(
                f"The map has {sheet.lines} x {sheet.columns} units and its baselines {self.config.lines} x "
                f"{self.config.columns}: more units are nearer by themselves. "
                f"Set task.lines={sheet.lines} task.columns={sheet.columns}."
            )

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch."""
        return "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Return both errors of a part."""
        sheet = _sheet(model)
        scores = _judge(sheet.codebook, sheet.columns, _inputs(world, part))
        told = {"units_without_rows": self._idle(sheet, world)}
        return Scored(part, "row", scores, (-scores["quantisation_error"].value,), told)

    def _idle(self, sheet: Sheet, world: World) -> int:
        """How many units are nearest to no training row."""
        _, units = nearest(_inputs(world, "train"), sheet.codebook)
        return len(sheet.codebook) - len(set(units[:, 0].tolist()))

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return k-means with as many centres, the plane of two principal components, and random rows as units."""
        train, judged = _inputs(world, "train"), _inputs(world, part)
        chosen = torch.randperm(len(train), generator=generator(0, "map"))
        sample, units = train[chosen[:MOST_ROWS]], self.config.lines * self.config.columns
        centres = _k_means(sample.cpu().numpy(), min(units, len(sample)))
        found = {
            "k_means": ({"quantisation_error": _judge(centres.to(judged), 1, judged)["quantisation_error"]}),
            "principal_plane": _judge(
                _plane(sample, self.config.lines, self.config.columns), self.config.columns, judged
            ),
            "random_rows": _judge(sample[:units], self.config.columns, judged),
        }
        return {name: (scores, len(sample)) for name, scores in found.items()}

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return what each unit stands for, and how far it is from its neighbours."""
        sheet = _sheet(model)
        distances = (
            mean_distance_to_neighbours(sheet.codebook.detach().float(), sheet.lines, sheet.columns).cpu().numpy()
        )
        heights = (distances - distances.min()) / max(float(np.ptp(distances)), 1e-12)
        dots = np.kron(heights, np.ones((DOTS, DOTS)))[None, None, None].astype(np.float32)
        caption = "Dark units resemble the ones around them; bright lines are borders between groups of rows."
        shown: list[Exhibit] = [Images("distances", "Distances between neighbours (U-matrix)", caption, dots)]
        if self.input.is_picture:
            vectors = sheet.codebook.detach().float().cpu().numpy()
            low, high = vectors.min(), vectors.max()
            pixels = ((vectors - low) / max(high - low, 1e-12)).reshape(sheet.lines, sheet.columns, *self.input.shape)
            caption = "What each unit of the sheet stands for, all on one scale. Neighbours should resemble each other."
            shown.insert(0, Images("codebook", "The map", caption, pixels.astype(np.float32)))
        return shown

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return raw rows of the validation part."""
        return rows.examples(world, num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return each row's distance to its nearest unit, and which unit that is."""
        distances, units = nearest(preprocessing.apply("input", raw).flatten(1), _sheet(model).codebook)
        return {"distance": distances[:, 0], "unit": units[:, 0]}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Say where on the sheet rows belong; the examples where none are given."""
        columns = _sheet(model).columns
        answers: list[Answer] = []
        for given in rows.read(inputs, self.input, examples):
            if given.values is None:
                answers.append(Answer({"input": given.names[0], "error": given.error}))
                continue
            found = self.respond(model, preprocessing, tensor_of(given.values))
            for name, unit, distance in zip(
                given.names, found["unit"].tolist(), found["distance"].tolist(), strict=True
            ):
                answers.append(
                    Answer({"input": name, "line": unit // columns, "column": unit % columns, "distance": distance})
                )
        return answers


def _inputs(world: World, part: str) -> Tensor:
    """The prepared inputs of a part, `[rows, inputs]`."""
    world = rows.of_rows(world)
    return world.take(world.rows(part))["input"].flatten(1)


def _judge(codebook: Tensor, columns: int, judged: Tensor) -> dict[str, Score]:
    pieces = [nearest(some, codebook) for some in torch.split(judged, rows.BATCH_ROWS)]
    distances = torch.cat([distance[:, 0] for distance, _ in pieces])
    apart = torch.cat([~are_neighbours(units, columns) for _, units in pieces])
    return {
        "quantisation_error": mean_score(distances.cpu().numpy(), "min"),
        "topographic_error": mean_score(apart.cpu().numpy(), "min", "wilson"),
    }


def _k_means(sample: NDArray[Any], centres: int) -> Tensor:
    from sklearn.cluster import KMeans

    return torch.from_numpy(KMeans(centres, n_init=1, random_state=0).fit(sample).cluster_centers_)


def _plane(sample: Tensor, lines: int, columns: int) -> Tensor:
    """Units evenly over the plane of the two largest principal components, two standard deviations to each side."""
    mean = sample.mean(dim=0)
    _, lengths, axes = torch.linalg.svd(sample - mean, full_matrices=False)
    places = positions(lines, columns, sample.device)
    places = places[:, : len(lengths)]  # one feature spans a line only
    places = (places / places.max(dim=0).values.clamp_min(1) * 2 - 1) * 2 * lengths[:2] / (len(sample) - 1) ** 0.5
    found: Tensor = mean + places @ axes[:2]
    return found


def _sheet(model: nn.Module) -> Sheet:
    if not isinstance(model, Sheet):
        raise PellucidError(
            f"task.name = 'map' asks for units on a sheet, and {type(model).__name__} has none. "
            "Choose model.name = 'som'."
        )
    return model
