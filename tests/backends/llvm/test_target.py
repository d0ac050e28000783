"""What processors do in different ways has the same bits in all of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from benchmarks.mathematics import native
from optserve.backends.llvm.ir.engine import engine, engine_for


@pytest.mark.skipif(engine().triple.split("-")[0] != "x86_64", reason="runs code for AVX2")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_are_scaled_to_the_same_bits(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where results overflow, are subnormal, or are none."""
    top = 720.0 if dtype == "float64" else 91.0
    x = np.concatenate([np.linspace(-1.05 * top, top, 100_000), [np.inf, -np.inf, np.nan, 0.0]])
    x = x.astype(dtype)
    here = native.compiled((dtype,), ("exp", "sigmoid"))
    other = engine_for("haswell")
    monkeypatch.setattr(native, "engine", lambda: other)
    there = native.compiled((dtype,), ("exp", "sigmoid"))
    for key, function in here.items():
        np.testing.assert_array_equal(function(x), there[key](x))
