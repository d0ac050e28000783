"""``Graph``: a frozen program over arrays. Inputs, equations in order, outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.frozen import frozen
from optserve.graph.aval import Aval
from optserve.graph.facts import Labels
from optserve.graph.primitive import Primitive

__all__ = ["Atom", "Equation", "Graph", "Literal", "Var"]


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

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)[()]
        self.aval = Aval((), self.value.dtype)

    def __repr__(self) -> str:
        return repr(self.value.item())


Atom = Var | Literal


@frozen(eq=False)
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
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    @property
    def labels(self) -> Labels:
        """The letters of a sum of products; ``TypeError`` where the primitive is none."""
        contraction = self.primitive.facts.contraction
        if contraction is None:
            raise TypeError(f"{self.primitive.name} is no sum of products")
        return contraction(*(atom.aval for atom in self.operands), **self.attributes)


@frozen(eq=False)
class Graph:
    """Inputs, equations in order of evaluation, outputs.

    A graph has no state and no constants other than scalars: arrays enter as inputs. The number of
    rows of a table is not part of it either. It prints as readable text.
    """

    inputs: tuple[Var, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]

    @cached_property
    def digest(self) -> str:
        """A hash of what the graph computes; free of names, places and row counts."""
        from optserve.graph.digest import digest

        return digest(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        from optserve.graph.printer import to_text

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
