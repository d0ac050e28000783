"""Jacobians and Hessians of Python functions, and their products with vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array, aval_of, is_float, is_traced, resolve_shape
from optserve.graph.primitive import ArrayFunction, Value
from optserve.graph.trees import leaves, rebuilt
from optserve.transforms.chosen_arguments import ChosenArguments, own
from optserve.transforms.forward import pushforward
from optserve.transforms.functions import grad, jvp
from optserve.transforms.rules import Cotangents
from optserve.transforms.traced import (
    filled,
    guard_of,
    matching,
    pair_of,
    positions_of,
    pullback_of,
    traced_at,
)

__all__ = ["gauss_newton_vp", "hessian", "hvp", "jacobian"]


def jacobian(
    function: ArrayFunction, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> ArrayFunction:
    """The derivatives of an array by an array: of the shape of the value, then of the argument.

    ``argnums`` and ``has_aux`` are those of ``value_and_grad``. Where the value or the argument is
    a tree of arrays, the result is the tree of the value, in which each array is the tree of its
    Jacobians. It is made of pushforwards, or of pullbacks where the value has fewer entries than
    the arguments.

    >>> import numpy as np
    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[0], x[1] ** 2]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 0.],
           [0., 6.]])
    >>> jacobian(lambda p: {"both": p["a"] * p["b"]})({"a": 2.0, "b": 3.0})
    {'both': {'a': np.float64(3.0), 'b': np.float64(2.0)}}
    """

    @np.errstate(all="ignore")
    def matrix(*arguments: Any, **keywords: Any) -> Any:
        chosen = ChosenArguments.of(arguments, positions_of(argnums, len(arguments)))
        returned: list[Any] = []

        def of_leaves(*values: Value) -> list[Value]:
            result = function(*chosen.arguments(values), **keywords)
            returned.append(pair_of(result) if has_aux else (result, None))
            value, aux = returned[0]
            return [*leaves(value), *(leaf for leaf in leaves(aux) if is_traced(leaf))]

        traced = traced_at(of_leaves, chosen.leaves)
        value, aux = returned[0]
        count = len(leaves(value))
        outs = [one.aval for one in traced.graph.outputs[:count]]
        sizes = [math.prod(resolve_shape(aval.shape, {})) for aval in outs]
        entries = sum(math.prod(resolve_shape(aval_of(one).shape, {})) for one in chosen.leaves)
        if 0 < sum(sizes) < entries:
            outputs, pull = pullback_of(traced, chosen.leaves)
            rest = (None,) * (len(outputs) - count)
            blocks = [
                _joined([filled(pull([*ct, *rest], False), chosen.leaves) for ct in units], 0)
                for units in _units(outs)
            ]
        else:
            held = (None,) * len(traced.captured)
            directions = [
                (*unit, *held)
                for units in _units([aval_of(one) for one in chosen.leaves])
                for unit in units
            ]
            outputs, pushed = pushforward(
                traced.graph,
                [*chosen.leaves, *traced.captured],
                directions,
                known=traced.values,
                guard=guard_of(traced, chosen.leaves),
            )
            columns = [filled(column[:count], outputs[:count]) for column in pushed]
            blocks = _split(columns, outputs[:count], chosen.leaves)
        shaped = (
            [
                own(np.reshape(block, (*resolve_shape(out.shape, {}), *np.shape(leaf))))
                for block, leaf in zip(row, chosen.leaves, strict=True)
            ]
            for out, row in zip(outs, blocks, strict=True)
        )
        trees = map(chosen.trees, shaped)
        made = rebuilt(value, trees if isinstance(argnums, Sequence) else (one for (one,) in trees))
        if not has_aux:
            return made
        known = iter(map(own, outputs[count:]))
        further = [next(known) if is_traced(leaf) else leaf for leaf in leaves(aux)]
        return made, rebuilt(aux, further)

    return matrix


def _units(avals: Sequence[Any]) -> Iterator[list[Cotangents]]:
    """For each of several arrays all unit vectors, each with nothing for the others."""
    for i, aval in enumerate(avals):
        shape = resolve_shape(aval.shape, {})
        size = math.prod(shape)
        dtype = aval.dtype if is_float(aval.dtype) else np.float64
        units: Array = np.reshape(np.eye(size, dtype=dtype), (size, *shape))
        others = [None] * len(avals)
        yield [(*others[:i], unit[()], *others[i + 1 :]) for unit in units]


def _joined(rows: Sequence[Sequence[Value]], axis: int) -> list[Value]:
    """The columns of a table of arrays, each as one array."""
    return [np.stack(column, axis=axis) for column in zip(*rows, strict=True)]


def _split(
    columns: Sequence[Sequence[Value]], outputs: Sequence[Value], wrt: Sequence[Value]
) -> list[list[Value]]:
    """The blocks of each output, of tangents along all entries of what is differentiated by."""
    if not columns:
        return [
            [np.zeros((*np.shape(out), *np.shape(one)), aval_of(out).dtype) for one in wrt]
            for out in outputs
        ]
    blocks: list[list[Value]] = [[] for _ in outputs]
    at = 0
    for one in wrt:
        size = math.prod(np.shape(one))
        for row, out, column in zip(blocks, outputs, zip(*columns, strict=True), strict=True):
            part = column[at : at + size]
            empty = np.zeros((*np.shape(out), 0), aval_of(out).dtype)
            row.append(np.stack(part, axis=-1) if part else empty)
        at += size
    return blocks


def hessian(
    function: ArrayFunction, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> ArrayFunction:
    """The second derivatives of a scalar function of an array: its shape, and its shape again.

    ``argnums``, ``has_aux`` and trees are as for ``jacobian``, of the gradient.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 3.0]))
    array([[0., 6.],
           [6., 2.]])
    """
    return jacobian(grad(function, argnums, has_aux), argnums, has_aux)


def hvp(function: ArrayFunction) -> ArrayFunction:
    """``hvp(f)(x, v)`` is the Hessian of a scalar f at x times v, without forming the Hessian.

    Further arguments and keywords of f follow: ``hvp(f)(x, v, data)``. ``x`` and ``v`` may be trees
    of one form.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(function)

    def product(x: Any, v: Any, *more: Any, **keywords: Any) -> Any:
        return jvp(lambda x: gradient(x, *more, **keywords), [x], [v])[1]

    return product


def gauss_newton_vp(function: ArrayFunction, loss: ArrayFunction | None = None) -> ArrayFunction:
    """``gauss_newton_vp(f)(x, v)`` is J.T @ J @ v with the Jacobian J of f at x, which is not
    formed.

    With a scalar ``loss`` of what f gives it is J.T @ H @ J @ v, with the Hessian H of the loss:
    the Hessian of ``loss(f(x))`` but for what the curvature of f adds, and never indefinite where
    the loss is convex. Further arguments and keywords of f follow ``v``.

    Source: Schraudolph, Fast curvature matrix-vector products, Neural Computation 14 (2002), 1723.

    >>> import numpy as np
    >>> residuals = lambda b, t: b[0] * np.exp(-b[1] * t)
    >>> b, v, t = np.array([2.0, 0.5]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    >>> gauss_newton_vp(residuals)(b, v, t).round(4)
    array([ 1.3679, -0.7358])
    """

    @np.errstate(all="ignore")
    def product(x: Any, v: Any, *more: Any, **keywords: Any) -> Any:
        chosen = ChosenArguments.of((x,), [0])
        returned: list[Any] = []

        def of_leaves(*values: Value) -> list[Value]:
            returned.append(function(*chosen.arguments(values), *more, **keywords))
            return leaves(returned[0])

        traced = traced_at(of_leaves, chosen.leaves)
        outputs, pull = pullback_of(traced, chosen.leaves)
        tangents = matching("vector", chosen.tangents([v]), chosen.leaves)
        _, [pushed] = pushforward(
            traced.graph,
            [*chosen.leaves, *traced.captured],
            [(*tangents, *(None for _ in traced.captured))],
            known=traced.values,
            guard=guard_of(traced, chosen.leaves),
        )
        cotangents = list(filled(pushed, outputs))
        if loss is not None:
            value, along = (rebuilt(returned[0], one) for one in (outputs, cotangents))
            cotangents = leaves(hvp(loss)(value, along))
        [back] = chosen.trees(filled(pull(cotangents, False), chosen.leaves))
        return back

    return product
