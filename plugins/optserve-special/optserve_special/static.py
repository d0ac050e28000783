"""Functions whose orders are plain numbers, since no derivative by an order is defined here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.plugin import Domain, Example, Facts, Primitive, ShapeError, Value, elementwise, real

__all__ = ["of_orders"]


def of_orders(
    name: str,
    ufunc: Callable[..., Any],
    partial: Callable[..., Value],
    doc: str,
    *,
    orders: dict[str, float],
    domain: Domain = real,
) -> Primitive:
    """``ufunc(*orders, x)`` as a primitive of ``x``; ``orders`` are those that tests try, by name.

    ``partial(out, x, **orders)`` is the derivative by ``x``.
    """

    def of_x(x: Value, **given: float) -> Value:
        found = ufunc(*(given[order] for order in orders), x)
        return np.asarray(found).astype(np.asarray(x).dtype)[()]

    def arguments(*values: Value) -> tuple[tuple[Value], dict[str, float]]:
        if len(values) != len(orders) + 1:
            raise TypeError(f"takes {len(orders) + 1} arguments, and {len(values)} were given")
        given = {
            order: _number(name, order, value) for order, value in zip(orders, values, strict=False)
        }
        return (values[-1],), given

    positional = inspect.Parameter.POSITIONAL_ONLY
    signature = inspect.Signature([inspect.Parameter(one, positional) for one in (*orders, "x")])
    arguments.__signature__ = signature  # type: ignore[attr-defined]
    return elementwise(
        name,
        ufunc=of_x,
        means=ufunc if isinstance(ufunc, np.ufunc) else None,
        partials=lambda out, x, **given: (partial(out, x, **given),),
        arguments=arguments,
        domain=domain,
        examples=[Example(((3,),), dict(orders))],
        facts=Facts(cost=100.0),
        doc=doc,
    )


def _number(name: str, order: str, value: Value) -> float:
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    raise ShapeError(
        f"{name}: '{order}' is no plain number",
        expected=f"a number, as in {name}(2, x)",
        remedy="write the number itself: a derivative by it is not defined here",
    )
