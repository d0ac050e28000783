"""Orthogonal polynomials, whose degree and parameters are plain numbers.

The derivatives are those of the NIST Digital Library of Mathematical Functions, 18.9(iii).
"""

from __future__ import annotations

from scipy import special

from optserve.plugin import Domain, Primitive, Value
from optserve_special.static import of_orders

__all__ = [
    "eval_chebyt",
    "eval_chebyu",
    "eval_gegenbauer",
    "eval_genlaguerre",
    "eval_hermite",
    "eval_hermitenorm",
    "eval_jacobi",
    "eval_laguerre",
    "eval_legendre",
]

_BETWEEN = Domain("in (-1, 1)", low=-1.0, high=1.0)


def _none(x: Value) -> Value:
    """The derivative of a polynomial of degree 0."""
    return 0.0 * x


eval_jacobi: Primitive = of_orders(
    "eval_jacobi",
    special.eval_jacobi,
    lambda out, x, n, alpha, beta: (
        0.5 * (n + alpha + beta + 1.0) * eval_jacobi(n - 1.0, alpha + 1.0, beta + 1.0, x)
        if n
        else _none(x)
    ),
    "Jacobi polynomial of degree n.",
    orders={"n": 3.0, "alpha": 0.5, "beta": 1.5},
    domain=_BETWEEN,
)

eval_legendre: Primitive = of_orders(
    "eval_legendre",
    special.eval_legendre,
    lambda out, x, n: 0.5 * (n + 1.0) * eval_jacobi(n - 1.0, 1.0, 1.0, x) if n else _none(x),
    "Legendre polynomial of degree n.",
    orders={"n": 3.0},
    domain=_BETWEEN,
)

eval_gegenbauer: Primitive = of_orders(
    "eval_gegenbauer",
    special.eval_gegenbauer,
    lambda out, x, n, alpha: (
        2.0 * alpha * eval_gegenbauer(n - 1.0, alpha + 1.0, x) if n else _none(x)
    ),
    "Gegenbauer polynomial of degree n.",
    orders={"n": 3.0, "alpha": 1.5},
    domain=_BETWEEN,
)

eval_chebyt: Primitive = of_orders(
    "eval_chebyt",
    special.eval_chebyt,
    lambda out, x, n: n * eval_chebyu(n - 1.0, x) if n else _none(x),
    "Chebyshev polynomial of the first kind, of degree n.",
    orders={"n": 3.0},
    domain=_BETWEEN,
)

eval_chebyu: Primitive = of_orders(
    "eval_chebyu",
    special.eval_chebyu,
    lambda out, x, n: 2.0 * eval_gegenbauer(n - 1.0, 2.0, x) if n else _none(x),
    "Chebyshev polynomial of the second kind, of degree n.",
    orders={"n": 3.0},
    domain=_BETWEEN,
)

eval_hermite: Primitive = of_orders(
    "eval_hermite",
    lambda n, x: special.eval_hermite(int(n), x),
    lambda out, x, n: 2.0 * n * eval_hermite(n - 1.0, x) if n else _none(x),
    "Hermite polynomial of degree n, as in physics.",
    orders={"n": 3.0},
)

eval_hermitenorm: Primitive = of_orders(
    "eval_hermitenorm",
    lambda n, x: special.eval_hermitenorm(int(n), x),
    lambda out, x, n: n * eval_hermitenorm(n - 1.0, x) if n else _none(x),
    "Hermite polynomial of degree n, as in probability.",
    orders={"n": 3.0},
)

eval_genlaguerre: Primitive = of_orders(
    "eval_genlaguerre",
    special.eval_genlaguerre,
    lambda out, x, n, alpha: -eval_genlaguerre(n - 1.0, alpha + 1.0, x) if n else _none(x),
    "Generalized Laguerre polynomial of degree n.",
    orders={"n": 3.0, "alpha": 0.5},
)

eval_laguerre: Primitive = of_orders(
    "eval_laguerre",
    special.eval_laguerre,
    lambda out, x, n: -eval_genlaguerre(n - 1.0, 1.0, x) if n else _none(x),
    "Laguerre polynomial of degree n.",
    orders={"n": 3.0},
)
