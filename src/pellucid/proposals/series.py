"""A first recipe for a series: when its rows are and what they hold is inferred, a forecaster looks one step ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pellucid import recipe as recipes
from pellucid.data import series, table, timeline
from pellucid.errors import DataError
from pellucid.proposals import Proposal, batch_size, name_of
from pellucid.recipe import ColumnType, DataSection

PATIENCE = 15
"""Validations without a better one, after which training stops."""
PASSES, STEPS = (4, 100), 6000
"""Epochs, at least and at most, between which about so many steps are made."""
SEASONS, LONGEST, SHORTEST = 2, 48, 8
"""A window holds two seasons, and so many steps at most and at least; a third of a short series at most."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a forecaster of the value one step ahead.

    Raises:
        DataError: the file is no table, the target is none of its columns, or its times are uneven.
    """
    frame = table.open(section)
    section = series.settled(section, frame)
    assert section.time is not None
    when, unit = timeline.read(frame, section.time)
    which = series.names_of(frame, section.series)
    pace, reason = timeline.pace_of(when, unit, which)
    if pace is None:
        raise DataError(f"{path}: {', '.join(section.time)} increases by uneven steps: {reason}.")
    features = series.features_of(frame, section)
    grid = series.lay(frame, features, timeline.of_unit(when, unit, pace), which, pace)
    longest = int(np.unique(grid.begins, return_counts=True)[1].max())
    season = pace.season(longest)
    context = max(1, min(max(SHORTEST, min(LONGEST, SEASONS * season)), longest // 3))
    times: ColumnType = "time"
    names: ColumnType = "id"
    types = {column.name: column.type for column in table.types_of(frame, section)}
    types[str(section.target)] = "number"
    types |= dict.fromkeys(section.time, times) | dict.fromkeys(filter(None, [section.series]), names)
    header = table.layout(path, section, [str(section.target)])[1] if path.suffix.lower() in (".csv", ".tsv") else None
    rows = max(1, int(0.7 * (np.isfinite(grid.values[:, 0]).sum() - context)))
    size = batch_size(rows, 128)
    made = recipes.parse(
        {
            "name": name_of(path.stem) or "series",
            "data": {**section.model_dump(), "kind": "series", "header": header, "types": types},
            "split": {"kind": "time", "time": "time"},
            "prepare": {"context": context, "horizon": 1},
            "model": {"name": model or "forecaster"},
            "task": {"name": "regress"},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
                "schedule": {"name": "cosine"},
            },
            "train": {
                "epochs": min(PASSES[1], max(PASSES[0], round(STEPS * size / rows))),
                "batch_size": size,
                "patience": PATIENCE,
            },
        },
        where=str(path),
    )
    sorted_rows = grid.rows[grid.rows >= 0]
    ordered = "in order" if (np.diff(sorted_rows) > 0).all() else "not in order in the file: sorted"
    of = f", {len(np.unique(which))} series by {section.series}" if section.series else ""
    absent = int((grid.rows < 0).sum())
    told = [
        f"series: a row every {pace} by {', '.join(section.time)}, {pace.told(int(grid.times.min()))} to "
        f"{pace.told(int(grid.times.max()))}{of}; {ordered}",
        f"steps: {len(grid.rows):,}, of which {absent:,} are not in the table and {_missing(grid)} lack the target; "
        "the last known value stands in their place, and a channel says so",
        f"season: {season} steps; a window has {context} of them (prepare.context) and predicts the next "
        "(prepare.horizon)",
        *table.told(
            [
                column
                for column in table.types_of(frame, section)
                if column.name not in section.time and column.name not in (section.series, section.target)
            ],
            None,
        ),
        f"{section.target}: number; target, and its own past is input",
    ]
    return Proposal(made, told)


def _missing(grid: series.Grid) -> str:
    count = int((np.isnan(grid.values[:, 0]) & (grid.rows >= 0)).sum())
    return f"{count:,} others" if count else "none of the others"
