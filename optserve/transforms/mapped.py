"""``vmap`` of Python functions: one that takes a value becomes one that takes many of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, aval_of, precision_of
from optserve.graph.dim import Size
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.graph.trees import leaves, rebuilt
from optserve.primitives.sums import broadcast_to
from optserve.primitives.tracing import trace
from optserve.transforms.chosen_arguments import as_written
from optserve.transforms.vmap import in_front
from optserve.transforms.vmap import vmap as graph_vmap

__all__ = ["vmap"]

InAxes = int | None | Sequence[int | None]


def vmap(
    function: Callable[..., Value], in_axes: InAxes = 0, out_axes: InAxes = 0
) -> Callable[..., Value]:
    """A function that gives what ``function`` gives of each entry along an axis, all at once.

    Parameters
    ----------
    in_axes:
        The axis of each argument along which there are many, counted from the end where it is
        negative; ``None`` for an argument that is the same for all of them, which may be anything.
        One number is that of all arguments.
    out_axes:
        Where the axis is in each result; ``None`` for a result that is the same for all of them.

    The function is traced once, on values of which only the shape is known: ``if`` cannot look at
    them (use ``np.where`` or ``cond``). Arguments and results are arrays or trees of arrays, whose
    leaves share an axis; ``out_axes`` names one for each part of a tuple. ``vmap`` nests with
    itself and with derivatives: ``vmap(grad(f))`` gives a gradient for each entry.

    Raises ``ShapeError`` where the axes do not exist, or differ in length.

    >>> import numpy as np
    >>> from optserve import grad, vmap
    >>> vmap(grad(lambda x: np.sum(x**2)))(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [6., 8.]])
    >>> vmap(np.dot, in_axes=(None, 1))(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [3.0, 1.0]]))
    array([7., 2.])
    """

    @np.errstate(all="ignore")
    def mapped(*arguments: Value, **keywords: Any) -> Value:
        axes = _listed(in_axes, len(arguments), "in_axes", "arguments")
        given = [as_written(argument) for argument in arguments]
        positions = [i for i, axis in enumerate(axes) if axis is not None for _ in leaves(given[i])]
        values = [
            as_operand(leaf)
            for axis, argument in zip(axes, given, strict=True)
            if axis is not None
            for leaf in leaves(argument)
        ]
        fronts = [
            in_front(value, _axis(axes[i], np.ndim(value), f"argument {i}"))
            for i, value in zip(positions, values, strict=True)
        ]
        size = _size(positions, fronts)
        returned: list[Any] = []

        def of_one(*entries: Value) -> list[Value]:
            following = iter(entries)
            full = [
                argument if axis is None else rebuilt(argument, following)
                for axis, argument in zip(axes, given, strict=True)
            ]
            returned.append(function(*full, **keywords))
            return leaves(returned[0])

        entries = [Aval(np.shape(value)[1:], value.dtype) for value in fronts]
        traced = trace(of_one, *entries, precision=precision_of(entries))
        operands = [*fronts, *traced.captured]
        flags = [index < len(fronts) for index in range(len(operands))]
        outputs, carried = graph_vmap(traced.graph, operands, flags, size)
        parts = returned[0] if isinstance(returned[0], tuple) else (returned[0],)
        listed = _listed(out_axes, len(parts), "out_axes", "results")
        places = [place for place, part in zip(listed, parts, strict=True) for _ in leaves(part)]
        made = [
            _placed(value, flag, place, size, index)
            for index, (value, flag, place) in enumerate(zip(outputs, carried, places, strict=True))
        ]
        return rebuilt(returned[0], made)

    return mapped


def _listed(axes: InAxes, count: int, name: str, of: str) -> list[int | None]:
    """One axis, or ``None``, for each of ``count`` values."""
    given = list(axes) if isinstance(axes, Sequence) else [axes] * count
    try:
        listed = [None if axis is None else operator.index(axis) for axis in given]
    except TypeError:
        raise ShapeError(
            f"{name} {axes!r} name no axes", expected="a whole number or None, or a tuple of them"
        ) from None
    if len(listed) != count:
        raise ShapeError(f"{name} names {len(listed)} axes for {count} {of}", expected="one each")
    return listed


def _axis(axis: int | None, ndim: int, what: str) -> int:
    assert axis is not None
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"vmap: {what} has no axis {axis}: it has {ndim}",
            expected=f"an axis from {-ndim} to {ndim - 1}" if ndim else "None, or an array",
        )
    return axis % ndim


def _size(positions: Sequence[int], values: Sequence[Value]) -> Size:
    """The number of entries, which is that of all values."""
    sizes: dict[tuple[int, Size], None] = dict.fromkeys(
        (position, np.shape(value)[0]) for position, value in zip(positions, values, strict=True)
    )
    if len({size for _, size in sizes}) != 1:
        listed = ", ".join(f"{size} of argument {position}" for position, size in sizes)
        raise ShapeError(
            f"vmap: the axes have different lengths: {listed}" if sizes else "vmap over nothing",
            expected="axes of one length",
            remedy="in_axes gives None to an argument that is the same for all entries",
        )
    return next(iter(sizes))[1]


def _placed(value: Value, carried: bool, place: int | None, size: Size, index: int) -> Value:
    """A result with the axis where it was asked for."""
    if place is None:
        if carried:
            raise ShapeError(
                f"vmap: result {index} differs between entries", expected="an axis for it to be on"
            )
        return value
    aval = aval_of(value)
    ndim = aval.ndim if carried else aval.ndim + 1
    axis = _axis(place, ndim, f"result {index}")
    if not carried:
        value = broadcast_to(value, (size, *aval.shape))
    moved = _from_front(value, axis)
    return np.array(moved) if isinstance(moved, np.ndarray) else moved


def _from_front(value: Value, axis: int) -> Value:
    if axis == 0:
        return value
    order = (*range(1, axis + 1), 0, *range(axis + 1, np.ndim(value)))
    return np.transpose(value, order)
