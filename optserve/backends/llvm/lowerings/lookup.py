"""The table of lowerings, and what the writers of native code ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optserve.backends.llvm.ir.builder import Builder, IRValue, element
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.types import register_type
from optserve.backends.llvm.mathematics.lanes import Lanes
from optserve.backends.lowering import Lowering
from optserve.errors import PluginError, ShapeError
from optserve.graph.aval import broadcast_shapes
from optserve.graph.graph import Equation, Graph
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import is_builtin
from optserve.transforms.expand import expand, with_stable_bodies
from optserve.transforms.simplify import simplify

__all__ = ["INLINED", "Lowerings", "Site", "axes_within", "axis_within"]

INLINED = 16
"""Mathematical functions up to which each is written out where it is needed: with more, the time to
compile grows faster than their number, and a call costs little beside a long loop."""


@dataclass(frozen=True)
class Site:
    """Where one entry of an equation, or lanes of them, are written.

    ``mask`` says which lanes are in use; ``None`` where all are. Long functions are calls where
    ``outlined``, else written out.
    """

    b: Builder
    equation: Equation
    outlined: bool
    mask: IRValue | None


class Lowerings:
    """Lowerings by their primitives: our ``own``, and those ``contributed`` by plugins."""

    def __init__(self, own: Iterable[Lowering], contributed: Iterable[Lowering] = ()) -> None:
        ours = {lowering.primitive: lowering for lowering in own}
        self._table = {**{one.primitive: _with_entries(one) for one in contributed}, **ours}
        self._ours = frozenset(ours)

    def of(self, primitive: Primitive) -> Lowering:
        """The lowering of a primitive; one without any form where there is none."""
        return self._found(primitive) or Lowering(primitive)

    def computes_entries(self, equation: Equation) -> bool:
        """Whether each entry of the result is made of the same entry of the operands."""
        lowering = self.of(equation.primitive)
        return lowering.entries is not None and (lowering.formula is None or _fits(equation))

    def entry(
        self,
        b: Builder,
        equation: Equation,
        given: Sequence[IRValue],
        outlined: bool,
        mask: IRValue | None = None,
    ) -> IRValue:
        """One entry, or lanes of them, of an equation that computes entries."""
        entries = self.of(equation.primitive).entries
        if entries is None:
            raise Unsupported(f"{equation.primitive} has no native form").of(equation)
        try:
            result: IRValue = entries(Site(b, equation, outlined, mask), *given)
        except Unsupported as error:
            raise error.of(equation) from None
        wanted = register_type(equation.results[0].aval.dtype)
        if element(result.type) != wanted:
            raise PluginError(
                f"the lowering of {equation.primitive} gives {element(result.type)}",
                expected=wanted,
            )
        return result

    def expanded(self, graph: Graph) -> Graph:
        """``graph`` over primitives that have lowerings, as far as bodies lead there."""
        written = expand(with_stable_bodies(graph), self._needs_body)
        return graph if written is graph else simplify(written)

    def are_ours(self, graph: Graph) -> bool:
        """Whether code for ``graph`` depends on nothing that a plugin may change."""
        mine = all(
            equation.primitive in self._ours or is_builtin(equation.primitive)
            for equation in graph.equations
        )
        return mine and all(self.are_ours(body) for _, body in graph.subgraphs())

    def _needs_body(self, primitive: Primitive) -> bool:
        return primitive.body is not None and self._found(primitive) is None

    def _found(self, primitive: Primitive) -> Lowering | None:
        known = self._table.get(primitive)
        if known is None and primitive.stands_for is not None:
            return self._table.get(primitive.stands_for)
        return known


def _with_entries(lowering: Lowering) -> Lowering:
    """A contributed lowering, whose formula is written out where entries are wanted."""
    formula = lowering.formula
    if formula is None:
        return lowering

    def entries(site: Site, *operands: IRValue) -> IRValue:
        given = [Lanes(site.b, operand) for operand in operands]
        made = formula(*given, **site.equation.attributes)
        return (made if isinstance(made, Lanes) else given[0].like(made)).value

    return replace(lowering, entries=entries)


def _fits(equation: Equation) -> bool:
    """Whether a formula holds: one result, of floats, whose entries are those of the operands."""
    [result, *more] = [variable.aval for variable in equation.results]
    given = [atom.aval for atom in equation.operands]
    if more or not given or result.dtype.kind != "f":
        return False
    try:
        shape = broadcast_shapes(*(aval.shape for aval in given))
    except ShapeError:
        return False
    return shape == result.shape and all(aval.dtype == result.dtype for aval in given)


def axis_within(
    attributes: Mapping[str, Any], carried: Sequence[int | None]
) -> Mapping[str, Any] | None:
    """What an ``axis`` is within a row, where every operand has its rows along the same one.

    >>> axis_within({"axis": 2}, (0, 0)), axis_within({"axis": 0}, (1,))
    ({'axis': 1}, {'axis': 0})
    >>> axis_within({"axis": 0}, (0, 0)) is axis_within({"axis": 2}, (0, None)) is None
    True
    """
    found = axes_within({"axis": (attributes["axis"],)}, carried)
    return found and {**attributes, "axis": found["axis"][0]}


def axes_within(
    attributes: Mapping[str, Any], carried: Sequence[int | None]
) -> Mapping[str, Any] | None:
    """The same of several axes.

    >>> axes_within({"axis": (1, 3)}, (2,))
    {'axis': (1, 2)}
    """
    rows, *others = {*carried}
    axes: tuple[int, ...] = attributes["axis"]
    if others or rows is None or rows in axes:
        return None
    return {**attributes, "axis": tuple(axis - (axis > rows) for axis in axes)}
