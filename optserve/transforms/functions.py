"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``hessian``, ...

A function is traced with its arguments' values at hand, so that Python's ``if`` and ``for`` may
look at them, and differentiated on the spot. All of these nest: a gradient is a function like any
other. Infinities and NaN come out as values; no floating-point warning is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import Place, ShapeError
from optserve.graph.aval import aval_of, is_float, precision_of
from optserve.graph.graph import Atom, Graph
from optserve.graph.primitive import Value
from optserve.graph.tracer import TracedFunction, trace
from optserve.graph.vocabulary import Vocabulary
from optserve.primitives.vocabulary import builtin_vocabulary
from optserve.transforms.forward import pushforward
from optserve.transforms.reverse import vjp as graph_vjp
from optserve.transforms.rules import Cotangents

__all__ = ["grad", "hessian", "hvp", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Value]


def value_and_grad(
    function: Function, argnums: int | Sequence[int] = 0, *, vocabulary: Vocabulary | None = None
) -> Function:
    """A function that returns the value and the gradient of a scalar ``function``.

    Parameters
    ----------
    argnums:
        Which arguments to differentiate by; the gradient has their shapes (a tuple for several).

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @np.errstate(all="ignore")
    def differentiated(*arguments: Value) -> tuple[Value, Any]:
        arguments = _floating(arguments, positions)
        traced = _traced(function, arguments, vocabulary)
        aval = traced.graph.outputs[0].aval
        if not traced.single or aval.shape:
            what = f"shape {aval.shape}" if traced.single else "several parts"
            raise ShapeError(
                f"the gradient of a value of {what}",
                place=_place_of(traced.graph.outputs[0], traced.graph),
                expected="a function that returns one scalar",
                remedy="sum or average it",
            )
        outputs, pullback = graph_vjp(traced.graph, [*arguments, *traced.captured], positions)
        gradients = _filled(pullback([aval.dtype.type(1.0)], False), arguments, positions)
        return outputs[0], gradients[0] if isinstance(argnums, int) else gradients

    return differentiated


def grad(
    function: Function, argnums: int | Sequence[int] = 0, *, vocabulary: Vocabulary | None = None
) -> Function:
    """The gradient of a scalar ``function``, as a function.

    >>> import numpy as np
    >>> round(float(grad(grad(np.sin))(1.0)), 6)
    -0.841471
    """
    both = value_and_grad(function, argnums, vocabulary=vocabulary)
    return lambda *arguments: both(*arguments)[1]


@np.errstate(all="ignore")
def vjp(
    function: Function, *arguments: Value, vocabulary: Vocabulary | None = None
) -> tuple[Value, Callable[[Value], tuple[Value, ...]]]:
    """The value of ``function``, and the pullback from its cotangent to those of all arguments.

    The pullback may be called any number of times. Of a function that returns a tuple it takes a
    tuple of cotangents.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> tuple(map(float, pullback(1.0)))
    (3.0, 2.0)
    """
    positions = tuple(range(len(arguments)))
    arguments = _floating(arguments, positions)
    traced = _traced(function, arguments, vocabulary)
    outputs, pull = graph_vjp(traced.graph, [*arguments, *traced.captured], positions)

    @np.errstate(all="ignore")
    def pullback(cotangent: Value) -> tuple[Value, ...]:
        given = [cotangent] if traced.single else list(cotangent)
        cotangents = _matching("cotangent", given, outputs)
        return _filled(pull(cotangents, False), arguments, positions)

    return outputs[0] if traced.single else outputs, pullback


@np.errstate(all="ignore")
def jvp(
    function: Function,
    primals: Sequence[Value],
    tangents: Sequence[Value],
    *,
    vocabulary: Vocabulary | None = None,
) -> tuple[Value, Value]:
    """The value of ``function`` at ``primals`` and its derivative along ``tangents``.

    >>> jvp(lambda x: x * x, [3.0], [1.0])
    (np.float64(9.0), np.float64(6.0))
    """
    arguments = _floating(primals, range(len(primals)))
    traced = _traced(function, arguments, vocabulary)
    given = _matching("tangent", tangents, arguments)
    direction = (*given, *(None for _ in traced.captured))
    outputs, [pushed] = pushforward(traced.graph, [*arguments, *traced.captured], [direction])
    filled = tuple(
        np.zeros_like(out) if tangent is None else tangent
        for out, tangent in zip(outputs, pushed, strict=True)
    )
    return (outputs[0], filled[0]) if traced.single else (outputs, filled)


def hvp(function: Function, *, vocabulary: Vocabulary | None = None) -> Function:
    """``hvp(f)(x, v)`` is the Hessian of a scalar f at x times v, without forming the Hessian.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(function, vocabulary=vocabulary)
    return lambda x, v: jvp(gradient, [x], [v], vocabulary=vocabulary)[1]


def hessian(function: Function, *, vocabulary: Vocabulary | None = None) -> Function:
    """The matrix of second derivatives of a scalar function of one array of shape (p,).

    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 3.0]))
    array([[0., 6.],
           [6., 2.]])
    """
    product = hvp(function, vocabulary=vocabulary)

    def matrix(x: Value) -> Value:
        if np.ndim(x) == 0:
            return product(x, 1.0)
        if np.ndim(x) != 1:
            raise ShapeError(f"the Hessian of an argument of shape {np.shape(x)}", expected="(p,)")
        return np.stack([product(x, unit) for unit in np.eye(np.shape(x)[0])])

    return matrix


def _traced(
    function: Function, arguments: Sequence[Value], vocabulary: Vocabulary | None
) -> TracedFunction:
    return trace(
        function,
        *arguments,
        vocabulary=vocabulary or builtin_vocabulary(),
        precision=precision_of(map(aval_of, arguments)),
        concrete=True,
    )


def _place_of(output: Atom, graph: Graph) -> Place | None:
    """Where the value was computed that the graph returns."""
    makers = (equation.place for equation in graph.equations if output in equation.results)
    return next(makers, None)


def _matching(what: str, given: Sequence[Value], wanted: Sequence[Value]) -> list[Value]:
    """``given`` as arrays of the shapes and dtypes of ``wanted``."""
    if len(given) != len(wanted):
        raise ShapeError(f"{len(given)} {what}s for {len(wanted)} values", expected="one each")
    result: list[Value] = []
    for value, like in zip(given, wanted, strict=True):
        aval = aval_of(like)
        if np.shape(value) != aval.shape:
            raise ShapeError(
                f"a {what} of shape {np.shape(value)}", expected=f"the shape of the value, {aval}"
            )
        traced = hasattr(value, "aval")
        result.append(
            value if traced or not is_float(aval.dtype) else np.asarray(value, aval.dtype)
        )
    return result


def _floating(arguments: Sequence[Value], positions: Sequence[int]) -> tuple[Value, ...]:
    """Arguments as arrays; Python numbers among those differentiated by become floats."""
    result = [value if hasattr(value, "aval") else np.asarray(value)[()] for value in arguments]
    for position in positions:
        value = arguments[position]
        if isinstance(value, int | float) and not isinstance(value, bool):
            result[position] = np.float64(value)
        elif not is_float(aval_of(value).dtype):
            raise ShapeError(
                f"argument {position} has dtype {aval_of(value).dtype.name}",
                expected="a floating dtype to differentiate by",
                remedy="convert it with .astype(float)",
            )
    return tuple(result)


def _filled(
    cotangents: Cotangents, arguments: Sequence[Value], positions: Sequence[int]
) -> tuple[Value, ...]:
    return tuple(
        np.zeros_like(arguments[i]) if ct is None else ct
        for i, ct in zip(positions, cotangents, strict=True)
    )
