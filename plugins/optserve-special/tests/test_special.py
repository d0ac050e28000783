"""What every primitive promises, SciPy's own names on traced values, and digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import optserve_special
import pytest
from optserve_special import optserve_primitives
from scipy import special

from optserve import testing
from optserve.errors import ShapeError
from optserve.plugin import Primitive
from optserve.transforms.functions import grad

WORDS: dict[str, Primitive] = {one.name: one for one in optserve_primitives()}


@pytest.mark.parametrize("check", testing.checks(optserve_special), ids=str)
def test_conformance(check: testing.Check) -> None:
    check()


def test_there_are_fifty_words() -> None:
    assert len(WORDS) >= 50


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: special.jv(0.5, x), 1.7),
        (lambda x: special.ellipk(x), 0.4),
        (lambda x: special.betainc(2.0, 3.0, x), 0.3),
        (lambda x: special.erfinv(x), 0.3),
        (lambda x: special.gammainc(x, 0.4), 1.4),
    ],
    ids=["jv", "ellipk", "betainc", "erfinv", "gammainc"],
)
def test_scipys_own_functions_are_differentiated(function: Any, x: float) -> None:
    step = 1e-5
    slope = (function(x + step) - function(x - step)) / (2.0 * step)
    assert float(grad(function)(x)) == pytest.approx(slope, rel=1e-8)


def test_an_order_is_a_plain_number() -> None:
    with pytest.raises(ShapeError, match=r"jv: 'v' is no plain number"):
        grad(lambda v: WORDS["jv"](v, 1.0))(0.5)


# Derivatives where the plain formula cancels, or divides 0 by 0, beside fifty digits.
CANCELLING = [
    ("ellipk", (1e-9,), mpmath.ellipk),
    ("ellipk", (0.029,), mpmath.ellipk),
    ("ellipe", (-0.031,), mpmath.ellipe),
    ("ellipkm1", (0.98,), lambda p: mpmath.ellipk(1 - p)),
    ("erfcx", (11.9,), lambda x: mpmath.exp(x * x) * mpmath.erfc(x)),
    ("erfcx", (12.1,), lambda x: mpmath.exp(x * x) * mpmath.erfc(x)),
    ("erfcx", (400.0,), lambda x: mpmath.exp(x * x) * mpmath.erfc(x)),
    ("dawsn", (-12.5,), lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x)),
    ("exprel", (1e-12,), lambda x: mpmath.expm1(x) / x),
    ("exprel", (-0.51,), lambda x: mpmath.expm1(x) / x),
    ("spence", (1.0 + 1e-9,), lambda x: mpmath.polylog(2, 1 - x)),
    ("spence", (1.26,), lambda x: mpmath.polylog(2, 1 - x)),
    ("lambertw", (1e-20,), mpmath.lambertw),
    ("gamma", (0.25,), mpmath.gamma),
    ("k1e", (30.0,), lambda x: mpmath.besselk(1, x) * mpmath.exp(x)),
    ("eval_legendre", (5, 1.0), lambda n, x: mpmath.legendre(n, x)),
]


@pytest.mark.parametrize(
    ("name", "at", "exact"), CANCELLING, ids=[f"{name}{at}" for name, at, _ in CANCELLING]
)
def test_derivatives_keep_their_digits(name: str, at: tuple[float, ...], exact: Any) -> None:
    *orders, x = at
    with mpmath.workdps(50):
        expected = float(mpmath.re(mpmath.diff(lambda one: exact(*orders, one), x)))
    got = float(grad(lambda one: WORDS[name](*orders, one))(x))
    assert got == pytest.approx(expected, rel=5e-12)


@pytest.mark.parametrize("shape", [0.01, 0.7, 5.0, 80.0, 3000.0])
@pytest.mark.parametrize("away", [-2.0, 0.1, 3.0])
def test_the_derivative_by_a_shape_is_right(shape: float, away: float) -> None:
    x = shape * np.exp(away / np.sqrt(shape + 1.0))
    with mpmath.workdps(40):
        expected = float(
            mpmath.diff(lambda a: mpmath.gammainc(a, 0, mpmath.mpf(x), regularized=True), shape)
        )
    got = float(grad(lambda a: WORDS["gammainc"](a, x))(shape))
    assert got == pytest.approx(expected, rel=1e-9)
