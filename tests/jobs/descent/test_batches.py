from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ConfigError
from optserve.jobs.descent import row_order as order
from optserve.jobs.descent.row_order import Batches, permutation
from optserve.jobs.problem import BatchPlan


def rows_of(batches: Batches, epoch: int) -> list[list[int]]:
    """The rows of each batch of an epoch, where the first column numbers them."""
    return [batch.tolist() for stack in batches.epoch(epoch) for batch in stack[0]]


@given(st.integers(0, 300), st.integers(0, 2**63), st.integers(0, 9), st.integers(0, 9))
def test_a_permutation_has_each_number_once(count: int, seed: int, epoch: int, stream: int) -> None:
    found = permutation(count, seed, epoch, stream)
    assert sorted(found.tolist()) == list(range(count))
    np.testing.assert_array_equal(found, permutation(count, seed, epoch, stream))


def test_permutations_differ_by_all_that_they_are_chosen_by() -> None:
    found = {
        tuple(permutation(50, *choice).tolist())
        for choice in [(0, 1, 1), (1, 1, 1), (0, 2, 1), (0, 1, 2)]
    }
    assert len(found) == 4


def test_permutations_are_even() -> None:
    firsts = [permutation(5, 0, epoch, 0)[0] for epoch in range(2000)]
    counts = np.bincount(firsts, minlength=5)
    assert np.all(np.abs(counts - 400) < 5 * np.sqrt(400))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("last", ["keep", "drop"])
@pytest.mark.parametrize("rows", [1, 3, 4, 7, 20, 100])
def test_an_epoch_holds_each_row_once(rows: int, last: Any, shuffle: bool) -> None:
    x = np.arange(20)
    if rows > 20 and last == "drop":
        with pytest.raises(ConfigError, match="never full"):
            Batches([x, x * 10], BatchPlan(rows, shuffle, last), seed=3)
        return
    batches = Batches([x, x * 10], BatchPlan(rows, shuffle, last), seed=3)
    found = rows_of(batches, 1)
    assert len(found) == batches.count
    assert {len(batch) for batch in found[:-1]} <= {min(rows, 20)}
    seen = list(chain(*found))
    whole = 20 if last == "keep" else 20 - 20 % min(rows, 20)
    assert len(seen) == len(set(seen)) == whole
    if not shuffle:
        assert seen == list(range(whole))
    tens = [b for stack in batches.epoch(1) for part in stack[1] for b in part.tolist()]
    assert tens == [10 * row for row in seen]
    assert rows_of(batches, 1) == found
    if shuffle and rows < 20:
        assert rows_of(batches, 2) != found


class Sliced:
    """A column that can be sliced, and nothing else."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.longest = 0

    def __getitem__(self, rows: slice) -> np.ndarray:
        assert isinstance(rows, slice)
        part = self.array[rows]
        self.longest = max(self.longest, len(part))
        return part


def test_a_table_of_many_pools_is_mixed_and_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "BLOCK", 10)
    monkeypatch.setattr(order, "POOL", 3)
    x = np.arange(107)
    column, matrix = Sliced(x), Sliced(np.stack([x, -x], axis=1))
    batches = Batches([column, matrix], BatchPlan(8), seed=0)
    stacks = list(batches.epoch(4))
    found = rows_of(batches, 4)
    assert sorted(chain(*found)) == list(range(107))
    assert column.longest == 10
    assert max(stack[0].size for stack in stacks) <= 30 + 7
    for stack in stacks:
        np.testing.assert_array_equal(stack[1][..., 1], -stack[0])
    in_memory = Batches([x, matrix.array], BatchPlan(8), seed=0)
    assert rows_of(in_memory, 4) == found
    blocks = {row // 10 for row in found[0] + found[1] + found[2]}
    assert len(blocks) >= 3


def test_no_rows_make_no_batches() -> None:
    with pytest.raises(ConfigError, match="no rows"):
        Batches([np.zeros((0, 3))], BatchPlan(8), seed=0)
