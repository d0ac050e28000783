"""How near results of native code must be to the interpreter's."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["assert_close"]

ULPS = 200
"""Of the largest entry: sums are taken in another order."""


def assert_close(found: Any, wanted: Any, dtype: str, least: float = 1.0) -> None:
    """Compare results one by one, in units of the largest entry, which counts as ``least``."""
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        finite = np.isfinite(other)
        np.testing.assert_array_equal(np.isfinite(one), finite)
        scale = np.max(np.abs(other), initial=least, where=finite)
        np.testing.assert_allclose(one, other, rtol=0.0, atol=ULPS * np.finfo(dtype).eps * scale)
