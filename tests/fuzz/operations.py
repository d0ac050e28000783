"""Operations of random programs: entry by entry, and reductions; functions of arrays or tracers.

An operation takes any values that fit its operands. What fits is told by arrays, whose sizes are
those of ``SIZES``, all different, so that a size says which rows it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.primitives.comparisons import relu
from optserve.primitives.elementary import sigmoid, softplus, xlogy
from optserve.primitives.ordering import median
from optserve.primitives.reductions import logsumexp, norm
from optserve.primitives.special import digamma, erf, gammaln

__all__ = [
    "ENTRIES",
    "FIXED",
    "MATRIX",
    "SIZES",
    "SQUARE",
    "VECTOR",
    "Operation",
    "Value",
    "alike",
    "anything",
    "axes",
    "floats",
    "integers",
    "numbers",
    "shaped",
]

SIZES: Mapping[str, int] = {"data": 7, "other": 5}
"""The rows of each table while a program is made."""

DATA, OTHER, COLUMNS = SIZES["data"], SIZES["other"], 3

Value = Any
Fits = Callable[..., bool]
"""Whether an array fits an operand, given also the operands before it."""


@dataclass(frozen=True)
class Operation:
    """A function and what its operands must be."""

    name: str
    apply: Callable[..., Value]
    takes: tuple[Fits, ...]


def floats(x: Any, *_before: Any) -> bool:
    return bool(x.dtype.kind == "f")


def integers(x: Any, *_before: Any) -> bool:
    return bool(x.dtype.kind == "i")


def truths(x: Any, *_before: Any) -> bool:
    return bool(x.dtype.kind == "b")


def numbers(x: Any, *_before: Any) -> bool:
    return not truths(x)


def anything(x: Any, *_before: Any) -> bool:
    return True


def meets(kind: Fits) -> Fits:
    """Broadcasts with the operands before it, to at most two axes, of which one counts rows."""

    def fits(x: Any, *before: Any) -> bool:
        try:
            shape = np.broadcast_shapes(x.shape, *(other.shape for other in before))
        except ValueError:
            return False
        return kind(x) and len(shape) < 3 and sum(size in SIZES.values() for size in shape) < 2

    return fits


def shaped(kind: Fits, *shapes: tuple[int, ...]) -> Fits:
    """Has one of these shapes."""
    return lambda x, *_before: kind(x) and x.shape in shapes


def alike(kind: Fits) -> Fits:
    """Has the shape of the first operand."""
    return lambda x, *before: kind(x) and x.shape == before[0].shape


def axes(kind: Fits, *counts: int) -> Fits:
    """Has so many axes, none of which is empty or 1."""
    return lambda x, *_before: kind(x) and x.ndim in counts and 1 not in x.shape


VECTOR, MATRIX = (DATA,), (DATA, COLUMNS)
FIXED, SQUARE = (COLUMNS,), (COLUMNS, COLUMNS)

UNARY: Mapping[str, Callable[[Value], Value]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "arctan": np.arctan,
    "exp": lambda x: np.exp(np.minimum(x, 3.0)),
    "expm1": lambda x: np.expm1(np.sin(x)),
    "sinh": lambda x: np.sinh(np.tanh(x)),
    "log": lambda x: np.log(np.abs(x) + 0.5),
    "log1p": lambda x: np.log1p(x * x),
    "sqrt": lambda x: np.sqrt(np.abs(x) + 0.25),
    "masked root": lambda x: np.where(x > 0.0, np.sqrt(x), 0.0),
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "power": lambda x: (np.abs(x) + 0.5) ** 1.5,
    "reciprocal": lambda x: 1.0 / (np.abs(x) + 0.5),
    "saturated": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "negative": lambda x: -x,
    "abs": np.abs,
    "sign": lambda x: np.sign(x) * x,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "relu": relu,
    "erf": erf,
    "gammaln": lambda x: gammaln(np.abs(x) + 1.0),
    "digamma": lambda x: digamma(np.abs(x) + 1.0),
    "arcsin": lambda x: np.arcsin(np.tanh(x) * 0.9),
    "scaled": lambda x: 0.5 * x + 0.25,
    "clipped": lambda x: np.clip(x, -0.5, 1.0),
    "rounded half": lambda x: np.round(2.0 * x) * 0.5,
}

BINARY: Mapping[str, Callable[[Value, Value], Value]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "squared gap": lambda x, y: np.square(x - y),  # a power of integers is a float
}

OF_FLOATS: Mapping[str, Callable[[Value, Value], Value]] = {
    "divide": lambda x, y: x / (np.abs(y) + 0.5),
    "power": lambda x, y: (np.abs(x) + 0.5) ** np.tanh(y),
    "hypot": np.hypot,
    "arctan2": np.arctan2,
    "logaddexp": np.logaddexp,
    "xlogy": lambda x, y: xlogy(x, np.abs(y) + 0.5),
    "larger": lambda x, y: np.where(x > y, x, 0.5 * y),
    "clip": lambda x, y: np.clip(x, np.minimum(y, 0.0), 1.5),
    "floor_divide": lambda x, y: np.floor_divide(x, np.abs(y) + 0.5),
    "remainder": lambda x, y: np.remainder(x, np.abs(y) + 0.5),
}

OF_INTEGERS: Mapping[str, Callable[[Value, Value], Value]] = {
    "floor_divide": lambda i, j: i // (np.abs(j) + 1),
    "remainder": lambda i, j: i % (np.abs(j) + 1),
    "divide": lambda i, j: i / (np.abs(j) + 1),
    "larger": lambda i, j: np.where(i > j, i, -j),
}

COMPARISONS: Mapping[str, Callable[[Value, Value], Value]] = {
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
}

LOGIC: Mapping[str, Callable[[Value, Value], Value]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": lambda a, b: a != b,
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "maximum": np.maximum,
    "minimum": np.minimum,
}

REDUCTIONS: Mapping[str, tuple[Fits, Callable[..., Value]]] = {
    "sum": (anything, np.sum),
    "mean": (anything, np.mean),
    "max": (numbers, np.max),
    "min": (numbers, np.min),
    "var": (floats, np.var),
    "std": (floats, lambda x, axis=None, keepdims=False: np.std(x, axis=axis) + 0.0),
    "norm": (floats, norm),
    "logsumexp": (floats, logsumexp),
    "any": (truths, np.any),
    "all": (truths, np.all),
    "median": (floats, lambda x, axis=None, keepdims=False: median(x, axis=axis)),
    "argmax": (numbers, lambda x, axis=None, keepdims=False: np.argmax(x, axis=axis)),
    "argmin": (numbers, lambda x, axis=None, keepdims=False: np.argmin(x, axis=axis)),
}


def _elementwise() -> Iterator[Operation]:
    for name, one in UNARY.items():
        yield Operation(name, one, (floats,))
    for name, two in BINARY.items():
        yield Operation(f"{name} floats", two, (floats, meets(floats)))
        yield Operation(f"{name} integers", two, (integers, meets(integers)))
        yield Operation(f"{name} both", two, (integers, meets(floats)))
    for name, two in OF_FLOATS.items():
        yield Operation(f"{name} floats", two, (floats, meets(floats)))
    for name, two in OF_INTEGERS.items():
        yield Operation(f"{name} integers", two, (integers, meets(integers)))
    for name, two in COMPARISONS.items():
        yield Operation(name, two, (numbers, meets(numbers)))
    for name, two in LOGIC.items():
        yield Operation(f"{name} truths", two, (truths, meets(truths)))
    yield Operation("not", np.logical_not, (truths,))
    yield Operation("whole", lambda x: np.floor(np.clip(x, -9, 9)).astype(np.int64), (floats,))
    yield Operation("is odd", lambda i: i % 2 == 1, (integers,))
    yield Operation("truth counts", lambda b, x: b * x, (truths, meets(numbers)))
    yield Operation("negated", lambda i: -i, (integers,))
    yield Operation("half", lambda i: 0.5 * i, (integers,))
    for kind in (floats, integers, truths):
        yield Operation(f"where {kind.__name__}", np.where, (truths, meets(kind), meets(kind)))
    yield Operation("where nonzero", lambda i, x: np.where(i, x, 0.5), (integers, meets(floats)))
    yield Operation("fused", lambda x, y, z: x * y + z, (floats, meets(floats), meets(floats)))


def _reductions() -> Iterator[Operation]:
    for name, (kind, function) in REDUCTIONS.items():
        yield Operation(f"{name} of all", function, (axes(kind, 1, 2),))
        for axis in (0, 1, -1):

            def along(x: Value, axis: int = axis, f: Callable[..., Value] = function) -> Value:
                return f(x, axis=axis)

            yield Operation(f"{name} along {axis}", along, (axes(kind, 2),))
    for name in ("sum", "mean", "max", "logsumexp", "norm"):

        def kept(x: Value, f: Callable[..., Value] = REDUCTIONS[name][1]) -> Value:
            return x - f(x, axis=1, keepdims=True)

        yield Operation(f"{name} taken off", kept, (axes(floats, 2),))
    along_rows: Mapping[str, Callable[..., Value]] = {"cumsum": np.cumsum, "sort": np.sort}
    for name, function in along_rows.items():
        yield Operation(name, function, (axes(floats, 1),))
        yield Operation(
            f"{name} of columns", lambda x, f=function: f(x, axis=0), (axes(floats, 2),)
        )
        yield Operation(f"{name} of rows", lambda x, f=function: f(x, axis=1), (axes(floats, 2),))
    yield Operation("prod of rows", lambda x: np.prod(np.tanh(x) + 1.0, axis=1), (axes(floats, 2),))
    yield Operation("order", np.argsort, (axes(numbers, 1),))
    yield Operation("order of rows", lambda x: np.argsort(x, axis=1), (axes(floats, 2),))
    yield Operation("sorted integers", np.sort, (axes(integers, 1),))
    yield Operation("largest kept", lambda x: np.where(x == np.max(x), x, 0.0), (axes(floats, 1),))


ENTRIES: tuple[Operation, ...] = (*_elementwise(), *_reductions())
