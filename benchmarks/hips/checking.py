"""autograd's check of derivatives: in both modes and to second order, beside differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

import optserve
from benchmarks.hips.face import ComplexValuesError, nary
from optserve.graph.trees import leaves, rebuilt

__all__ = ["CHECKS", "check_equivalent", "check_grads"]

STEP = 1e-6
TOLERANCE = 1e-6
"""Absolute or relative, as in autograd's ``test_util``."""


def _close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) < TOLERANCE or abs(a - b) / abs(a + b) < TOLERANCE)


def _floats(tree: Any) -> Any:
    """The same with numbers of float64, or arrays of them."""
    found = [np.asarray(leaf) for leaf in leaves(tree)]
    if any(one.dtype.kind == "c" for one in found):
        raise ComplexValuesError("a derivative by, or of, complex values")
    return rebuilt(tree, [one.astype(np.float64)[()] for one in found])


def _random(tree: Any) -> Any:
    return rebuilt(tree, [np.random.randn(*np.shape(leaf)) for leaf in leaves(tree)])


def _moved(tree: Any, by: Any, factor: float) -> Any:
    pairs = zip(leaves(tree), leaves(by), strict=True)
    return rebuilt(tree, [np.asarray(one) + factor * other for one, other in pairs])


def _product(one: Any, other: Any) -> float:
    """The sum of the products of all entries, whose shapes must be those of each other."""
    total = 0.0
    for a, b in zip(leaves(one), leaves(other), strict=True):
        assert np.shape(a) == np.shape(b), f"shapes {np.shape(a)} and {np.shape(b)}"
        total += float(np.sum(np.asarray(a) * np.asarray(b)))
    return total


def check_equivalent(one: Any, other: Any) -> None:
    """Fail where two trees are apart along a random direction."""
    along = _random(one)
    a, b = _product(one, along), _product(other, along)
    assert _close(a, b), f"{one} and {other}"


def _check(
    function: Callable[[Any], Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> None:
    """Fail where a derivative is not what differences give along a random direction."""
    x, value = _floats(x), _floats(function(x))
    along, weights = _random(x), _random(value)
    ahead, behind = (function(_moved(x, along, side * STEP / 2)) for side in (1.0, -1.0))
    numeric = (_product(_floats(ahead), weights) - _product(_floats(behind), weights)) / STEP

    def pushed(pair: Any) -> Any:
        return optserve.jvp(function, [pair[0]], [pair[1]])[1]

    def pulled(pair: Any) -> Any:
        return optserve.vjp(function, pair[0])[1](pair[1])[0]

    if "fwd" in modes:
        exact = _product(pushed((x, along)), weights)
        assert _close(exact, numeric), f"forward {exact}, by differences {numeric}, at {x}"
        if order > 1:
            _check(pushed, (x, along), modes, order - 1)
    if "rev" in modes:
        exact = _product(pulled((x, weights)), along)
        assert _close(exact, numeric), f"reverse {exact}, by differences {numeric}, at {x}"
        if order > 1:
            _check(pulled, (x, weights), modes, order - 1)


check_grads = nary(_check)


def _combinations(function: Any, *checked: Any, **options: Any) -> Callable[..., None]:
    def check(*choices: Any, **named: Any) -> None:
        for arguments in product(*choices):
            for values in product(*named.values()):
                keywords = dict(zip(named, values, strict=True))
                check_grads(function, *checked, **options)(*arguments, **keywords)

    return check


CHECKS: dict[str, Any] = {
    "check_equivalent": check_equivalent,
    "check_grads": check_grads,
    "combo_check": _combinations,
    "scalar_close": _close,
}
"""By the names of ``autograd.test_util``."""
