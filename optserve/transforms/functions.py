"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``hessian``, ...

A function is traced with its arguments' values at hand, so that Python's ``if`` and ``for`` may
look at them, and differentiated on the spot. All of these nest: a gradient is a function like any
other. Only what is differentiated by is traced; other arguments reach the function as they are.
Infinities and NaN come out as values; no floating-point warning is given. Results are arrays of
their own: they may be changed, and so may the arguments.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import Place, ShapeError
from optserve.graph.aval import aval_of, is_float, precision_of, resolve_shape
from optserve.graph.graph import Atom, Graph
from optserve.graph.operands import plain_array
from optserve.graph.primitive import Value
from optserve.graph.tracer import TracedFunction, Tracer
from optserve.graph.trees import is_tree, leaves, rebuilt
from optserve.primitives.tracing import trace
from optserve.transforms.arguments import Chosen, own
from optserve.transforms.forward import pushforward
from optserve.transforms.overflow import Guard
from optserve.transforms.reverse import vjp as graph_vjp
from optserve.transforms.rules import Cotangents

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "linearize", "value_and_grad", "vjp"]

Function = Callable[..., Value]


def value_and_grad(
    function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """A function that returns the value and the gradient of a scalar ``function``.

    Parameters
    ----------
    argnums:
        Which arguments to differentiate by; the gradient has their shapes (a tuple for several).
        They are arrays or trees of arrays: tuples, lists, dicts, dataclasses. The other arguments,
        and those given by name, may be anything.
    has_aux:
        Whether ``function`` returns a pair (value, further results); what comes back is
        ((value, further results), gradient).

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    >>> value_and_grad(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 2.0})[1]
    {'a': np.float64(12.0), 'b': np.float64(9.0)}
    """

    @np.errstate(all="ignore")
    def differentiated(*arguments: Value, **keywords: Any) -> tuple[Value, Any]:
        chosen = Chosen.of(arguments, _positions(argnums, len(arguments)))
        further: list[Any] = []

        def of_leaves(*values: Value) -> Any:
            result = function(*chosen.arguments(values), **keywords)
            if not has_aux:
                return result
            value, aux = _pair(result)
            further.append(aux)
            return (value, *(leaf for leaf in leaves(aux) if hasattr(leaf, "aval")))

        traced = _traced(of_leaves, chosen.leaves)
        aval = traced.graph.outputs[0].aval
        if not (traced.single or has_aux) or aval.shape:
            what = f"shape {aval.shape}" if traced.single or has_aux else "several parts"
            raise ShapeError(
                f"the gradient of a value of {what}",
                place=_place_of(traced.graph.outputs[0], traced.graph),
                expected="a function that returns one scalar",
                remedy="sum or average it",
            )
        outputs, pullback = _pullback(traced, chosen.leaves)
        seed = aval.dtype.type(1.0) if is_float(aval.dtype) else None  # a count does not vary
        rest = [None] * (len(outputs) - 1)
        gradients = chosen.trees(_filled(pullback([seed, *rest], False), chosen.leaves))
        value = own(outputs[0])
        gradient = gradients if isinstance(argnums, Sequence) else gradients[0]
        if not has_aux:
            return value, gradient
        known = iter(map(own, outputs[1:]))
        aux = [next(known) if hasattr(leaf, "aval") else leaf for leaf in leaves(further[0])]
        return (value, rebuilt(further[0], aux)), gradient

    return differentiated


def grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar ``function``, as a function; with ``has_aux`` it comes as a pair
    with the further results (see ``value_and_grad``).

    >>> import numpy as np
    >>> round(float(grad(grad(np.sin))(1.0)), 6)
    -0.841471
    >>> grad(lambda x: (x**2, {"half": x / 2}), has_aux=True)(3.0)
    (np.float64(6.0), {'half': np.float64(1.5)})
    """
    both = value_and_grad(function, argnums, has_aux)

    def gradient(*arguments: Value, **keywords: Any) -> Value:
        value, slopes = both(*arguments, **keywords)
        return (slopes, value[1]) if has_aux else slopes

    return gradient


@np.errstate(all="ignore")
def vjp(
    function: Function, *arguments: Value
) -> tuple[Value, Callable[[Value], tuple[Value, ...]]]:
    """The value of ``function``, and the pullback from its cotangent to those of all arguments.

    The pullback may be called any number of times. Arguments and the value may be trees, whose form
    the cotangents have. An argument that is ``None`` has the cotangent ``None``.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> tuple(map(float, pullback(1.0)))
    (3.0, 2.0)
    """
    chosen = Chosen.of(arguments, range(len(arguments)))
    returned: list[Any] = []

    def of_leaves(*values: Value) -> list[Value]:
        returned.append(function(*chosen.arguments(values)))
        return leaves(returned[0])

    traced = _traced(of_leaves, chosen.leaves)
    outputs, pull = _pullback(traced, chosen.leaves)

    @np.errstate(all="ignore")
    def pullback(cotangent: Value) -> tuple[Value, ...]:
        given = leaves(cotangent) if is_tree(returned[0]) else [cotangent]
        cotangents = pull(_matching("cotangent", given, outputs), False)
        return chosen.trees(_filled(cotangents, chosen.leaves))

    return rebuilt(returned[0], map(own, outputs)), pullback


@np.errstate(all="ignore")
def jvp(
    function: Function, primals: Sequence[Value], tangents: Sequence[Value]
) -> tuple[Value, Value]:
    """The value of ``function`` at ``primals`` and its derivative along ``tangents``.

    An argument whose tangent is ``None`` does not vary, and may be anything. Arguments and the
    value may be trees, whose form the tangents have.

    >>> jvp(lambda x: x * x, [3.0], [1.0])
    (np.float64(9.0), np.float64(6.0))
    """
    value, push = _linearized(function, primals, tangents)
    return value, push(tangents)


def linearize(function: Function, *primals: Value) -> tuple[Value, Function]:
    """The value of ``function``, and its derivative there, a linear function of tangents.

    ``function`` is called once, whatever the number of tangents.

    >>> value, push = linearize(lambda x: x * x, 3.0)
    >>> value, push(1.0), push(10.0)
    (np.float64(9.0), np.float64(6.0), np.float64(60.0))
    """
    value, push = _linearized(function, primals, primals)
    return value, lambda *tangents: push(tangents)


@np.errstate(all="ignore")
def _linearized(
    function: Function, primals: Sequence[Value], varying: Sequence[Value]
) -> tuple[Value, Callable[[Sequence[Value]], Value]]:
    """The value, and the derivative by those arguments for which ``varying`` is not ``None``."""
    if not (isinstance(primals, tuple | list) and isinstance(varying, tuple | list)):
        raise ShapeError(
            "jvp takes a list of values and a list of tangents",
            remedy="jvp(f, [x], [v]) for one argument",
        )
    if len(primals) != len(varying):
        raise ShapeError(
            f"{len(varying)} tangents for {len(primals)} values",
            expected="one each",
            remedy="give None for an argument that does not vary",
        )
    chosen = Chosen.of(primals, [i for i, one in enumerate(varying) if one is not None])
    returned: list[Any] = []

    def of_leaves(*values: Value) -> list[Value]:
        returned.append(function(*chosen.arguments(values)))
        return leaves(returned[0])

    traced = _traced(of_leaves, chosen.leaves)
    arguments, guard = [*chosen.leaves, *traced.captured], _guard(traced, chosen.leaves)

    @np.errstate(all="ignore")
    def push(tangents: Sequence[Value]) -> Value:
        given = _matching("tangent", chosen.tangents(tangents), chosen.leaves)
        direction = (*given, *(None for _ in traced.captured))
        outputs, [pushed] = pushforward(
            traced.graph, arguments, [direction], known=traced.values, guard=guard
        )
        filled = (
            np.zeros_like(out) if tangent is None else own(tangent)
            for out, tangent in zip(outputs, pushed, strict=True)
        )
        return rebuilt(returned[0], filled)

    outputs, _ = pushforward(traced.graph, arguments, [], known=traced.values, guard=guard)
    return rebuilt(returned[0], map(own, outputs)), push


def hvp(function: Function) -> Function:
    """``hvp(f)(x, v)`` is the Hessian of a scalar f at x times v, without forming the Hessian.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(function)
    return lambda x, v: jvp(gradient, [x], [v])[1]


def jacobian(function: Function) -> Function:
    """The derivatives of an array by an array: of the shape of the value, then of the argument.

    It is made of pushforwards, or of pullbacks where the value has fewer entries than the argument.

    >>> import numpy as np
    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[0], x[1] ** 2]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 0.],
           [0., 6.]])
    """

    @np.errstate(all="ignore")
    def matrix(x: Value) -> Value:
        chosen = Chosen.of((x,), [0])
        traced = _traced(function, chosen.leaves)
        if len(chosen.leaves) != 1 or not traced.single:
            raise ShapeError(
                "the Jacobian of several values",
                expected="a function of one array that gives one array",
                remedy="np.concatenate makes one array of several",
            )
        [given], out = chosen.leaves, traced.graph.outputs[0].aval
        shape, of_value = resolve_shape(aval_of(given).shape, {}), resolve_shape(out.shape, {})
        count, entries = math.prod(of_value), math.prod(shape)
        if 0 < count < entries:
            _, pull = _pullback(traced, chosen.leaves)
            units = np.reshape(np.eye(count, dtype=out.dtype), (count, *of_value))
            rows = [_filled(pull([unit], False), [given])[0] for unit in units]
            return np.reshape(np.stack(rows), (*of_value, *shape))
        units = np.reshape(np.eye(entries, dtype=given.dtype), (entries, *shape))
        held = tuple(None for _ in traced.captured)
        outputs, pushed = pushforward(
            traced.graph,
            [given, *traced.captured],
            [(unit, *held) for unit in units],
            known=traced.values,
            guard=_guard(traced, chosen.leaves),
        )
        columns = [np.zeros_like(outputs[0]) if one is None else one for (one,) in pushed]
        return np.reshape(np.stack(columns, axis=-1), (*of_value, *shape))

    return matrix


def hessian(function: Function) -> Function:
    """The second derivatives of a scalar function of an array: its shape, and its shape again.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 3.0]))
    array([[0., 6.],
           [6., 2.]])
    """
    return jacobian(grad(function))


def _pair(result: Any) -> tuple[Value, Any]:
    """What a function with further results returned."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ShapeError(
            f"with has_aux, the function returned a {type(result).__name__}",
            expected="a pair (value, further results)",
        )
    return result


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


def _filled(cotangents: Cotangents, arguments: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(
        np.zeros_like(argument) if ct is None else own(ct)
        for argument, ct in zip(arguments, cotangents, strict=True)
    )
