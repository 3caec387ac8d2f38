"""What regression adds where rows are windows of a series: the baselines of forecasting, and a picture of forecasts.

Persistence repeats the last known value; the seasonal naive forecast repeats the value a season before the target
(Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 5.2). The mean and a linear
model on the window (ridge, L2) stand beside them, as for any regression. All are judged on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import nn

from pellucid.data.rows import Rows
from pellucid.data.timeline import Pace
from pellucid.data.world import World
from pellucid.exhibit import Curves
from pellucid.randomness import derive
from pellucid.tasks import rows as row_tasks
from pellucid.tasks.rows import RowsLook, RowTask
from pellucid.tasks.score import Score

MAX_LINEAR = 2e8
"""Training rows x inputs, above which the linear model is fitted on a sample of the rows."""
SHOWN = 200
"""Forecasts that a picture shows."""


def baselines(
    task: RowTask, world: World, part: str, quantile: float | None = None
) -> dict[str, tuple[Mapping[str, Score], int]]:
    """Return each baseline's scores on a part, and the number of rows that it was fitted on.

    Args:
        quantile: which one the constant and the linear model predict, where that is not the mean.
    """
    world = row_tasks.of_rows(world)
    judged = world.take(world.rows(part))
    spec = world.spec.target
    assert spec is not None
    mean, std = np.array(spec.mean or (0.0,)), np.array(spec.std or (1.0,))
    train = world.columns.dense("target")[world.split.parts["train"]].astype(np.float64)
    linear, fitted_on = _linear(world, judged["input"].flatten(1).cpu().numpy(), quantile)
    constant = train.mean(axis=0) if quantile is None else np.quantile(train, quantile, axis=0)
    forecasts = {
        "mean" if quantile is None else "quantile": (np.tile(constant, (len(judged), 1)), len(train)),
        "linear": (linear * std + mean, fitted_on),
        "persistence": (_last(world, part), 0),
        "seasonal_naive": (_season(world, part), 0),
    }
    targets, rows = judged["target"].cpu().numpy(), world.split.parts[part]
    return {
        name: (RowsLook(part, rows, {"number": values}, targets, task, world).all_scores, count)
        for name, (values, count) in forecasts.items()
    }


def naive_errors(world: Rows, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the seasonal naive forecast's mean absolute error on the training part of each row's series, `[rows]`.

    Training targets are compared with those a season before (one season, however far ahead is forecast), as Hyndman &
    Koehler 2006 scale errors. A series of which the training part holds no two such values that differ is scaled by
    the mean over the others'; None where there is none.
    """
    clock = world.spec.input.clock
    assert clock is not None
    train = world.split.parts["train"]
    names, series = np.unique(world.columns.keys["series"], return_inverse=True)
    times = world.columns.keys["time"]
    steps = (times - times.min()) // clock.every
    place = series * (steps.max() + clock.season + 1) + steps  # a season before the first step is nobody's
    order = train[np.argsort(place[train])]
    before = np.searchsorted(place[order], place[order] - clock.season)
    known = place[order][before] == place[order] - clock.season
    values = world.columns.dense("target")[order, 0].astype(np.float64)
    errors = np.abs(values - values[before])[known]
    sums, counts = (np.bincount(series[order][known], weights, len(names)) for weights in (errors, None))
    if sums.sum() == 0:
        return None
    scales = np.divide(sums, counts, out=np.zeros(len(names)), where=counts > 0)
    found: NDArray[np.float64] = np.where(scales > 0, scales, sums.sum() / counts.sum())[series[rows]]
    return found


def _linear(world: Rows, judged: NDArray[np.float32], quantile: float | None) -> tuple[NDArray[np.float64], int]:
    """The prepared forecasts of ridge regression on the prepared windows, `[rows, 1]`, or of its errors' quantile."""
    from sklearn.linear_model import Ridge

    rows = world.rows("train")
    most = int(MAX_LINEAR / judged.shape[1])
    if len(rows) > most:
        rows = rows[np.sort(np.random.default_rng(derive(0, "baselines")).permutation(len(rows))[:most])]
    train = world.take(rows)
    inputs, targets = (train[name].flatten(1).double().cpu().numpy() for name in ("input", "target"))
    fitted = Ridge(alpha=1.0).fit(inputs, targets)  # in float64: neighbouring steps are almost the same number
    more = 0.0 if quantile is None else np.quantile(targets - fitted.predict(inputs).reshape(-1, 1), quantile)
    return fitted.predict(judged.astype(np.float64)).reshape(-1, 1) + more, len(rows)


def _last(world: Rows, part: str) -> NDArray[np.float64]:
    """The last known value of each window, `[rows, 1]`: its first channel is the target's own past."""
    return world.columns.dense("input")[world.split.parts[part], :1, -1].astype(np.float64)


def _season(world: Rows, part: str) -> NDArray[np.float64]:
    return world.columns.dense("season")[world.split.parts[part]].astype(np.float64)


def pictures(task: RowTask, model: nn.Module, world: World) -> list[Curves]:
    """Return the last forecasts of the validation part, beside the truth and the seasonal naive ones."""
    world = row_tasks.of_rows(world)
    clock, rows = world.spec.input.clock, world.split.parts["validation"]
    if clock is None or len(rows) == 0:
        return []
    times, names = world.columns.keys["time"], world.columns.keys["series"]
    place = np.flatnonzero(names[rows] == names[rows[-1]])[-SHOWN:]
    shown = rows[place]
    found = row_tasks.look(task, model, world, "validation").predictions["number"][place, 0]
    pace = Pace(clock.every, clock.unit)
    begin, end = (pace.told(int(times[row])) for row in (shown[0], shown[-1]))
    of = f" of {names[shown[0]]}" if clock.series else ""
    ahead = "the next step" if clock.horizon == 1 else f"{clock.horizon} steps ahead"
    back = -(-clock.horizon // clock.season) * clock.season
    season = f"{back} steps before" if back > 1 else "one step before"
    return [
        Curves(
            "forecasts",
            "Forecasts of validation",
            f"The last {len(shown)} forecasts{of}, {begin} to {end}, each of {ahead} (a step is a {pace}) from what "
            f"was known then. Seasonal naive: the value {season}.",
            f"steps since {begin}",
            clock.features[0].name,
            ((times[shown] - times[shown[0]]) // clock.every).tolist(),
            {
                "truth": world.columns.dense("target")[shown, 0].tolist(),
                "forecast": found.tolist(),
                "seasonal naive": world.columns.dense("season")[shown, 0].tolist(),
            },
        )
    ]
