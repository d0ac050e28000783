"""Derivatives that have no closed form, by differences of tenth order.

They are accurate to some 11 digits for the first derivative and 9 for the second, which the
primitives that use them declare as their tolerance. A third one is not defined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.plugin import (
    Aval,
    Domain,
    Example,
    Facts,
    Primitive,
    Value,
    aligned,
    broadcast_shapes,
    elementwise,
    opaque,
)

__all__ = ["TOLERANCE", "central", "primitive_by"]

TOLERANCE = 1e-7

_WEIGHTS = np.array([2100.0, -600.0, 150.0, -25.0, 2.0]) / 2520.0
"""Of the differences of neighbours 1 to 5 apart (Fornberg 1988, table 1)."""


def central(function: Callable[[Any], Any], at: Any, apart: Any) -> Any:
    """The derivative of ``function`` at ``at``, from neighbours ``apart``, all of one shape.

    >>> bool(abs(central(np.exp, np.array(1.0), 0.02) - np.e) < 1e-12)
    True
    """
    pairs = (
        weight * (function(at + number * apart) - function(at - number * apart))
        for number, weight in enumerate(_WEIGHTS, start=1)
    )
    return sum(pairs) / apart


def primitive_by(
    name: str,
    computed: Callable[..., Any],
    domain: tuple[Domain, ...],
    partials: Callable[..., tuple[Value | None, ...]] | None = None,
) -> Primitive:
    """``computed(*operands)``, in double precision, as a primitive that stands in graphs only.

    Without ``partials`` it has no derivative, and asking for one raises an error that names it.
    """

    def impl(*operands: Value) -> Value:
        found = computed(*np.broadcast_arrays(*(np.asarray(one, np.float64) for one in operands)))
        return np.asarray(found).astype(np.result_type(*operands))[()]

    examples, doc = [Example(((3,),) * len(domain))], f"{name}, by differences."
    if partials is not None:
        return elementwise(
            name,
            ufunc=impl,
            partials=partials,
            domain=domain,
            examples=examples,
            tolerance=TOLERANCE,
            internal=True,
            facts=Facts(cost=400.0),
            doc=doc,
        )
    return opaque(
        name,
        impl,
        shape=lambda *avals: Aval(broadcast_shapes(*(one.shape for one in avals)), avals[0].dtype),
        axes=aligned,
        domain=domain,
        examples=examples,
        tolerance=TOLERANCE,
        internal=True,
        facts=Facts(cost=4000.0),
        doc=doc,
    )
