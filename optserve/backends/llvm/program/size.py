"""How long the code of a program may become: which values stand in registers, entry by entry."""

from __future__ import annotations

import math

from optserve.backends.llvm.kernel import INLINED
from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.frozen import frozen
from optserve.graph.graph import Equation, Graph

__all__ = ["Plan", "plan_of"]

MOST_ENTRIES = (64, 16, 4, 1)
"""Entries of the largest value in registers: the first that keeps the code short enough."""
LONGEST = 4_000
"""Instructions that may come from values in registers."""
FUNCTION_LENGTH = 30
BODY_LENGTH = 6


@frozen
class Plan:
    """The largest number of entries of a value in registers; whether functions are called."""

    registers: int
    outlined: bool


def plan_of(graph: Graph) -> Plan:
    """The plan for a graph; a function of the graph alone."""
    for registers in MOST_ENTRIES:
        if _length(graph, registers) <= LONGEST:
            break
    return Plan(registers, _functions(graph, registers) > INLINED)


def _length(graph: Graph, registers: int) -> int:
    """About how many instructions unrolling makes."""
    total = 0
    for equation in graph.equations:
        name = equation.primitive.name
        if name in ("matmul", "einsum"):
            total += _products(equation, registers)
        elif name in FUNCTIONS:
            total += FUNCTION_LENGTH * _entries(equation, registers)
        elif equation.primitive.body is not None:
            total += BODY_LENGTH * _entries(equation, registers)
        elif name != "map_reduce":
            total += _entries(equation, registers)
            total += sum(_length(body, registers) for body in _bodies(equation))
    return total


def _functions(graph: Graph, registers: int) -> int:
    """How often a mathematical function is written."""
    total = 0
    for equation in graph.equations:
        if equation.primitive.name in FUNCTIONS:
            total += max(1, _entries(equation, registers))
        elif equation.primitive.name != "map_reduce":
            total += sum(_functions(body, registers) for body in _bodies(equation))
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
