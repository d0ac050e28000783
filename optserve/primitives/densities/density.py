"""``density``: how the logarithm of a density, or of a distribution function, is made."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable

import numpy as np

from optserve.graph.aval import aval_of, precision_of
from optserve.graph.axes import aligned
from optserve.graph.domain import Domain, Example, positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import composite

__all__ = ["certain", "density", "in_one_dtype", "no_count", "only_if", "standardized"]


def density(
    name: str,
    body: Callable[..., Value],
    *,
    domain: Domain | tuple[Domain, ...],
    doc: str,
    remedy: str = "",
    cost: float = 30.0,
    slow: bool = False,
    draws: Callable[..., Value] | None = None,
) -> Primitive:
    """The logarithm of a density of numbers, entry by entry, its operands broadcast together.

    ``body`` takes the value, then the parameters of the distribution; its parameters' names are the
    keywords. One that is ``slow`` is tried at one example only. ``draws(random, *parameters)``
    draws a value for each entry of the parameters, all of one shape, by a NumPy ``Generator``.

    >>> from optserve.graph.domain import positive, real
    >>> rayleigh_logsf = density(
    ...     "rayleigh_logsf",
    ...     lambda x, scale: -0.5 * np.square(x / scale),
    ...     domain=(positive, positive),
    ...     doc="Log chance that a Rayleigh number is above x.",
    ... )
    >>> float(rayleigh_logsf(2.0, scale=1.0))
    -2.0
    """
    return composite(
        name,
        body,
        impl=in_one_dtype(body),
        axes=aligned,
        domain=domain,
        examples=_examples(domain, len(inspect.signature(body).parameters))[: 1 if slow else None],
        facts=Facts(remedy=remedy, cost=cost, large_code=True, draws=draws),
        doc=doc,
    )


_AWAY_FROM_0 = Domain("positive", low=0.5)
"""Parameters that are tried: a scale next to 0 makes sums over rows in which digits cancel."""


def _examples(domain: Domain | tuple[Domain, ...], count: int) -> list[Example]:
    """A column under fixed parameters, and parameters that are columns under a fixed value."""
    domains = domain if isinstance(domain, tuple) else (domain,) * count
    tried = (domains[0], *(_AWAY_FROM_0 if one is positive else one for one in domains[1:]))
    shapes: tuple[tuple[int, ...], ...] = ((3,), (2, 1))
    alone = ((3,), *(() for _ in range(count - 1)))
    rest = ((), *itertools.islice(itertools.cycle(shapes), count - 1))
    return [Example(shapes, domains=tried) for shapes in (alone, rest)]


def in_one_dtype(body: Callable[..., Value]) -> Callable[..., Value]:
    """``body`` on arrays of one floating dtype, as a trace would make them."""

    def implementation(*operands: Value) -> Value:
        dtype = precision_of(aval_of(one) for one in operands if hasattr(one, "dtype"))
        return body(*(np.asarray(operand, dtype)[()] for operand in operands))

    return implementation


def only_if(holds: Value, value: Value) -> Value:
    """``value``, and NaN where it does not hold: of a parameter that a distribution cannot have."""
    return np.where(holds, value, np.nan)


def certain(*parameters: Value) -> Value:
    """0, the logarithm of a sure chance; NaN where a parameter is."""
    return 0.0 * sum(parameters)


def standardized(x: Value, location: Value, scale: Value) -> Value:
    """How many scales x lies above the location; NaN of a scale that is not positive."""
    return (x - location) / only_if(scale > 0.0, scale)


def no_count(k: Value) -> Value:
    """Whether k is negative, or no whole number; NaN is neither."""
    return (k < 0.0) | (k > np.floor(k))
