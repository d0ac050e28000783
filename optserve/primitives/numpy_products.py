"""NumPy's products, norms and roundings on traced values, under NumPy's own signatures."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import shape_of
from optserve.graph.primitive import Value
from optserve.primitives import arithmetic, comparisons, norms, products
from optserve.primitives.contractions import contracted, tensordot
from optserve.primitives.numpy_options import check_options, signed_all
from optserve.primitives.shaping import reshape

__all__ = ["FUNCTIONS"]


def _dot(a: Value, b: Value, out: Any = None) -> Value:
    check_options("dot", out=out)
    left, right = len(shape_of(a)), len(shape_of(b))
    if not left or not right:
        return np.multiply(a, b)
    if right <= 2:
        return products.matmul(a, b)
    return contracted(a, b, [np.ndim(a) - 1], [np.ndim(b) - 2])


def _inner(a: Value, b: Value) -> Value:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    return contracted(a, b, [np.ndim(a) - 1], [np.ndim(b) - 1])


def _vdot(a: Value, b: Value) -> Value:
    return products.matmul(reshape(a, (-1,)), reshape(b, (-1,)))


def _outer(a: Value, b: Value) -> Value:
    return np.multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


def _einsum(
    *operands: Any,
    out: Any = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Value:
    del optimize, order
    check_options("einsum", out=out, dtype=dtype, casting=casting)
    return products.einsum(*_with_letters(*_as_text(operands)))


def _as_text(operands: Sequence[Any]) -> tuple[str, list[Value]]:
    """The subscripts as a text, where they are lists of numbers after each operand."""
    if isinstance(operands[0], str):
        return operands[0], list(operands[1:])

    def text(numbers: Sequence[Any]) -> str:
        return "".join("..." if one is Ellipsis else string.ascii_letters[one] for one in numbers)

    pairs = list(zip(operands[::2], operands[1::2], strict=False))
    spec = ",".join(text(numbers) for _, numbers in pairs)
    return (
        f"{spec}->{text(operands[-1])}" if len(operands) % 2 else spec,
        [value for value, _ in pairs],
    )


def _with_letters(spec: str, operands: list[Value]) -> tuple[Any, ...]:
    """A letter for each axis: ``...`` written out, and diagonals taken where one stands twice."""
    spec = spec.replace(" ", "")
    inputs, arrow, out = spec.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        return spec, *operands  # told there
    spare = [one for one in string.ascii_letters if one not in spec]
    depths = [
        np.ndim(value) - len(term) + 3 if "..." in term else 0
        for term, value in zip(terms, operands, strict=True)
    ]
    rest = "".join(spare[: max(depths)])
    if not arrow and ("..." in inputs or any(len(set(term)) < len(term) for term in terms)):
        letters = inputs.replace(".", "").replace(",", "")
        out = rest + "".join(sorted(one for one in set(letters) if letters.count(one) == 1))
        arrow = "->"
    terms = [
        term.replace("...", rest[len(rest) - depth :] if depth else "")
        for term, depth in zip(terms, depths, strict=True)
    ]
    for i, term in enumerate(terms):
        while len(set(term)) < len(term) == np.ndim(operands[i]):
            twice = next(one for one in term if term.count(one) > 1)
            first = term.index(twice)
            second = term.index(twice, first + 1)
            operands[i] = np.diagonal(operands[i], axis1=first, axis2=second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + twice
        terms[i] = term
    return f"{','.join(terms)}{arrow}{out.replace('...', rest)}", *operands


def _clip(
    a: Value,
    a_min: Value | None = None,
    a_max: Value | None = None,
    min: Value | None = None,
    max: Value | None = None,
) -> Value:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ShapeError("np.clip takes each bound once", expected="np.clip(x, low, high)")
    bounded = a if low is None else comparisons.maximum(a, low)
    return bounded if high is None else comparisons.minimum(bounded, high)


def _round(a: Value, decimals: int = 0) -> Value:
    if a.dtype.kind not in "f":
        if a.dtype.kind == "b" or decimals < 0:
            raise ShapeError(
                f"np.round of {a.dtype.name} to {decimals} decimals",
                remedy="convert with .astype(float)",
            )
        return a
    if not decimals:
        return arithmetic.round_(a)
    factor = 10.0 ** abs(decimals)
    scaled, back = (np.multiply, np.divide) if decimals > 0 else (np.divide, np.multiply)
    return back(arithmetic.round_(scaled(a, factor)), factor)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.dot: _dot,
        np.inner: _inner,
        np.vdot: _vdot,
        np.tensordot: tensordot,
        np.einsum: _einsum,
        np.linalg.norm: norms.norm,
        **signed_all({np.outer: _outer, np.clip: _clip, np.round: _round, np.around: _round}),
    }
)
