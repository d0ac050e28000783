"""Memory planning: which ufunc of a tile writes into which buffer.

Buffers are handed out along the line of equations and taken back after the last reader of the
value, or of a view of it. A value that leaves the tile gets no buffer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from optserve.graph.aval import Array, Aval, resolve_shape
from optserve.graph.graph import Atom, Graph, Var

__all__ = ["plan_buffers"]

_VIEWS = frozenset({"reshape", "transpose", "slice", "broadcast_to", "identity", "probe"})
"""Primitives whose result may share the memory of their operand."""


def plan_buffers(graph: Graph, rows: Mapping[str, int]) -> dict[int, Array]:
    """For each equation that may write into a buffer, by its position, the buffer."""
    owner = _owners(graph)
    last_read = _last_reads(graph, owner)
    free: dict[tuple[tuple[int, ...], str], list[Array]] = defaultdict(list)
    held: dict[Var, Array] = {}
    targets: dict[int, Array] = {}
    for position, equation in enumerate(graph.equations):
        result = equation.results[0]
        key = (resolve_shape(result.aval.shape, rows), result.aval.dtype.str)
        is_ufunc = isinstance(equation.primitive.impl, np.ufunc)
        if is_ufunc and key[0] and last_read.get(result) != _LEAVES:
            pool = free[key]
            held[result] = targets[position] = pool.pop() if pool else _buffer(key[0], result.aval)
        for variable in {owner[v] for v in _variables(equation.operands)} | {result}:
            if last_read.get(variable, position) == position and variable in held:
                buffer = held.pop(variable)
                free[(buffer.shape, buffer.dtype.str)].append(buffer)
    return targets


_LEAVES = -1
"""In place of a position: the value is an output."""


def _owners(graph: Graph) -> dict[Var, Var]:
    """For each variable the one whose memory it may share: itself, or what it is a view of."""
    owner = {variable: variable for variable in graph.inputs}
    for equation in graph.equations:
        source = _variables(equation.operands)
        for variable in equation.results:
            is_view = equation.primitive.name in _VIEWS and source
            owner[variable] = owner[source[0]] if is_view else variable
    return owner


def _last_reads(graph: Graph, owner: Mapping[Var, Var]) -> dict[Var, int]:
    """The position of the last equation that reads each owner, or ``_LEAVES``."""
    last: dict[Var, int] = {}
    for position, equation in enumerate(graph.equations):
        for variable in _variables(equation.operands):
            last[owner[variable]] = position
    for variable in _variables(graph.outputs):
        last[owner[variable]] = _LEAVES
    return last


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [atom for atom in atoms if isinstance(atom, Var)]


def _buffer(shape: tuple[int, ...], aval: Aval) -> Array:
    return np.empty(shape, aval.dtype)
