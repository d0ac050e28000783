"""Places in sorted numbers in native code are NumPy's, with ties, infinities and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.primitives.interpolation import searchsorted
from optserve.primitives.tracing import trace

RNG = np.random.default_rng(0)
BACKEND = llvm_backend(1)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 300])
def test_places_are_those_of_numpy(count: int, side: Any) -> None:
    whole = np.sort(RNG.integers(0, 6, count))
    sought = np.append(RNG.integers(-1, 8, 40).astype(float), [np.nan, np.inf, -np.inf])
    for a, v in ((whole.astype(float), sought), (whole, np.arange(-2, 9))):
        graph = trace(lambda a, v: searchsorted(a, v, side=side), a, v).graph
        [found] = BACKEND.compile(graph)(a, v)
        np.testing.assert_array_equal(found, np.searchsorted(a, v, side))
