"""The order of large data: every row once, pools of blocks, and mixed well enough even where rows lie by class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pellucid.sources import order as orders
from pellucid.sources.order import order


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 rows of 16 bytes in a block, 16 blocks in a pool; everything is large."""
    monkeypatch.setattr(orders, "LARGE", 0)
    monkeypatch.setattr(orders, "BLOCK", 1024)
    monkeypatch.setattr(orders, "POOL", 16)


@given(st.integers(1, 5000), st.integers(0, 3), st.integers(0, 3))
def test_every_row_once_in_pools_of_whole_blocks(num_rows: int, seed: int, epoch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LARGE", 0), ("BLOCK", 1024), ("POOL", 16)):
            patch.setattr(orders, name, value)
        found = order(num_rows, 16, seed, epoch)
        assert sorted(found.places.tolist()) == list(range(num_rows))
        assert found.places.tolist() == order(num_rows, 16, seed, epoch).places.tolist()
        assert sum(found.pools) == num_rows
        for pool in found.places.split(found.pools):
            blocks = set((pool // 64).tolist())
            assert len(blocks) <= 16
            assert sum(min(64, num_rows - 64 * block) for block in blocks) == len(pool)


def test_small_data_is_permuted_whole() -> None:
    found = order(1000, 4, 0, 0)
    assert found.pools == (1000,)
    assert abs(spearmanr(np.arange(1000), found.places.numpy()).statistic) < 0.1


@pytest.mark.usefixtures("small_blocks")
def test_epochs_and_seeds_differ() -> None:
    drawn = [order(4096, 16, seed, epoch).places.tolist() for seed in range(2) for epoch in range(2)]
    assert len({tuple(each) for each in drawn}) == 4
    assert len({tuple(sorted(each[:1024])) for each in drawn}) == 4  # the pools are not of the same blocks


@pytest.mark.usefixtures("small_blocks")
def test_batches_of_rows_that_lie_by_class_hold_all_classes() -> None:
    """Ten classes one after the other: the counts in batches of 64 vary no more than 16 places of the data allow.

    The index of dispersion is the variance of a class's count over batches, divided by that of independent draws. For
    batches from a pool of m blocks of one class each it is about 1 + 63 / m; unmixed rows would have 64.
    """
    num_rows, classes = 64 * 640, 10
    labels = np.arange(num_rows) * classes // num_rows
    dispersion = []
    for epoch in range(4):
        batches = labels[order(num_rows, 16, 0, epoch).places.numpy()].reshape(-1, 64)
        counts = (batches[:, :, None] == np.arange(classes)).sum(axis=1)
        dispersion.append(counts.var(axis=0).mean() / (64 * 0.1 * 0.9))
        assert abs(spearmanr(np.arange(num_rows), order(num_rows, 16, 0, epoch).places.numpy()).statistic) < 0.2
    assert 1 < np.mean(dispersion) < 1 + 63 / 16 + 2
