"""``Graph``: a frozen program over arrays, with its digest and its text.

The digest tells what a graph computes, free of names, places and row counts. Variables and row axes
are numbered in order of appearance; literals count by bit pattern, so that 0.0 and -0.0, or two NaN
payloads, differ. The text has a line an equation: ``name:aval = primitive[attributes] operands``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Aval, aval_like
from optserve.graph.dim import Dim
from optserve.graph.facts import Labels
from optserve.graph.primitive import Primitive

__all__ = [
    "Atom",
    "Equation",
    "Graph",
    "Literal",
    "Var",
    "row_names",
    "to_text",
    "variable_names",
]


class Var:
    """A value that an equation or the caller provides. Identity is what tells two apart."""

    __slots__ = ("aval", "name")

    def __init__(self, aval: Aval, name: str = "") -> None:
        self.aval = aval
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name or 'v'}:{self.aval}"


class Literal:
    """A scalar that stands in the graph itself; its dtype gave way to its neighbours' already."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any, aval: Aval | None = None) -> None:
        if aval is None:
            value = value if isinstance(value, np.generic) else np.asarray(value)[()]
            aval = aval_like((), value.dtype)
        self.value: Any = value
        self.aval = aval

    def __repr__(self) -> str:
        return repr(self.value.item())


Atom = Var | Literal


@dataclass(frozen=True, eq=False)
class Equation:
    """``results = primitive(operands, **attributes)``, and the place that it came from.

    ``rewriting`` says how it was written, where it stands in place of another spelling.
    """

    primitive: Primitive
    operands: tuple[Atom, ...]
    attributes: Mapping[str, Any]
    results: tuple[Var, ...]
    place: Place | None = None
    rewriting: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.attributes, MappingProxyType):
            object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def of(self, operands: tuple[Atom, ...], results: tuple[Var, ...] | None = None) -> Equation:
        """This equation on other operands, and perhaps with other results."""
        made = self.results if results is None else results
        return Equation(self.primitive, operands, self.attributes, made, self.place, self.rewriting)

    @property
    def labels(self) -> Labels:
        """The letters of a sum of products; ``TypeError`` where the primitive is none."""
        contraction = self.primitive.facts.contraction
        if contraction is None:
            raise TypeError(f"{self.primitive.name} is no sum of products")
        return contraction(*(atom.aval for atom in self.operands), **self.attributes)


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, equations in order of evaluation, outputs.

    A graph has no state and no constants other than scalars: arrays enter as inputs. The number of
    rows of a table is not part of it either. It prints as readable text. ``is_simple`` is said by
    ``simplify`` of what it made, in which there is nothing more to do.
    """

    inputs: tuple[Var, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    is_simple: bool = field(init=False, default=False)

    @property
    def digest(self) -> str:
        """A hash of what the graph computes, of 64 digits; free of names, places and row counts.

        Primitives count by their names, which tell them apart within a registry."""
        return self._numbered[0]

    @property
    def computes(self) -> Hashable:
        """A key that only graphs have which compute the same, by the same primitives: of those that
        are made while a function is traced, or again in a notebook, several may have one name."""
        return self.digest, self._numbered[2]

    @cached_property
    def _numbered(self) -> tuple[str, tuple[str, ...], tuple[Primitive, ...]]:
        """The digest, and the tables and the primitives in its order."""
        import hashlib  # takes longer than reading all of floor 0; most runs hash nothing

        numbering = _Numbering()
        text = "".join([f"{token}\0" for token in numbering.graph(self)])
        return (
            hashlib.sha256(text.encode()).hexdigest(),
            (*numbering.rows,),
            (*numbering.primitives,),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.computes == other.computes

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return to_text(self)

    def subgraphs(self) -> Iterator[tuple[Equation, Graph]]:
        """The graphs that stand in attributes (the body of a scan), each with its equation."""
        for equation in self.equations:
            for value in equation.attributes.values():
                if isinstance(value, Graph):
                    yield equation, value

    def all_equations(self) -> Iterator[Equation]:
        """The equations, then those of the graphs that stand in their attributes."""
        yield from self.equations
        for _, inner in self.subgraphs():
            yield from inner.all_equations()


def row_names(graph: Graph) -> tuple[str, ...]:
    """The tables whose row counts ``graph`` mentions, in the order of the digest.

    Two graphs with one digest compute the same; with the same row names too, of the same tables.
    """
    return graph._numbered[1]


class _Numbering:
    """Numbers variables and row names as they appear, and spells a graph with the numbers."""

    def __init__(self) -> None:
        self.variables: dict[Var, int] = {}
        self.rows: dict[str, int] = {}
        self.primitives: dict[Primitive, None] = {}

    def graph(self, graph: Graph) -> Iterator[str]:
        yield "inputs"
        yield from map(self.define, graph.inputs)
        for equation in graph.equations:
            self.primitives[equation.primitive] = None
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
            inner.rows, inner.primitives = self.rows, self.primitives
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


def to_text(graph: Graph, *, places: bool = False) -> str:
    """``graph`` as text; with ``places``, each line ends with where the equation was written."""
    names = variable_names(graph)

    def show(atom: Atom) -> str:
        return repr(atom) if isinstance(atom, Literal) else names[atom]

    def typed(variable: Var) -> str:
        return f"{names[variable]}:{variable.aval}"

    lines = [f"inputs  {', '.join(map(typed, graph.inputs))}"]
    for equation in graph.equations:
        results = ", ".join(map(typed, equation.results))
        options = " ".join(f"{k}={_attribute(v)}" for k, v in equation.attributes.items())
        call = equation.primitive.name + (f"[{options}]" if options else "")
        operands = " ".join(map(show, equation.operands))
        line = f"  {results} = {call} {operands}".rstrip()
        lines.append(f"{line:<72}  # {equation.place}" if places and equation.place else line)
        for value in equation.attributes.values():
            if isinstance(value, Graph):
                lines += ["      " + line for line in to_text(value, places=places).splitlines()]
    lines.append(f"outputs {', '.join(map(show, graph.outputs))}")
    return "\n".join(lines)


def variable_names(graph: Graph) -> dict[Var, str]:
    """A distinct name for each variable: its own where it has one, else a, b, ..., z, aa, ..."""
    variables = [*graph.inputs, *(v for equation in graph.equations for v in equation.results)]
    taken = {variable.name for variable in variables if variable.name}
    fresh = (name for name in _letters() if name not in taken)
    names: dict[Var, str] = {}
    used: set[str] = set()
    for variable in variables:
        own = variable.name if variable.name not in used else ""
        names[variable] = own or next(fresh)
        used.add(names[variable])
    return names


def _letters() -> Iterator[str]:
    count = 0
    while True:
        text, rest = "", count
        while True:
            text = chr(ord("a") + rest % 26) + text
            rest = rest // 26 - 1
            if rest < 0:
                break
        yield text
        count += 1


def _attribute(value: Any) -> str:
    if isinstance(value, Graph):
        return "(graph)"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return str(value).replace(" ", "")
