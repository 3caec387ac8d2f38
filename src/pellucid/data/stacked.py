"""Stacked batches: those of several sources as one, `[K, rows, ...]`.

Batches of one size lie one upon another. Sources whose epochs differ by a few rows give batches of unequal size now and
then: those of each size are a part of their own then, with the places of their sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pellucid.data.batch import Batch

MEMBERS = "members"
"""The column of a part that says which sources it is of, int64 `[M]`; there is none where it is of all."""


def stack(batches: Sequence[Batch], device: str) -> Batch:
    """Return batches as one: of `rows` those of all, one after another; of columns `NAME` or, by size, `NAME_PART`."""
    rows = torch.cat([batch.rows for batch in batches])
    by_size: dict[int, list[int]] = {}
    for place, batch in enumerate(batches):
        by_size.setdefault(len(batch), []).append(place)
    if len(by_size) == 1:
        return Batch({name: torch.stack([each[name] for each in batches]) for name in batches[0].columns}, rows)
    columns: dict[str, Tensor] = {}
    for part, (_, places) in enumerate(sorted(by_size.items())):
        columns[f"{MEMBERS}_{part}"] = torch.tensor(places, device=device)
        for name in batches[0].columns:
            columns[f"{name}_{part}"] = torch.stack([batches[place][name] for place in places])
    return Batch(columns, rows)


def parts(batch: Batch) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
    """Yield the parts of a stacked batch: columns `[M, rows, ...]` by their names, and which sources they are of."""
    if is_even(batch):
        yield dict(batch.columns), None
        return
    number = sum(name.startswith(f"{MEMBERS}_") for name in batch.columns)
    for part in range(number):
        ending = f"_{part}"
        own = {name.removesuffix(ending): c for name, c in batch.columns.items() if name.endswith(ending)}
        members = own.pop(MEMBERS)
        yield own, members


def is_even(batch: Batch) -> bool:
    """Whether a stacked batch has as many rows of each source."""
    return f"{MEMBERS}_0" not in batch.columns
