"""The functions to more than 50 digits, by ball arithmetic (Arb, through python-flint)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["errors", "spacing"]

BITS = 200
"""Of the reference: 60 digits, so that 50 remain where some cancel."""

Exact = Callable[..., Any]

EXACT: Mapping[str, Exact] = MappingProxyType(
    {
        "arccos": lambda x: x.acos(),
        "arcsin": lambda x: x.asin(),
        "arctan": lambda x: x.atan(),
        "arctan2": lambda y, x: type(x).atan2(y, x),
        "cbrt": lambda x: x.root(3) if x >= 0 else -(-x).root(3),
        "cos": lambda x: x.cos(),
        "cosh": lambda x: _bounded(x).cosh(),
        "digamma": lambda x: x.digamma(),
        "erf": lambda x: x.erf(),
        "erfc": lambda x: x.erfc(),
        "exp": lambda x: _bounded(x).exp(),
        "expm1": lambda x: _bounded(x).expm1(),
        "gammaln": lambda x: _log_gamma(x),
        "hypot": lambda x, y: (x * x + y * y).sqrt(),
        "log": lambda x: x.log(),
        "log1p": lambda x: x.log1p(),
        "logaddexp": lambda x, y: _larger(x, y) + (-abs(_bounded(x - y))).exp().log1p(),
        "power": lambda x, y: x**y,
        "sigmoid": lambda x: 1 / (1 + (-_bounded(x)).exp()),
        "sin": lambda x: x.sin(),
        "sinh": lambda x: _bounded(x).sinh(),
        "softplus": lambda x: _larger(x, 0 * x) + (-abs(_bounded(x))).exp().log1p(),
        "tan": lambda x: x.tan(),
        "tanh": lambda x: x.tanh(),
    }
)


def _bounded(x: Any) -> Any:
    """Where an exponential is far beyond the largest or below the smallest number, nearer."""
    return x if abs(x) < 2000 else 2000 * x.sgn()


def _larger(x: Any, y: Any) -> Any:
    return x if x > y else y


def _log_gamma(x: Any) -> Any:
    if x > 0:
        return x.lgamma()
    pi = type(x).pi()
    return (pi / abs(x * type(x).sin_pi(x))).log() - (-x).lgamma()


def errors(
    name: str, operands: Sequence[NDArray[Any]], results: NDArray[Any], scale: float = 0.0
) -> NDArray[np.float64]:
    """Signed errors of ``results`` in units in the last place of the exact values.

    The unit is that of ``scale`` where the exact value is smaller. A value beyond the largest
    number has an error of 0 if the result is infinite. NaN where a result is NaN.
    """
    from flint import arb, ctx

    ctx.prec = BITS
    exact = EXACT[name]
    tiny, up = 2.0**-900, arb(2) ** 200
    values = np.empty(len(results))
    differences = np.empty(len(results))
    columns = [operand.astype(np.float64).tolist() for operand in operands]
    for index, (result, *at) in enumerate(
        zip(results.astype(np.float64).tolist(), *columns, strict=True)
    ):
        value = exact(*map(arb, at))
        values[index] = float(value.mid())
        if math.isinf(result):
            differences[index] = 0.0 if values[index] == result else math.inf
        elif abs(result) < tiny:
            differences[index] = float(((arb(result) - value) * up).mid())
        else:
            differences[index] = float((arb(result) - value).mid())
    units = spacing(np.maximum(np.abs(values), scale), results.dtype)
    infinite = np.isinf(results)
    rounded = infinite & np.isinf(values.astype(results.dtype)) & (values * results > 0)
    scaled = np.where(np.abs(results.astype(np.float64)) < tiny, units * 2.0**200, units)
    found = np.where(infinite, np.where(rounded, 0.0, np.inf), differences / scaled)
    return np.asarray(np.where(np.isnan(results), np.nan, found))


def spacing(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """The distance of neighbouring numbers of ``dtype`` where ``values`` lie."""
    form = np.finfo(dtype)
    exponent = np.frexp(np.maximum(values, float(form.tiny)))[1] - 1
    return np.asarray(np.ldexp(1.0, np.minimum(exponent, form.maxexp - 1) - form.nmant))
