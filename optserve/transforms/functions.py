"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``linearize``.

A function is traced with its arguments' values at hand, so that Python's ``if`` and ``for`` may
look at them, and differentiated on the spot. All of these nest: a gradient is a function like any
other. Only what is differentiated by is traced; other arguments reach the function as they are.
Infinities and NaN come out as values; no floating-point warning is given. Results are arrays of
their own: they may be changed, and so may the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import Place, ShapeError
from optserve.graph.aval import is_float, is_traced
from optserve.graph.graph import Atom, Graph
from optserve.graph.primitive import ArrayFunction, Value
from optserve.graph.trees import is_tree, leaves, rebuilt
from optserve.transforms.chosen_arguments import ChosenArguments, own
from optserve.transforms.forward import pushforward
from optserve.transforms.traced import (
    filled,
    guard_of,
    matching,
    pair_of,
    positions_of,
    pullback_of,
    traced_at,
)

__all__ = ["grad", "jvp", "linearize", "value_and_grad", "vjp"]


def value_and_grad(
    function: ArrayFunction, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> ArrayFunction:
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

    several = isinstance(argnums, Sequence)
    positions: dict[int, tuple[int, ...]] = {}

    @np.errstate(all="ignore")
    def differentiated(*arguments: Value, **keywords: Any) -> tuple[Value, Any]:
        count = len(arguments)
        if count not in positions:
            positions[count] = positions_of(argnums, count)
        chosen = ChosenArguments.of(arguments, positions[count])
        further: list[Any] = []

        def of_leaves(*values: Value) -> Any:
            result = function(*chosen.arguments(values), **keywords)
            if not has_aux:
                return result
            value, aux = pair_of(result)
            further.append(aux)
            return (value, *(leaf for leaf in leaves(aux) if is_traced(leaf)))

        traced = traced_at(of_leaves, chosen.leaves)
        aval = traced.outputs[0].aval
        if not (traced.single or has_aux) or aval.size != 1:
            what = f"shape {aval.shape}" if traced.single or has_aux else "several parts"
            raise ShapeError(
                f"the gradient of a value of {what}",
                place=_place_of(traced.graph.outputs[0], traced.graph),
                expected="a function that returns one scalar",
                remedy="sum or average it",
            )
        outputs, pullback = pullback_of(traced, chosen.leaves)
        seed = None  # of a count, which does not vary
        if is_float(aval.dtype):
            seed = aval.dtype.type(1.0)
            seed = np.reshape(seed, aval.shape) if aval.ndim else seed
        rest = [None] * (len(outputs) - 1)
        gradients = chosen.trees(filled(pullback([seed, *rest], False), chosen.leaves))
        traced.trace.release()
        value = own(outputs[0])
        gradient = gradients if several else gradients[0]
        if not has_aux:
            return value, gradient
        known = iter(map(own, outputs[1:]))
        aux = [next(known) if is_traced(leaf) else leaf for leaf in leaves(further[0])]
        return (value, rebuilt(further[0], aux)), gradient

    return differentiated


def grad(
    function: ArrayFunction, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> ArrayFunction:
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
    function: ArrayFunction, *arguments: Value
) -> tuple[Value, Callable[[Value], tuple[Value, ...]]]:
    """The value of ``function``, and the pullback from its cotangent to those of all arguments.

    The pullback may be called any number of times. Arguments and the value may be trees, whose form
    the cotangents have. An argument that is ``None`` has the cotangent ``None``.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> tuple(map(float, pullback(1.0)))
    (3.0, 2.0)
    """
    chosen = ChosenArguments.of(arguments, range(len(arguments)))
    returned: list[Any] = []

    def of_leaves(*values: Value) -> list[Value]:
        returned.append(function(*chosen.arguments(values)))
        return leaves(returned[0])

    traced = traced_at(of_leaves, chosen.leaves)
    outputs, pull = pullback_of(traced, chosen.leaves)

    @np.errstate(all="ignore")
    def pullback(cotangent: Value) -> tuple[Value, ...]:
        given = leaves(cotangent) if is_tree(returned[0]) else [cotangent]
        cotangents = pull(matching("cotangent", given, outputs), False)
        return chosen.trees(filled(cotangents, chosen.leaves))

    return rebuilt(returned[0], map(own, outputs)), pullback


@np.errstate(all="ignore")
def jvp(
    function: ArrayFunction, primals: Sequence[Value], tangents: Sequence[Value]
) -> tuple[Value, Value]:
    """The value of ``function`` at ``primals`` and its derivative along ``tangents``.

    An argument whose tangent is ``None`` does not vary, and may be anything. Arguments and the
    value may be trees, whose form the tangents have.

    >>> jvp(lambda x: x * x, [3.0], [1.0])
    (np.float64(9.0), np.float64(6.0))
    """
    value, push = _linearized(function, primals, tangents)
    return value, push(tangents)


def linearize(function: ArrayFunction, *primals: Value) -> tuple[Value, ArrayFunction]:
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
    function: ArrayFunction, primals: Sequence[Value], varying: Sequence[Value]
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
    chosen = ChosenArguments.of(primals, [i for i, one in enumerate(varying) if one is not None])
    returned: list[Any] = []

    def of_leaves(*values: Value) -> list[Value]:
        returned.append(function(*chosen.arguments(values)))
        return leaves(returned[0])

    traced = traced_at(of_leaves, chosen.leaves)
    arguments, guard = [*chosen.leaves, *traced.captured], guard_of(traced, chosen.leaves)

    @np.errstate(all="ignore")
    def push(tangents: Sequence[Value]) -> Value:
        given = matching("tangent", chosen.tangents(tangents), chosen.leaves)
        direction = (*given, *(None for _ in traced.captured))
        outputs, [pushed] = pushforward(
            traced.graph, arguments, [direction], known=traced.values, guard=guard
        )
        return rebuilt(returned[0], filled(pushed, outputs))

    outputs, _ = pushforward(traced.graph, arguments, [], known=traced.values, guard=guard)
    return rebuilt(returned[0], map(own, outputs)), push


def _place_of(output: Atom, graph: Graph) -> Place | None:
    """Where the value was computed that the graph returns."""
    makers = (equation.place for equation in graph.equations if output in equation.results)
    return next(makers, None)
