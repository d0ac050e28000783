"""Scheduling: which nodes share a nest of loops, and which values are kept between nests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.rows.computations import (
    Access,
    Computation,
    LoopGroup,
    Space,
    result_space,
    row_major,
)
from optserve.graph.graph import Literal, Var

__all__ = ["buffers_of", "schedule"]


def _direct(access: Access, space: Space) -> bool:
    """Whether the entry that a loop over ``space`` reads is the one that it has just computed."""
    own = tuple(0 if n == 1 else s for s, n in zip(row_major(space), space, strict=True))
    return access.offset == 0 and access.row == math.prod(space) and access.over(space) == own


def schedule(
    nodes: Sequence[Computation], sources: set[Var], row_lanes: bool = False
) -> list[LoopGroup]:
    """Nodes in groups: as many as possible of one space before the next space is begun.

    With ``row_lanes`` reductions within a row share loops with others.
    """

    def fusable(node: Computation) -> bool:
        return node.fusable or (row_lanes and node.kind == "reduce")

    remaining = list(nodes)
    done = set(sources)
    groups: list[LoopGroup] = []
    while remaining:
        first = next(node for node in remaining if _ready(node, done, set()))
        group = LoopGroup(first.space)
        inside: set[Var] = set()
        later: set[Var] = set()
        progress = True
        while progress:
            progress = False
            for node in list(remaining):
                alone = not fusable(node) and bool(group.nodes)
                if node.space != group.space or alone or not _ready(node, done, inside):
                    continue
                group.nodes.append(node)
                remaining.remove(node)
                known = later if node.kind == "reduce" else inside  # whole only after the loops
                known.update({node.result} if node.result else ())
                progress = fusable(first)
                if not progress:
                    break
        done |= inside | later
        groups.append(group)
    return groups


def _ready(node: Computation, done: set[Var], inside: set[Var]) -> bool:
    for entry in node.inputs:
        if isinstance(entry, Literal) or entry.root in done:
            continue
        if not (entry.root in inside and _direct(entry, node.space)):
            return False
    return True


def buffers_of(groups: Sequence[LoopGroup], sources: set[Var]) -> dict[Var, int]:
    """Row values that a later group reads, or that no group keeps in registers."""
    buffers: dict[Var, int] = {}
    for group in groups:
        own = {node.result for node in group.nodes}
        for node in group.nodes:
            for entry in node.inputs:
                if isinstance(entry, Access) and entry.root not in own | sources:
                    buffers[entry.root] = max(1, _entry_count(entry.root, groups))
    return buffers


def _entry_count(variable: Var, groups: Sequence[LoopGroup]) -> int:
    """Entries a row of a variable that some node defines."""
    for group in groups:
        for node in group.nodes:
            if node.result is variable:
                space = result_space(node)
                return math.prod(space)
    raise Unsupported("a value without a definition")
