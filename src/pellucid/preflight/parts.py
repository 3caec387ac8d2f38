"""What is wrong with a split: held-out rows that training knows, by a copy, by their group, or by what came after."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import kinds, table, world
from pellucid.data.columns import Column
from pellucid.data.draws import codes_of
from pellucid.data.ordering import times_of
from pellucid.data.ragged import Ragged
from pellucid.data.rows import Rows
from pellucid.data.split import Split
from pellucid.errors import DataError
from pellucid.preflight import Finding, per_cent
from pellucid.recipe import DataSection

if TYPE_CHECKING:
    import polars

OFTEN = 0.2
"""Share of training rows that repeat another one, from which inputs simply take few values."""
HELD_OUT = ("validation", "test")
WHOLE = ("grouped", "given")
"""Kinds of split that keep the groups of `split.group` whole, or refuse."""
GROUPING = re.compile(r"(^|[^a-z])(patient|subject|participant|speaker|person|user|customer|client)([^a-z]|$)")
"""Names, in lower case, of columns that say on whom a row was measured; in the plural they would count them."""


def check(prepared: Rows, data: DataSection) -> Iterator[Finding]:
    """Yield what training knows of held-out rows.

    Args:
        prepared: the world of a recipe, its split drawn.
        data: the recipe's section, whose table is looked at for groups and times that the recipe does not name.
    """
    split = prepared.split
    yield from copies(prepared.columns.values["input"], split)
    named = split.section.group
    if named is not None and split.section.kind not in WHOLE:
        yield from groups(prepared.columns.keys[named], named, split)
    if split.section.kind == "time":
        return
    if split.section.time is not None:
        times = prepared.columns.keys[split.section.time]
        yield from later(times, np.arange(len(times)), split.section.time, split)
    is_file = world.is_own(data.source) and data.source != world.ARRAYS
    if is_file and kinds.kind_of_section(data) == "table":
        yield from _unsaid(table.open(data), data, split)


def copies(values: Column, split: Split) -> Iterator[Finding]:
    """Yield held-out rows whose inputs occur in the training part too, unless inputs repeat by their nature."""
    train = split.parts["train"]
    seen = set(_digests(values, train))
    if len(seen) < (1 - OFTEN) * len(train):
        return
    for part in HELD_OUT:
        rows = split.parts[part]
        again = [int(row) for row, digest in zip(rows, _digests(values, rows), strict=True) if digest in seen]
        if again:
            share = 100 * len(again) / len(rows)
            yield Finding(
                "duplicates_across_parts",
                "wrong" if share > 1 else "doubtful",
                f"{per_cent(share / 100)} % of the {part} rows have the inputs of a training row: they measure memory. "
                "Remove copies, or keep them in one part.",
                again,
            )


def _digests(values: Column, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """The digest of each row's bytes; of the whole column nothing is copied."""
    for row in rows:
        one = values.row(row) if isinstance(values, Ragged) else values[row]
        yield hashlib.blake2b(np.ascontiguousarray(one).data, digest_size=16).digest()


def groups(values: NDArray[Any], name: str, split: Split) -> Iterator[Finding]:
    """Yield held-out rows of groups that are trained on too, where the recipe names groups and draws rows."""
    codes = codes_of(values)
    trained = np.unique(codes[split.parts["train"]])
    for part in HELD_OUT:
        rows = split.parts[part]
        known = rows[np.isin(codes[rows], trained)]
        if len(known):
            yield Finding(
                "group_across_parts",
                "wrong",
                f"{per_cent(len(known) / len(rows))} % of the {part} rows are of {len(np.unique(codes[known]))} groups "
                f"of {name!r} that are trained on too: what is learned of a group is taken for knowledge of others. "
                f"split.kind = {split.section.kind!r} does not look at split.group; choose split.kind = 'grouped'.",
                known.tolist(),
            )


def later(values: NDArray[Any], rows: NDArray[np.int64], name: str, split: Split) -> Iterator[Finding]:
    """Yield held-out rows that are earlier than a training row.

    Args:
        values: times of `rows`; what cannot be understood as times is not judged.
        rows: their row ids, ascending.
        name: of the column.
        split: who is in which part.
    """
    try:
        times = times_of(values, name)
    except DataError:
        return
    trained = np.isin(rows, split.parts["train"])
    if not trained.any():
        return
    latest = times[trained].max()
    for part in HELD_OUT:
        held_out = np.isin(rows, split.parts[part])
        before = rows[held_out & (times < latest)]
        if len(before):
            yield Finding(
                "time_leak",
                "doubtful",
                f"{per_cent(len(before) / held_out.sum())} % of the {part} rows are earlier, by {name!r}, than the "
                "latest training row: where rows of one time resemble one another, or the future is to be predicted, "
                f"the score is too good. split.kind = 'time' with split.time = {name!r} trains on the earlier rows.",
                before.tolist(),
            )


def _unsaid(frame: polars.DataFrame, data: DataSection, split: Split) -> Iterator[Finding]:
    """Yield what a table's columns say of groups and times that the recipe does not name."""
    for column in table.types_of(frame, data):
        values = frame[column.name]
        present = np.flatnonzero(values.is_not_null().to_numpy())
        if column.type == "time" and column.name != split.section.time:
            yield from later(values.drop_nulls().to_numpy(), present, column.name, split)
        elif split.section.group is None and column.name != data.target and GROUPING.search(column.name.lower()):
            codes = codes_of(values.drop_nulls().to_numpy())
            train, held_out = (
                np.isin(present, np.concatenate([split.parts[part] for part in parts]))
                for parts in (["train"], HELD_OUT)
            )
            known = present[held_out & np.isin(codes, codes[train])]
            if len(known) and len(np.unique(codes)) > 1:
                yield Finding(
                    "possible_groups",
                    "note",
                    f"{column.name!r} has {len(np.unique(codes))} values in {len(present)} rows, and these held-out "
                    "rows share theirs with training rows. Where it says who was measured, choose split.kind = "
                    f"'grouped', split.group = {column.name!r}: the score is then of people not trained on.",
                    known.tolist(),
                )
