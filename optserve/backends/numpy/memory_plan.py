"""Memory planning: which ufunc of a tile writes into which buffer, and what may share memory.

Buffers are handed out along the line of equations and taken back after the last reader of the
value, or of anything that may be a view of it. A value that leaves the tile gets no buffer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var

__all__ = ["constants", "plan_buffers", "shared_outputs"]

Owners = dict[Var, frozenset[Var]]


def plan_buffers(graph: Graph, rows: Mapping[str, int]) -> dict[int, Array]:
    """For each equation that may write into a buffer, by its position, the buffer."""
    owners = _owners(graph)
    leaving = {root for variable in _variables(graph.outputs) for root in owners[variable]}
    last_read = _last_reads(graph, owners)
    free: dict[tuple[tuple[int, ...], str], list[Array]] = defaultdict(list)
    held: dict[Var, Array] = {}
    targets: dict[int, Array] = {}
    for position, equation in enumerate(graph.equations):
        result = equation.results[0]
        shape = resolve_shape(result.aval.shape, rows)
        if isinstance(equation.primitive.impl, np.ufunc) and shape and result not in leaving:
            pool = free[shape, result.aval.dtype.str]
            buffer = pool.pop() if pool else np.empty(shape, result.aval.dtype)
            held[result] = targets[position] = buffer
        read = {root for v in _variables(equation.operands) for root in owners[v]}
        for variable in read | {result}:
            if variable in held and last_read.get(variable, position) <= position:
                buffer = held.pop(variable)
                free[buffer.shape, buffer.dtype.str].append(buffer)
    return targets


def shared_outputs(graph: Graph) -> list[bool]:
    """For each output whether its memory may be an argument's, a constant's or another output's."""
    owners, constant = _owners(graph), constants(graph)
    made = {v for equation in graph.equations for v in equation.results} - constant
    seen: set[Var] = set()
    shared = []
    for atom in graph.outputs:
        roots = owners[atom] if isinstance(atom, Var) else frozenset()
        shared.append(len(roots) != 1 or not roots <= made or bool(roots & seen))
        seen |= roots
    return shared


def constants(graph: Graph) -> set[Var]:
    """The results that are the same every time: of no operands, or of what moves such values."""
    found: set[Var] = set()
    for equation in graph.equations:
        primitive, operands = equation.primitive, equation.operands
        same = all(isinstance(atom, Literal) or atom in found for atom in operands)
        if same and len(equation.results) == 1 and (primitive.facts.moves or not operands):
            found.add(equation.results[0])
    return found


def _owners(graph: Graph) -> Owners:
    """For each variable those whose memory it may share, itself among them."""
    owners: Owners = {variable: frozenset({variable}) for variable in graph.inputs}
    for equation in graph.equations:
        lent = frozenset[Var]()
        if not _is_fresh(equation):
            lent = lent.union(*(owners[v] for v in _variables(equation.operands)))
        for variable in equation.results:
            owners[variable] = lent | {variable}
    return owners


def _is_fresh(equation: Equation) -> bool:
    primitive = equation.primitive
    return isinstance(primitive.impl, np.ufunc) or primitive.facts.fresh


def _last_reads(graph: Graph, owners: Owners) -> dict[Var, int]:
    """The position of the last equation that reads each variable or what may be a view of it."""
    return {
        root: position
        for position, equation in enumerate(graph.equations)
        for variable in _variables(equation.operands)
        for root in owners[variable]
    }


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [atom for atom in atoms if isinstance(atom, Var)]
