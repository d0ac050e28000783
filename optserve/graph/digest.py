"""A stable digest of what a graph computes: free of names, places and row counts.

Variables and row axes are numbered in order of appearance; literals count by bit pattern, so that
0.0 and -0.0, or two NaN payloads, differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Graph, Literal, Var

__all__ = ["digest", "row_names"]


def digest(graph: Graph) -> str:
    """The digest as 64 hexadecimal digits."""
    import hashlib  # takes longer than reading all of floor 0; most runs hash nothing

    hasher = hashlib.sha256()
    for token in _Numbering().graph(graph):
        hasher.update(token.encode())
        hasher.update(b"\0")
    return hasher.hexdigest()


def row_names(graph: Graph) -> tuple[str, ...]:
    """The tables whose row counts ``graph`` mentions, in the order of the digest.

    Two graphs with one digest compute the same; with the same row names too, of the same tables.
    """
    numbering = _Numbering()
    for _token in numbering.graph(graph):
        pass
    return tuple(numbering.rows)


class _Numbering:
    """Numbers variables and row names as they appear, and spells a graph with the numbers."""

    def __init__(self) -> None:
        self.variables: dict[Var, int] = {}
        self.rows: dict[str, int] = {}

    def graph(self, graph: Graph) -> Iterator[str]:
        yield "inputs"
        yield from map(self.define, graph.inputs)
        for equation in graph.equations:
            yield equation.primitive.name
            yield from map(self.atom, equation.operands)
            for key in sorted(equation.attributes):
                yield key
                yield from self.attribute(equation.attributes[key])
            yield from map(self.define, equation.results)
        yield "outputs"
        yield from map(self.atom, graph.outputs)

    def define(self, variable: Var) -> str:
        self.variables[variable] = len(self.variables)
        return f"v{self.variables[variable]}:{self.aval(variable.aval)}"

    def atom(self, atom: Atom) -> str:
        if isinstance(atom, Literal):
            value = np.asarray(atom.value)
            return f"literal {value.dtype.str} {value.tobytes().hex()}"
        return f"v{self.variables[atom]}"

    def aval(self, aval: Aval) -> str:
        return f"{aval.dtype.str}[{','.join(map(self.size, aval.shape))}]"

    def size(self, size: int | Dim) -> str:
        if not isinstance(size, Dim):
            return str(size)
        terms = sorted(size.terms, key=_degree_and_coefficient)  # an order free of names
        return "+".join(
            sorted(f"{count}*" + "*".join(self.row_numbers(names)) for names, count in terms)
        )

    def row_numbers(self, names: Iterable[str]) -> list[str]:
        return sorted(f"d{self.rows.setdefault(name, len(self.rows))}" for name in names)

    def attribute(self, value: Any) -> Iterator[str]:
        if isinstance(value, Graph):
            inner = _Numbering()
            inner.rows = self.rows
            yield "("
            yield from inner.graph(value)
            yield ")"
        elif isinstance(value, Dim):
            yield self.size(value)
        elif isinstance(value, tuple):
            yield f"tuple {len(value)}"
            for entry in value:
                yield from self.attribute(entry)
        elif isinstance(value, float):
            yield f"float {value.hex()}"
        else:
            yield f"{type(value).__name__} {value}"


def _degree_and_coefficient(term: tuple[tuple[str, ...], int]) -> tuple[int, int]:
    names, coefficient = term
    return len(names), coefficient
