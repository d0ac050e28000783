"""Regions: the part of a graph that has to do with the rows of one table.

A region holds the equations on the rows of the table, and whatever stands between two of them: it
is convex. What a transform does for one table it does within the region, so that a graph over many
tables is walked once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var

__all__ = ["by_table", "regions"]

Transform = Callable[[Graph, Dim], Graph]
"""(graph, table) -> graph, which only changes equations of the region of the table."""


def regions(graph: Graph, tables: Sequence[Dim]) -> Iterator[Graph]:
    """The region of each table as a graph, whose inputs are made elsewhere.

    What joins the rows of several tables is in the region of each.
    """
    if len(tables) == 1:
        yield graph
        return
    masks, readers = _masks(graph, tables, joins=True), _readers(graph)
    for number in range(len(tables)):
        members = [at for at, mask in enumerate(masks) if mask >> number & 1]
        yield _region(graph, members, readers)


def by_table(graph: Graph, tables: Sequence[Dim], transform: Transform) -> Graph:
    """``graph``, transformed for each table in turn.

    Tables whose regions have nothing in common are transformed side by side, the others one after
    another, as is everything where that would make values that wait for each other.
    """
    if len(tables) < 2:
        return transform(graph, tables[0]) if tables else graph
    masks = _masks(graph, tables)
    apart = (1 << len(tables)) - 1
    for mask in masks:
        if mask & (mask - 1):
            apart &= ~mask
    alone = [table for number, table in enumerate(tables) if apart >> number & 1]
    found = _side_by_side(graph, alone, tables, masks, transform)
    if found is None:
        found, alone = graph, []
    for table in tables:
        if table not in alone:
            found = _one(found, table, transform)
    return found


def _side_by_side(
    graph: Graph,
    alone: Sequence[Dim],
    tables: Sequence[Dim],
    masks: Sequence[int],
    transform: Transform,
) -> Graph | None:
    """``graph``, transformed for tables whose regions are apart; ``None`` where they wait for each
    other."""
    numbers = {1 << number: table for number, table in enumerate(tables) if table in alone}
    members: dict[Dim, list[int]] = {table: [] for table in alone}
    outside: list[tuple[int, Equation]] = []
    for at, (equation, mask) in enumerate(zip(graph.equations, masks, strict=True)):
        if mask in numbers:
            members[numbers[mask]].append(at)
        else:
            outside.append((at, equation))
    readers = _readers(graph)
    made, instead = outside, dict[Var, Atom]()
    for table, inside in members.items():
        if not inside:
            continue
        region = _region(graph, inside, readers)
        new = transform(region, table)
        instead.update(_renamed(region, new))
        made += [(inside[0], equation) for equation in new.equations]
    return _in_order(graph, made, instead)


def _one(graph: Graph, table: Dim, transform: Transform) -> Graph:
    """``graph``, transformed for one table alone."""
    masks = _masks(graph, [table])
    members = [at for at, mask in enumerate(masks) if mask]
    if not members:
        return graph
    region = _region(graph, members, _readers(graph))
    new = transform(region, table)
    inside = set(members)
    made = [(at, one) for at, one in enumerate(graph.equations) if at not in inside]
    made += [(members[0], equation) for equation in new.equations]
    found = _in_order(graph, made, _renamed(region, new))
    assert found is not None, "what is convex waits for nothing that waits for it"
    return found


def _masks(graph: Graph, tables: Sequence[Dim], *, joins: bool = False) -> list[int]:
    """For each equation the tables, a bit each, whose region it is in.

    What lays the rows of several tables end to end needs all rows of each: it ends their regions,
    unless ``joins``.
    """
    bits = {table.name: 1 << number for number, table in enumerate(tables)}
    own = [_own(equation, bits, joins) for equation in graph.equations]
    above: dict[Atom, int] = {}
    before = []
    for equation, mask in zip(graph.equations, own, strict=True):
        for atom in equation.operands:
            mask |= above.get(atom, 0)
        before.append(mask)
        for result in equation.results:
            above[result] = mask
    below: dict[Atom, int] = {}
    found = []
    for equation, mask, earlier in zip(
        reversed(graph.equations), reversed(own), reversed(before), strict=True
    ):
        for result in equation.results:
            mask |= below.get(result, 0)
        for atom in equation.operands:
            below[atom] = below.get(atom, 0) | mask
        found.append(mask & earlier)
    return found[::-1]


def _own(equation: Equation, bits: Mapping[str, int], joins: bool) -> int:
    """The tables whose rows are an axis of an operand or a result."""
    made = _axes(equation.results, bits)
    mask = made | _axes(equation.operands, bits)
    several = bool(mask & (mask - 1))
    end_to_end = several and not made and any(map(_has_rows, equation.results))
    return 0 if end_to_end and not joins else mask


def _axes(atoms: Iterable[Atom], bits: Mapping[str, int]) -> int:
    mask = 0
    for atom in atoms:
        for size in atom.aval.shape:
            if isinstance(size, Dim) and size.is_rows:
                mask |= bits.get(size.name, 0)
    return mask


def _has_rows(variable: Var) -> bool:
    return any(isinstance(size, Dim) for size in variable.aval.shape)


def _readers(graph: Graph) -> dict[Var, list[int]]:
    """The numbers of the equations that read a variable; -1 for the outputs of the graph."""
    found: dict[Var, list[int]] = {}
    for at, equation in enumerate(graph.equations):
        for atom in equation.operands:
            if isinstance(atom, Var):
                found.setdefault(atom, []).append(at)
    for atom in graph.outputs:
        if isinstance(atom, Var):
            found.setdefault(atom, []).append(-1)
    return found


def _region(graph: Graph, members: Sequence[int], readers: Mapping[Var, Sequence[int]]) -> Graph:
    """Equations as a graph: what they read and do not make enters, what others read leaves."""
    inside = set(members)
    equations = tuple(graph.equations[at] for at in members)
    made = [result for equation in equations for result in equation.results]
    own = set(made)
    read = (atom for equation in equations for atom in equation.operands)
    inputs = dict.fromkeys(a for a in read if isinstance(a, Var) and a not in own)
    outputs = [one for one in made if any(at not in inside for at in readers.get(one, ()))]
    return Graph(tuple(inputs), equations, tuple(outputs))


def _renamed(before: Graph, after: Graph) -> dict[Var, Atom]:
    """What stands in place of the outputs of a region that are other variables now."""
    pairs = zip(before.outputs, after.outputs, strict=True)
    return {old: new for old, new in pairs if isinstance(old, Var) and old is not new}


def _in_order(
    graph: Graph, made: Sequence[tuple[int, Equation]], instead: Mapping[Var, Atom]
) -> Graph | None:
    """The graph of equations ``made``, each as early as its number tells and its operands allow.

    ``instead`` holds what to read in place of variables. ``None`` where equations wait for each
    other.
    """
    equations = [_reading(equation, instead) for _, equation in made]
    maker = {result: at for at, one in enumerate(equations) for result in one.results}
    waits = []
    freed: dict[int, list[int]] = {}
    for at, equation in enumerate(equations):
        read = (maker.get(atom) for atom in equation.operands if isinstance(atom, Var))
        needed = {one for one in read if one is not None}
        waits.append(len(needed))
        for one in needed:
            freed.setdefault(one, []).append(at)
    ready = [(number, at) for at, (number, _) in enumerate(made) if not waits[at]]
    heapify(ready)
    ordered: list[Equation] = []
    while ready:
        _, at = heappop(ready)
        ordered.append(equations[at])
        for following in freed.get(at, ()):
            waits[following] -= 1
            if not waits[following]:
                heappush(ready, (made[following][0], following))
    if len(ordered) < len(equations):
        return None
    outputs = tuple(instead.get(a, a) if isinstance(a, Var) else a for a in graph.outputs)
    return Graph(graph.inputs, tuple(ordered), outputs)


def _reading(equation: Equation, instead: Mapping[Var, Atom]) -> Equation:
    if not any(atom in instead for atom in equation.operands):
        return equation
    operands = tuple(instead.get(a, a) if isinstance(a, Var) else a for a in equation.operands)
    return equation.of(operands)
