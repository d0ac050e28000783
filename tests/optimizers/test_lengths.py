from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optserve.optimizers.lengths import lengths, norm

PRECISION = float(np.finfo(float).eps)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5))
def test_a_length_neither_overflows_nor_vanishes(values: list[float]) -> None:
    vector = np.array(values)
    with np.errstate(over="ignore", under="ignore"):
        found = norm(vector)
    largest = np.max(np.abs(vector))
    assert largest <= found * (1 + 4 * PRECISION)
    assert found <= np.sqrt(vector.size) * largest * (1 + 4 * PRECISION)


def test_lengths_neither_vanish_nor_overflow() -> None:
    for unit in (1e-300, 1.0, 1e300):
        columns = unit * np.array([[3.0, 0.0], [4.0, 0.0]])
        np.testing.assert_allclose(lengths(columns), [5.0 * unit, 0.0])
        np.testing.assert_allclose(lengths(columns, axis=1), [3.0 * unit, 4.0 * unit])
    assert norm(np.zeros(0)) == 0.0
    assert lengths(np.zeros((3, 0))).shape == (0,)
