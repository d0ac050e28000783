"""``Made``: how a traced value was made; an equation, where a graph is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optserve.errors import Place
from optserve.graph.graph import Equation, Var
from optserve.graph.meaning import Rewriting
from optserve.graph.places import Executed, place_of
from optserve.graph.primitive import Primitive
from optserve.graph.tracer import Tracer

__all__ = ["Made"]


class Made:
    """How values were made: by which primitive, of what, and where that was written.

    ``results`` are all of its results, and ``result`` says as which of them a value was made.
    ``rewriting`` is that by which it stands in place of another spelling.
    """

    __slots__ = (
        "_equation",
        "attributes",
        "operands",
        "primitive",
        "result",
        "results",
        "rewriting",
        "written",
    )

    def __init__(
        self,
        primitive: Primitive,
        operands: tuple[Tracer, ...],
        attributes: Mapping[str, Any],
        written: Executed,
        results: tuple[Tracer, ...],
        result: int = 0,
    ) -> None:
        self.primitive = primitive
        self.operands = operands
        self.attributes = attributes
        self.written = written
        self.results = results
        self.result = result
        self.rewriting: Rewriting | None = None
        self._equation: Equation | None = None

    @property
    def place(self) -> Place | None:
        return place_of(self.written)

    @property
    def equation(self) -> Equation:
        """The same as an equation, which is made once."""
        how = self.rewriting
        label = f"{how.written} is computed as {how.computed}" if how else ""
        made = self._equation
        if made is None or made.rewriting != label:
            made = self._equation = Equation(
                self.primitive,
                tuple([operand.atom for operand in self.operands]),
                self.attributes,
                tuple([one.atom for one in self.results if isinstance(one.atom, Var)]),
                self.place,
                label,
            )
        return made
