"""Forecasts: the picture's words are those of its numbers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars
import pytest
import torch

from pellucid import models, recipe, tasks
from pellucid.data import world as data
from pellucid.data.rows import Rows
from pellucid.tasks import forecasts
from pellucid.tasks.regress import Regress


@pytest.mark.parametrize(("horizon", "back"), [(1, 7), (7, 7), (9, 14)])
def test_a_season_is_the_last_one_that_was_known(horizon: int, back: int, tmp_path: Path) -> None:
    rows = [f"{date(2024, 1, 1) + timedelta(days=place)},{place}" for place in range(120)]
    (tmp_path / "s.csv").write_text("\n".join(["day,y", *rows]))
    made = recipe.parse(
        {
            "name": "days",
            "data": {"source": str(tmp_path / "s.csv"), "kind": "series", "target": "y"},
            "split": {"kind": "time", "time": "time", "gap": horizon - 1},
            "prepare": {"context": 15, "horizon": horizon},
            "model": {"name": "forecaster"},
            "task": {"name": "regress"},
            "train": {"epochs": 1, "batch_size": 8},
        },
        where="test",
    )
    world = data.open(made)
    assert isinstance(world, Rows)
    task = tasks.build(made.task, world.spec)
    assert isinstance(task, Regress)
    with torch.no_grad():
        (curves,) = forecasts.pictures(task, models.build(made.model, world.spec, seed=0), world)
    assert f"Seasonal naive: the value {back} steps before." in curves.caption
    assert np.array(curves.lines["truth"]) - np.array(curves.lines["seasonal naive"]) == pytest.approx(back)


@pytest.mark.parametrize("horizon", [1, 9])
def test_mase_is_scaled_by_what_the_seasonal_naive_forecast_costs_where_it_learned(
    horizon: int, tmp_path: Path
) -> None:
    """Of each series by itself, and by one season, however far ahead is forecast (Hyndman & Koehler 2006)."""
    random, lines = np.random.default_rng(0), ["day,shop,y"]
    for shop, size in (("north", 1.0), ("south", 100.0)):
        values = size * (np.sin(np.arange(150) * 2 * np.pi / 7) + random.normal(size=150))
        lines += [f"{date(2024, 1, 1) + timedelta(days=day)},{shop},{values[day]}" for day in range(150)]
    (tmp_path / "s.csv").write_text("\n".join(lines))
    made = recipe.parse(
        {
            "name": "shops",
            "data": {"source": str(tmp_path / "s.csv"), "kind": "series", "target": "y", "series": "shop"},
            "split": {"kind": "time", "time": "time", "gap": 2 * (horizon - 1)},
            "prepare": {"context": 15, "horizon": horizon},
            "model": {"name": "forecaster"},
            "task": {"name": "regress"},
            "train": {"epochs": 1, "batch_size": 8},
        },
        where="test",
    )
    world = data.open(made)
    assert isinstance(world, Rows)
    frame = polars.read_csv(tmp_path / "s.csv", try_parse_dates=True)
    learned = world.columns.dense("target")[world.split.parts["train"], 0]
    scales = {}
    for shop in ("north", "south"):
        y = frame.filter(polars.col("shop") == shop)["y"].to_numpy()
        seen = np.isin(y.astype(np.float32), learned)
        y = y[: np.flatnonzero(seen)[-1] + 1][np.flatnonzero(seen)[0] :]
        scales[shop] = np.abs(y[7:] - y[:-7]).mean()
    rows = world.split.parts["validation"]
    found = forecasts.naive_errors(world, rows)
    assert found == pytest.approx([scales[shop] for shop in world.columns.keys["series"][rows]], rel=1e-5)
    scores = tasks.build(made.task, world.spec).baselines(world, "validation")
    truth, naive = (world.columns.dense(name)[rows, 0] for name in ("target", "season"))
    expected = (np.abs(truth - naive) / found).mean()
    assert scores["seasonal_naive"][0]["mase"].value == pytest.approx(expected, rel=1e-5)
    assert list(scores["mean"][0]) == ["rmse", "mae", "r2", "mase"]


def test_where_every_season_was_like_the_last_there_is_no_scale(tmp_path: Path) -> None:
    rows = [f"{date(2024, 1, 1) + timedelta(days=place)},{place % 7}" for place in range(120)]
    (tmp_path / "s.csv").write_text("\n".join(["day,y", *rows]))
    made = recipe.parse(
        {
            "name": "weeks",
            "data": {"source": str(tmp_path / "s.csv"), "kind": "series", "target": "y"},
            "split": {"kind": "time", "time": "time"},
            "prepare": {"context": 15},
            "model": {"name": "forecaster"},
            "task": {"name": "regress"},
            "train": {"epochs": 1, "batch_size": 8},
        },
        where="test",
    )
    world = data.open(made)
    assert isinstance(world, Rows)
    assert forecasts.naive_errors(world, world.split.parts["validation"]) is None
    assert "mase" not in tasks.build(made.task, world.spec).baselines(world, "validation")["mean"][0]
