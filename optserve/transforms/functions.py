"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``hessian``, ...

A function is traced with its arguments' values at hand, so that Python's ``if`` and ``for`` may
look at them, and differentiated on the spot. All of these nest: a gradient is a function like any
other. Only what is differentiated by is traced; other arguments reach the function as they are.
Infinities and NaN come out as values; no floating-point warning is given. Results are arrays of
their own: they may be changed, and so may the arguments.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.errors import Place, ShapeError
from optserve.graph.aval import aval_of, is_float, precision_of
from optserve.graph.graph import Atom, Graph
from optserve.graph.operands import plain_array
from optserve.graph.primitive import Value
from optserve.graph.tracer import TracedFunction, Tracer
from optserve.primitives.tracing import trace
from optserve.transforms.forward import pushforward
from optserve.transforms.overflow import Guard
from optserve.transforms.reverse import vjp as graph_vjp
from optserve.transforms.rules import Cotangents

__all__ = ["grad", "hessian", "hvp", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Value]


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that returns the value and the gradient of a scalar ``function``.

    Parameters
    ----------
    argnums:
        Which arguments to differentiate by; the gradient has their shapes (a tuple for several).
        The other arguments, and those given by name, may be anything.

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @np.errstate(all="ignore")
    def differentiated(*arguments: Value, **keywords: Any) -> tuple[Value, Any]:
        positions = _positions(argnums, len(arguments))
        chosen = [_differentiable(arguments, position) for position in positions]
        traced = _traced(_of(function, arguments, positions, keywords), chosen)
        aval = traced.graph.outputs[0].aval
        if not traced.single or aval.shape:
            what = f"shape {aval.shape}" if traced.single else "several parts"
            raise ShapeError(
                f"the gradient of a value of {what}",
                place=_place_of(traced.graph.outputs[0], traced.graph),
                expected="a function that returns one scalar",
                remedy="sum or average it",
            )
        outputs, pullback = _pullback(traced, chosen)
        seed = aval.dtype.type(1.0) if is_float(aval.dtype) else None  # a count does not vary
        gradients = _filled(pullback([seed], False), chosen)
        return _own(outputs[0]), gradients if isinstance(argnums, Sequence) else gradients[0]

    return differentiated


def grad(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The gradient of a scalar ``function``, as a function.

    >>> import numpy as np
    >>> round(float(grad(grad(np.sin))(1.0)), 6)
    -0.841471
    """
    both = value_and_grad(function, argnums)
    return lambda *arguments, **keywords: both(*arguments, **keywords)[1]


@np.errstate(all="ignore")
def vjp(
    function: Function, *arguments: Value
) -> tuple[Value, Callable[[Value], tuple[Value, ...]]]:
    """The value of ``function``, and the pullback from its cotangent to those of all arguments.

    The pullback may be called any number of times. Of a function that returns a tuple it takes a
    tuple of cotangents. An argument that is ``None`` has the cotangent ``None``.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> tuple(map(float, pullback(1.0)))
    (3.0, 2.0)
    """
    positions = [i for i, argument in enumerate(arguments) if argument is not None]
    chosen = [_differentiable(arguments, position) for position in positions]
    traced = _traced(_of(function, arguments, positions, {}), chosen)
    outputs, pull = _pullback(traced, chosen)
    single = traced.single

    @np.errstate(all="ignore")
    def pullback(cotangent: Value) -> tuple[Value, ...]:
        given = [cotangent] if single else list(cotangent)
        cotangents = pull(_matching("cotangent", given, outputs), False)
        pulled = dict(zip(positions, _filled(cotangents, chosen), strict=True))
        return tuple(pulled.get(i) for i in range(len(arguments)))

    values = tuple(map(_own, outputs))
    return values[0] if single else values, pullback


@np.errstate(all="ignore")
def jvp(
    function: Function, primals: Sequence[Value], tangents: Sequence[Value]
) -> tuple[Value, Value]:
    """The value of ``function`` at ``primals`` and its derivative along ``tangents``.

    An argument whose tangent is ``None`` does not vary, and may be anything.

    >>> jvp(lambda x: x * x, [3.0], [1.0])
    (np.float64(9.0), np.float64(6.0))
    """
    if not (isinstance(primals, tuple | list) and isinstance(tangents, tuple | list)):
        raise ShapeError(
            "jvp takes a list of values and a list of tangents",
            remedy="jvp(f, [x], [v]) for one argument",
        )
    if len(primals) != len(tangents):
        raise ShapeError(
            f"{len(tangents)} tangents for {len(primals)} values",
            expected="one each",
            remedy="give None for an argument that does not vary",
        )
    positions = [i for i, tangent in enumerate(tangents) if tangent is not None]
    chosen = [_differentiable(primals, position) for position in positions]
    traced = _traced(_of(function, primals, positions, {}), chosen)
    given = _matching("tangent", [tangents[i] for i in positions], chosen)
    direction = (*given, *(None for _ in traced.captured))
    arguments, guard = [*chosen, *traced.captured], _guard(traced, chosen)
    outputs, [pushed] = pushforward(
        traced.graph, arguments, [direction], known=traced.values, guard=guard
    )
    values = tuple(map(_own, outputs))
    filled = tuple(
        np.zeros_like(out) if tangent is None else _own(tangent)
        for out, tangent in zip(outputs, pushed, strict=True)
    )
    return (values[0], filled[0]) if traced.single else (values, filled)


def hvp(function: Function) -> Function:
    """``hvp(f)(x, v)`` is the Hessian of a scalar f at x times v, without forming the Hessian.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(function)
    return lambda x, v: jvp(gradient, [x], [v])[1]


def hessian(function: Function) -> Function:
    """The matrix of second derivatives of a scalar function of one array of shape (p,).

    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 3.0]))
    array([[0., 6.],
           [6., 2.]])
    """
    product = hvp(function)

    def matrix(x: Value) -> Value:
        if np.ndim(x) == 0:
            return product(x, 1.0)
        if np.ndim(x) != 1:
            raise ShapeError(f"the Hessian of an argument of shape {np.shape(x)}", expected="(p,)")
        return np.stack([product(x, unit) for unit in np.eye(np.shape(x)[0])])

    return matrix


def _positions(argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    """``argnums`` counted from the front of ``count`` arguments."""
    try:
        given = argnums if isinstance(argnums, Sequence) else (argnums,)
        listed = tuple(map(operator.index, given))
    except TypeError:
        raise ShapeError(
            f"argnums {argnums!r} name no argument", expected="a whole number, or a tuple of them"
        ) from None
    for position in listed:
        if not -count <= position < count:
            raise ShapeError(
                f"there is no argument {position} to differentiate by: {count} are given",
                remedy="argnums count from 0, and mean arguments that are given by position",
            )
    positions = tuple(position % count for position in listed)
    if len(set(positions)) != len(positions):
        raise ShapeError(f"argnums {listed} name one argument twice", expected="each of them once")
    return positions


def _of(
    function: Function,
    arguments: Sequence[Value],
    positions: Sequence[int],
    keywords: Mapping[str, Any],
) -> Function:
    """``function`` of its arguments at ``positions`` alone, the others being as they are given."""

    def of_these(*chosen: Value) -> Value:
        full = list(arguments)
        for position, value in zip(positions, chosen, strict=True):
            full[position] = value
        return function(*full, **keywords)

    return of_these


def _traced(function: Function, arguments: Sequence[Value]) -> TracedFunction:
    return trace(
        function,
        *arguments,
        precision=precision_of(map(aval_of, arguments)),
        concrete=True,
    )


def _pullback(
    traced: TracedFunction, chosen: Sequence[Value]
) -> tuple[tuple[Value, ...], Callable[[Sequence[Value | None], bool], Cotangents]]:
    """The outputs, and their pullback to what is differentiated by."""
    arguments, guard = [*chosen, *traced.captured], _guard(traced, chosen)
    wrt = range(len(chosen))
    return graph_vjp(traced.graph, arguments, wrt, known=traced.values, guard=guard)


def _guard(traced: TracedFunction, chosen: Sequence[Value]) -> Guard:
    """What was captured was computed elsewhere, and may have overflowed there."""
    overflowed = [*(False for _ in chosen), *map(_may_be_infinite, traced.captured)]
    return Guard(active=False, overflowed=overflowed)


def _may_be_infinite(value: Value) -> bool:
    """Whether it is infinite somewhere, as far as its numbers are known."""
    while isinstance(value, Tracer):
        value = value.known_value
    return value is None or bool(np.isinf(value).any())


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
        array = value if hasattr(value, "aval") else plain_array(value)
        if array.shape != aval.shape:
            raise ShapeError(
                f"a {what} of shape {array.shape}", expected=f"the shape of the value, {aval}"
            )
        traced = array is value and hasattr(value, "aval")
        result.append(
            value if traced or not is_float(aval.dtype) else np.asarray(array, aval.dtype)
        )
    return result


def _differentiable(arguments: Sequence[Value], position: int) -> Value:
    """An argument to differentiate by: a traced value, or a copy; Python's numbers as floats."""
    value = arguments[position]
    if isinstance(value, int | float) and not isinstance(value, bool | np.generic):
        return np.float64(value)
    array = value if hasattr(value, "aval") else plain_array(value)
    if not is_float(array.dtype):
        raise ShapeError(
            f"argument {position} has dtype {array.dtype.name}",
            expected="a floating dtype to differentiate by",
            remedy="convert it with .astype(float)",
        )
    return _own(array)


def _filled(cotangents: Cotangents, arguments: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(
        np.zeros_like(argument) if ct is None else _own(ct)
        for argument, ct in zip(arguments, cotangents, strict=True)
    )


def _own(value: Value) -> Value:
    """``value`` itself where it is traced or a scalar; of an array a copy, which may be changed."""
    if not isinstance(value, np.ndarray):
        return value
    return np.array(value) if value.ndim else value[()]
