"""Robust losses for optserve: the residual of a bad observation counts less than its square.

``r`` is a residual in units of the noise. The default scales keep 95 % of the efficiency of least
squares where the noise is normal after all (Holland & Welsch 1977, Commun. Stat. A6, 813).
"""

from collections.abc import Callable

import numpy as np

from optserve.plugin import Primitive, Value, elementwise, hookimpl, positive, real, unit


def _scaled(slope: Callable[[Value, Value], Value]) -> Callable[..., tuple[Value, Value]]:
    """Both partials of a loss c**2 * f(r / c), by Euler: r * d/dr + c * d/dc is twice the loss."""
    return lambda out, r, c: (slope(r, c), (2.0 * out - r * slope(r, c)) / c)


huber_loss = elementwise(
    "huber_loss",
    lambda r, delta=1.345: np.clip(r, -delta, delta) * (r - 0.5 * np.clip(r, -delta, delta)),
    partials=_scaled(lambda r, delta: np.clip(r, -delta, delta)),
    domain=(real, positive),
    doc="r**2 / 2 up to abs(r) = delta, linear beyond (Huber 1964, Ann. Math. Stat. 35, 73).",
)
tukey_loss = elementwise(
    "tukey_loss",
    lambda r, c=4.685: c**2 / 6.0 * (1.0 - np.maximum(1.0 - (r / c) ** 2, 0.0) ** 3),
    partials=_scaled(lambda r, c: r * np.square(np.maximum(1.0 - np.square(r / c), 0.0))),
    domain=(real, positive),
    doc="c**2 / 6 * (1 - (1 - (r / c)**2)**3), constant beyond c (Beaton & Tukey 1974).",
)
cauchy_loss = elementwise(
    "cauchy_loss",
    lambda r, c=2.385: 0.5 * c**2 * np.log1p((r / c) ** 2),
    partials=_scaled(lambda r, c: r / (1.0 + np.square(r / c))),
    domain=(real, positive),
    doc="c**2 / 2 * log(1 + (r / c)**2): an outlier pulls like c**2 / r (Holland & Welsch 1977).",
)
log_cosh_loss = elementwise(
    "log_cosh_loss",
    lambda r: np.abs(r) + np.log1p(0.5 * np.expm1(-2.0 * np.abs(r))),
    partials=lambda out, r: (np.tanh(r),),
    doc="log(cosh(r)), smooth everywhere, no overflow (Green 1990, IEEE Trans. Med. Imag. 9, 84).",
)
quantile_loss = elementwise(
    "quantile_loss",
    lambda r, quantile=0.5: np.maximum(quantile * r, (quantile - 1.0) * r),
    partials=lambda out, r, quantile: (np.sign(r) * (0.5 + (quantile - 0.5) * np.sign(r)), r),
    domain=(real, unit),
    doc="Its minimizer is that quantile of observed = predicted + r (Koenker & Bassett 1978).",
)


@hookimpl
def optserve_primitives() -> list[Primitive]:
    """The losses of this package."""
    return [huber_loss, tukey_loss, cauchy_loss, log_cosh_loss, quantile_loss]
