"""How long the code of a program may become: which values stand in registers, entry by entry."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optserve.backends.llvm.lowerings.lookup import INLINED, Lowerings
from optserve.graph.graph import Equation, Graph
from optserve.primitives.map_reduce import map_reduce

__all__ = ["SizePlan", "plan_of"]

MOST_ENTRIES = (64, 16, 4, 1)
"""Entries of the largest value in registers: the first that keeps the code short enough."""
LONGEST = 4_000
"""Instructions that may come from values in registers."""
FUNCTION_LENGTH = 30
BODY_LENGTH = 6


@dataclass(frozen=True)
class SizePlan:
    """The largest number of entries of a value in registers; whether functions are called."""

    registers: int
    outlined: bool


def plan_of(graph: Graph, lowerings: Lowerings) -> SizePlan:
    """The plan for a graph; a function of the graph and of the lowerings alone."""
    for registers in MOST_ENTRIES:
        if _length(graph, registers, lowerings) <= LONGEST:
            break
    return SizePlan(registers, _functions(graph, registers, lowerings) > INLINED)


def _length(graph: Graph, registers: int, lowerings: Lowerings) -> int:
    """About how many instructions unrolling makes."""
    total = 0
    for equation in graph.equations:
        primitive = equation.primitive
        if primitive.facts.contraction is not None:
            total += _products(equation, registers)
        elif lowerings.of(primitive).function:
            total += FUNCTION_LENGTH * _entries(equation, registers)
        elif primitive.body is not None:
            total += BODY_LENGTH * _entries(equation, registers)
        elif primitive is not map_reduce:
            total += _entries(equation, registers)
            total += sum(_length(body, registers, lowerings) for body in _bodies(equation))
    return total


def _functions(graph: Graph, registers: int, lowerings: Lowerings) -> int:
    """How often a mathematical function is written."""
    total = 0
    for equation in graph.equations:
        if lowerings.of(equation.primitive).function:
            total += max(1, _entries(equation, registers))
        elif equation.primitive is not map_reduce:
            total += sum(_functions(body, registers, lowerings) for body in _bodies(equation))
    return total


def _entries(equation: Equation, registers: int) -> int:
    """Entries of the largest operand or result in registers."""
    sizes = [value.aval.size for value in (*equation.operands, *equation.results)]
    return max((n for n in sizes if isinstance(n, int) and n <= registers), default=0)


def _products(equation: Equation, registers: int) -> int:
    sizes = [value.aval.size for value in (*equation.operands, *equation.results)]
    known = [n for n in sizes if isinstance(n, int) and n <= registers]
    return math.prod(known) if len(known) == len(sizes) else 0


def _bodies(equation: Equation) -> list[Graph]:
    return [value for value in equation.attributes.values() if isinstance(value, Graph)]
