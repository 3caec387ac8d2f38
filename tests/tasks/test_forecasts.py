"""Forecasts: the picture's words are those of its numbers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
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
