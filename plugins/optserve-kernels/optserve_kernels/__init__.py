"""A hardening spring whose rest a C kernel finds: how one brings a simulator that exists.

>>> round(float(spring(3.0, 1.0, 2.0)), 12)  # 1 * x + 2 * x**3 is 3
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.plugin import (
    Lowering,
    Primitive,
    Value,
    elementwise,
    hookimpl,
    nonnegative,
    positive,
    real,
)
from optserve_kernels._spring import ffi, lib

__all__ = ["optserve_lowerings", "optserve_primitives", "slope", "spring"]

Array = np.ndarray[Any, np.dtype[Any]]

STEPS = 60
"""Of Newton's method in native code, where all lanes take as many."""


def _called(kernel: Callable[..., None]) -> Callable[..., Array]:
    """A kernel of three arrays that writes a fourth, as a function of NumPy's arrays."""

    def function(a: Value, b: Value, c: Value) -> Array:
        dtype = np.result_type(a, b, c)
        operands = [np.array(one, np.float64, order="C") for one in np.broadcast_arrays(a, b, c)]
        result = np.empty(operands[0].shape)
        pointers = [ffi.from_buffer("double[]", one) for one in (*operands, result)]
        kernel(result.size, *pointers)  # without Python's lock, so that threads run side by side
        return result.astype(dtype)

    return function


slope = elementwise(
    "spring_slope",
    ufunc=_called(lib.spring_slope),
    partials=lambda out, x, stiffness, cubic: (
        -6.0 * cubic * x * out * out,
        -out * out,
        -3.0 * x * x * out * out,
    ),
    domain=(real, positive, nonnegative),
    arguments=lambda x, stiffness, cubic: ((x, stiffness, cubic), {}),
    doc="By how much a hardening spring yields to a little more force.",
)


def _partials(out: Value, force: Value, stiffness: Value, cubic: Value) -> tuple[Value, ...]:
    """The adjoint that C computes, in every direction; it is differentiated again."""
    gives = slope(out, stiffness, cubic)
    return gives, -gives * out, -gives * out * out * out


spring = elementwise(
    "spring",
    ufunc=_called(lib.spring),
    partials=_partials,
    domain=(real, positive, nonnegative),
    arguments=lambda force, stiffness, cubic: ((force, stiffness, cubic), {}),
    doc="Where a hardening spring rests: the x with stiffness * x + cubic * x**3 = force.",
)


def _spring_in_lanes(force: Any, stiffness: Any, cubic: Any) -> Any:
    """Newton's method from above, in as many lanes as the processor has."""
    size = abs(force)
    at = size / stiffness
    for _ in range(STEPS):
        square = cubic * at * at
        at = at - ((square + stiffness) * at - size) / (3.0 * square + stiffness)
    return at.with_sign_of(force)


def _slope_in_lanes(x: Any, stiffness: Any, cubic: Any) -> Any:
    return 1.0 / (3.0 * cubic * x * x + stiffness)


@hookimpl
def optserve_primitives() -> list[Primitive]:
    """The spring, and its adjoint."""
    return [spring, slope]


@hookimpl
def optserve_lowerings() -> list[Lowering]:
    """Both in native code, so that a loss over many rows stays there."""
    return [Lowering(spring, _spring_in_lanes), Lowering(slope, _slope_in_lanes)]
