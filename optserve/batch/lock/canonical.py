"""Digests of graphs that do not change with names, with the order of lines, or with that of sums.

Each value is digested with all that it is made of, so that the order of equations does not count,
nor how often something is written. Of a sum only which terms it has counts: in another order it
differs by rounding. Inputs are numbered as they are met, so that their names do not count either;
which name has which number stands beside the digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.primitives.arithmetic import add

__all__ = ["Canonical", "canonical", "digests", "text_digest"]

DIGITS = 32
"""Hexadecimal digits of a digest."""

_MODULUS = 1 << 256


@dataclass(frozen=True)
class Canonical:
    """The names of the inputs in the order in which they are met, and a digest an output."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def canonical(graph: Graph, names: Sequence[str]) -> Canonical:
    """The digests of ``graph``, whose inputs have these ``names``.

    >>> from optserve.primitives.tracing import trace
    >>> one = trace(lambda x, y: np.exp(x) + x * y + y, 0.0, 0.0).graph
    >>> other = trace(lambda y, x: x * y + y + np.exp(x), 0.0, 0.0).graph
    >>> canonical(one, ["x", "y"]) == canonical(other, ["y", "x"])
    True
    >>> canonical(one, ["x", "y"]).outputs == canonical(one, ["a", "b"]).outputs
    True
    """
    called = dict(zip(graph.inputs, names, strict=True))
    order = tuple(_met(graph, called))
    found = digests(Graph(order, graph.equations, graph.outputs))
    return Canonical(tuple(called[variable] for variable in order), found)


def digests(graph: Graph) -> tuple[str, ...]:
    """A digest an output of a graph whose inputs are told apart by their order."""
    numbers = {variable: f"input {number}" for number, variable in enumerate(graph.inputs)}
    found = _Hashes(graph, numbers)
    return tuple(f"{found.of(atom):064x}"[:DIGITS] for atom in graph.outputs)


def text_digest(*texts: str) -> str:
    """A digest of several texts."""
    return f"{_hash(texts):064x}"[:DIGITS]


def _hash(tokens: Sequence[str]) -> int:
    hasher = hashlib.sha256()
    for token in tokens:
        hasher.update(token.encode("utf-8", "surrogatepass"))
        hasher.update(b"\0")
    return int.from_bytes(hasher.digest(), "big")


class _Hashes:
    """A number for each value of a graph, given what tells its inputs apart."""

    def __init__(self, graph: Graph, inputs: Mapping[Var, str]) -> None:
        self.values = {
            variable: _hash([inputs[variable], repr(variable.aval)]) for variable in graph.inputs
        }
        self.sums: dict[Var, int] = {}
        for equation in graph.equations:
            self._add(equation)

    def of(self, atom: Atom) -> int:
        if isinstance(atom, Literal):
            value = np.asarray(atom.value)
            return _hash(["literal", value.dtype.str, value.tobytes().hex()])
        return self.values[atom]

    def _add(self, equation: Equation) -> None:
        [first, *rest] = equation.results
        if equation.primitive is add:
            terms = 0
            for atom in equation.operands:
                terms += self.sums[atom] if _continues(atom, first, self.sums) else self.of(atom)
            self.sums[first] = terms % _MODULUS
            self.values[first] = _hash(["sum", repr(first.aval), str(self.sums[first])])
            return
        tokens = [equation.primitive.name, *(str(self.of(atom)) for atom in equation.operands)]
        for key in sorted(equation.attributes):
            tokens += [key, *_spelled(equation.attributes[key])]
        for number, result in enumerate((first, *rest)):
            self.values[result] = _hash([*tokens, str(number), repr(result.aval)])


def _continues(atom: Atom, result: Var, sums: Mapping[Var, Any]) -> TypeGuard[Var]:
    """Whether the terms of ``atom`` are terms of the sum ``result``: it is a sum of its shape."""
    return isinstance(atom, Var) and atom in sums and atom.aval == result.aval


def _met(graph: Graph, names: Mapping[Var, str]) -> list[Var]:
    """The inputs as they are met, going back from the outputs one after another; terms of a sum in
    an order that does not depend on how they were added."""
    kinds = _Hashes(graph, dict.fromkeys(graph.inputs, ""))
    named = _Hashes(graph, names)
    made = {result: equation for equation in graph.equations for result in equation.results}

    def parts(variable: Var) -> list[Var]:
        equation = made.get(variable)
        if equation is None:
            return []
        if equation.primitive is not add:
            return [atom for atom in equation.operands if isinstance(atom, Var)]
        terms = dict.fromkeys(_terms(variable, made, named.sums))
        return sorted(terms, key=lambda one: (kinds.of(one), named.of(one)))

    met, seen = list[Var](), set[Var]()
    last = sorted(graph.inputs, key=names.__getitem__)
    waiting = [*reversed([atom for atom in (*graph.outputs, *last) if isinstance(atom, Var)])]
    while waiting:
        variable = waiting.pop()
        if variable in seen:
            continue
        seen.add(variable)
        if variable in names:
            met.append(variable)
        waiting += reversed(parts(variable))
    return met


def _terms(variable: Var, made: Mapping[Var, Equation], sums: Mapping[Var, int]) -> Iterator[Var]:
    """The terms of a sum, each at least once."""
    waiting, seen = [variable], {variable}
    while waiting:
        for atom in made[waiting.pop()].operands:
            if not isinstance(atom, Var) or atom in seen:
                continue
            if _continues(atom, variable, sums):
                seen.add(atom)
                waiting.append(atom)
            else:
                yield atom


def _spelled(value: Any) -> Iterator[str]:
    """An attribute, which may be a graph, as texts."""
    if isinstance(value, Graph):
        yield from ("graph", str(len(value.inputs)), *digests(value))
    elif isinstance(value, tuple):
        yield f"tuple {len(value)}"
        for entry in value:
            yield from _spelled(entry)
    elif isinstance(value, float):
        yield f"float {value.hex()}"
    elif isinstance(value, Dim | bytes):
        yield repr(value)
    else:
        yield f"{type(value).__name__} {value}"
