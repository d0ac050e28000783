"""What may take part in a traced computation: plain arrays and numbers, real or true and false."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from optserve.errors import TraceError
from optserve.graph.aval import Array, DType, is_traced

__all__ = ["as_floats", "as_operand", "check_dtype", "check_type", "plain_array", "same_bits"]

_asarray = np.asarray  # NumPy's own: the one of its module is exchanged while a trace is open
_NUMBERS = (bool, int, float, complex, np.generic, np.ndarray, list, tuple)

_FEW = 4096
"""Bytes up to which a copy is made sooner than four functions of NumPy are called."""

_SUBCLASSES: tuple[tuple[type, str, str], ...] = (
    (np.matrix, "* means a product of matrices to it alone", "use np.asarray(m), and @ for *"),
    (np.ndarray, "what it adds to an array would be lost", "use np.asarray(x)"),
)


def plain_array(value: Any) -> Array:
    """``value`` (a number, an array or a list of numbers) as an array in the order of bytes of this
    machine; scalars have no axes.

    Raises ``TraceError`` for what is something else, or means more than its numbers say.

    >>> plain_array([1, 2])
    array([1, 2])
    >>> plain_array(np.ma.masked_array([1.0], [True]))
    Traceback (most recent call last):
        ...
    optserve.errors.TraceError: a MaskedArray cannot take part in a traced computation: ...
      expected: a plain array
      remedy: compute with m.filled(0.0) and np.where(np.ma.getmaskarray(m), 0.0, ...)
    """
    kind = type(value)
    if kind is float or kind is np.float64:  # the usual cases first
        return _asarray(value)
    if kind is np.ndarray:
        check_dtype(value.dtype)
        return value if value.dtype.isnative else _native(value)
    if not isinstance(value, _NUMBERS):
        raise TraceError(
            f"a value of type {kind.__name__} cannot take part in a traced computation",
            expected="an array, a number or a traced value",
            remedy="use np.stack for a list of traced values",
        )
    check_type(kind)
    array = np.asarray(value)
    if array.dtype.kind == "O" and isinstance(value, int):  # beyond 64 bits: a float, as in NumPy
        array = np.asarray(float(value))
    check_dtype(array.dtype)
    return _native(array)


def _native(array: Array) -> Array:
    """The numbers in the order of bytes of this machine, as native code reads them."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def as_operand(value: Any) -> Any:
    """``value`` itself where it is traced, and else as a plain array.

    >>> as_operand([1, 2])
    array([1, 2])
    """
    return value if is_traced(value) else plain_array(value)


def as_floats(value: Any) -> Any:
    """``value`` as an operand of floating-point numbers.

    >>> as_floats([1, 2])
    array([1., 2.])
    """
    operand = as_operand(value)
    return operand if operand.dtype.kind == "f" else operand * 1.0


def check_type(kind: type) -> None:
    """Raise where arrays of type ``kind`` mean more than the numbers in them."""
    if kind in (np.ndarray, np.memmap):
        return
    for base, why, remedy in (*_masked(), *_SUBCLASSES):
        if issubclass(kind, base):
            raise TraceError(
                f"a {kind.__name__} cannot take part in a traced computation: {why}",
                expected="a plain array",
                remedy=remedy,
            )


def _masked() -> Iterator[tuple[type, str, str]]:
    """Masked arrays, of which there is none before their module is imported."""
    if module := sys.modules.get("numpy.ma"):
        yield (
            module.MaskedArray,
            "its mask would be lost",
            "compute with m.filled(0.0) and np.where(np.ma.getmaskarray(m), 0.0, ...)",
        )


def check_dtype(dtype: DType) -> None:
    """Raise where values of ``dtype`` are neither real numbers nor truth values."""
    if dtype.kind in "fiub":
        return
    if dtype.kind == "c":
        raise TraceError(
            "complex numbers cannot take part in a traced computation",
            expected="real numbers",
            remedy="compute with real and imaginary parts, as two values",
        )
    listed = dtype.kind == "O"
    raise TraceError(
        f"an array of dtype {dtype} cannot take part in a traced computation",
        expected="numbers or truth values",
        remedy="use np.stack([t, t]) for np.array([t, t]) of traced values, or .astype(float)"
        if listed
        else "make it numbers first, with .astype(float)",
    )


def same_bits(left: Array, right: Array) -> bool:
    """Whether two arrays hold the same, NaN and the sign of zero included."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.nbytes <= _FEW or left.dtype.itemsize > 8:
        return left.tobytes() == right.tobytes()
    bits = np.dtype(f"u{left.dtype.itemsize}")
    return bool((left.view(bits) == right.view(bits)).all())
