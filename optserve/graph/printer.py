"""A graph as readable text, a line an equation: ``name:aval = primitive[attributes] operands``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optserve.graph.graph import Atom, Graph, Literal, Var

__all__ = ["to_text", "variable_names"]


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
