"""A function written in JAX."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.plugin import Primitive
from optserve_bridge.foreign import Array, Call, Shape
from optserve_bridge.frameworks import Framework, differentiated

__all__ = ["from_jax"]


def from_jax(
    function: Callable[..., Any],
    *,
    name: str = "",
    shape: Callable[..., Shape] | None = None,
    **options: Any,
) -> Primitive:
    """A JAX function of arrays to one array, compiled by JAX, with the derivatives JAX finds.

    Derivatives exist to any order. It is computed in the precision of the job, float64 included.

    Parameters
    ----------
    function:
        Positional parameters are the operands. It must be pure, as all that JAX compiles.
    name:
        What configs call it; that of the function unless given.
    shape:
        Maps the shapes of the operands to that of the value; found by ``jax.eval_shape`` unless
        given.
    options:
        Those of ``optserve.plugin.opaque``: ``axes=aligned`` where rows are computed one by one,
        ``domain``, ``examples``, ``tolerance``, ``facts``, ``doc``.
    """
    operands = (*inspect.signature(function).parameters,)
    options.setdefault("doc", inspect.getdoc(function) or f"{function.__name__}, by JAX.")
    return differentiated(JAX, function, name or function.__name__, operands, shape, **options)


# JAX takes half a second to import, and only a run that calls the function needs it.


def _prepare(function: Callable[..., Any]) -> Call:
    compiled: list[Any] = []

    def call(*values: Array) -> Array:
        import jax

        with jax.enable_x64(True):
            if not compiled:
                compiled.append(jax.jit(function))
            return np.asarray(compiled[0](*values))

    return call


def _tried(function: Callable[..., Any], shapes: Sequence[tuple[int, ...]]) -> Sequence[int]:
    import jax

    with jax.enable_x64(True):
        arrays = [np.zeros(one) for one in shapes]
        return (*jax.eval_shape(function, *arrays).shape,)


def _cotangent(function: Callable[[Any], Any], operand: Any, of_value: Any) -> Any:
    import jax

    return jax.vjp(function, operand)[1](of_value)[0]


JAX = Framework(_prepare, _tried, _cotangent)
