"""Columns of a Hessian that are found together, and the evidence of a job that has such."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.jobs.evidence.columns_together import columns_together


def symmetric(seed: int, size: int, share: float, long: int) -> Array:
    """A pattern of which a few columns are full."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((size, size)) < share
    chosen = rng.permutation(size)[:long]
    pattern[chosen] = True
    found: Array = pattern | pattern.T | np.eye(size, dtype=bool)
    return found


@settings(max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.05, 0.5]),
    st.integers(0, 3),
)
def test_each_entry_is_told_by_one_column(seed: int, size: int, share: float, long: int) -> None:
    pattern = symmetric(seed, size, share, long)
    groups = columns_together(pattern)
    assert sorted(np.concatenate(groups)) == list(range(size))
    alone = np.zeros(size, bool)
    for group in groups:
        alone[group] = len(group) == 1
    for group in groups:
        met = pattern[:, group].sum(axis=1)
        assert (met[~alone] <= 1).all()


def test_a_pattern_of_an_arrow_takes_few_groups() -> None:
    pattern = np.kron(np.eye(50, dtype=bool), np.ones((3, 3), bool))
    pattern[:6] = pattern[:, :6] = True
    assert len(columns_together(pattern)) == 6 + 3
