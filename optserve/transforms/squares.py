"""The residuals of a loss that is a sum of squares, however that is written.

A Hessian has half of the digits of a Jacobian: where columns hardly differ, it does not tell a
minimum from any other point. So it is looked for what a loss is the sum of the squares of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import precision_of
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.arithmetic import add, divide, multiply, negative, square, subtract
from optserve.primitives.comparisons import where
from optserve.primitives.sums import sum_
from optserve.primitives.tracing import body_of
from optserve.transforms.expand import expand
from optserve.transforms.reverse import vjp
from optserve.transforms.rules import recorded
from optserve.transforms.simplify import prune, simplify

__all__ = ["Squares", "squares"]

DEEP = 20
"""How many kinds of compositions are written out on the way to squares."""

MOST = 10_000
"""So many more parts than equations are read: a part that is used twice is read twice."""


@dataclass(frozen=True, eq=False)
class Squares:
    """What a loss is the sum of the squares of, but for what does not depend on the parameters.

    ``graph`` has the inputs of the loss; its outputs are the loss and the residuals.
    ``weights`` has the same inputs; its outputs are what squares are multiplied by that depends on
    data. It is a sum of squares where none of these is negative.
    """

    graph: Graph
    weights: Graph

    @property
    def count(self) -> int:
        """How many residuals there are."""
        return len(self.graph.outputs) - 1


def squares(graph: Graph, wrt: Sequence[int]) -> Squares | None:
    """The residuals of the first output of ``graph``, by the inputs ``wrt``; ``None`` where that is
    no sum of squares.

    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> x = Aval((), np.dtype(float))
    >>> rosenbrock = trace(lambda a, b: (1 - a) ** 2 + 100 * (b - a**2) ** 2 + 3, x, x).graph
    >>> print(squares(rosenbrock, [0, 1]).graph)
    inputs  a:float64[], b:float64[]
      c:float64[] = subtract 1.0 a
      d:float64[] = square c
      e:float64[] = square a
      f:float64[] = subtract b e
      g:float64[] = square f
      h:float64[] = multiply 100.0 g
      i:float64[] = add d h
      j:float64[] = add i 3.0
      k:float64[] = multiply f 10.0
    outputs j, c, k
    >>> squares(trace(lambda a, b: a**2 + np.exp(b), x, x).graph, [0, 1]) is None
    True
    """
    loss = opened = simplify(replace(graph, outputs=graph.outputs[:1]))
    compositions = set[Primitive]()
    while len(compositions) <= DEEP:
        reading = _Reading(opened, wrt)
        terms = reading.terms()
        if terms is not None:
            return _squares(loss, opened, terms) if terms else None
        closed = reading.closed
        if closed is None or closed in compositions:
            return None
        compositions.add(closed)
        opened = simplify(expand(opened, compositions.__contains__))
    return None


@dataclass(frozen=True)
class _Factor:
    """What squares are multiplied by: a number, values, and one over values; 0 where it is not
    selected."""

    number: float = 1.0
    times: tuple[Atom, ...] = ()
    over: tuple[Atom, ...] = ()
    selected: tuple[tuple[Atom, bool], ...] = ()

    def by(self, atom: Atom) -> _Factor:
        if isinstance(atom, Literal):
            return replace(self, number=self.number * float(atom.value))
        return replace(self, times=(*self.times, atom))

    def divided(self, atom: Atom) -> _Factor:
        if isinstance(atom, Literal):
            return replace(self, number=self.number / float(atom.value))
        return replace(self, over=(*self.over, atom))

    @property
    def is_number(self) -> bool:
        return not self.times and not self.over

    def value(self, values: Mapping[Atom, Value]) -> Value:
        """What it is where these are the values of ``atoms``."""
        found: Value = self.number
        for atom in self.times:
            found = found * values[atom]
        for atom in self.over:
            found = found / values[atom]
        return found

    @property
    def atoms(self) -> tuple[Atom, ...]:
        return (*self.times, *self.over, *(condition for condition, _ in self.selected))


class _Term(NamedTuple):
    """A square ``base`` squared, times a ``factor``."""

    base: Atom
    factor: _Factor


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the sum: what its entries, times a ``factor``, are summed of is to be read.

    ``maker`` is the equation that it was found in, and ``whole`` the part that this one is of.
    """

    atom: Atom
    factor: _Factor
    maker: Equation | None = None
    whole: _Part | None = None

    def makers(self) -> Iterator[Equation]:
        """The equations that it was found in, the nearest first."""
        part: _Part | None = self
        while part is not None and part.maker is not None:
            yield part.maker
            part = part.whole


class _Reading:
    """Reads a graph from its output up; ``closed`` is a composition that it could not read."""

    def __init__(self, graph: Graph, wrt: Sequence[int]) -> None:
        self.graph = graph
        self.makers = {result: one for one in graph.equations for result in one.results}
        self.closed: Primitive | None = None
        self.varies = {graph.inputs[index] for index in wrt}
        for equation in graph.equations:
            if not self.varies.isdisjoint(equation.operands):
                self.varies.update(equation.results)

    def terms(self) -> list[_Term] | None:
        """The squares whose sum the output is, summed over its entries, but for a constant."""
        found: list[_Term] = []
        open_ = [_Part(self.graph.outputs[0], _Factor())]
        for _ in range(MOST + len(self.makers)):
            if not open_:
                return found
            part = open_.pop()
            if part.atom not in self.varies or not isinstance(part.atom, Var):
                continue
            maker = self.makers.get(part.atom)
            read = None if maker is None else self._read(maker, part.atom, part.factor)
            if isinstance(read, _Term):
                found.append(read)
            elif read is not None:
                open_ += [_Part(*one, maker, part) for one in reversed(read)]
            else:
                inside = () if maker is None else (maker,)
                makers = (one for one in chain(inside, part.makers()) if _opens(one))
                self.closed = next((one.primitive for one in makers), None)
                return None
        return None

    def _read(
        self, maker: Equation, atom: Var, factor: _Factor
    ) -> _Term | list[tuple[Atom, _Factor]] | None:
        """A square, or what it is the sum of; ``None`` where it is neither."""
        primitive, operands = maker.primitive, maker.operands
        if primitive is square:
            return self._square(operands[0], factor)
        if primitive is sum_:
            alike = all(one.aval.shape == () for one in factor.atoms)
            return [(operands[0], factor)] if alike else None
        if primitive is negative:
            return [(operands[0], factor.by(Literal(-1.0)))]
        if primitive in (add, subtract):
            second = factor if primitive is add else factor.by(Literal(-1.0))
            return self._alike(atom, (operands[0], factor), (operands[1], second))
        if primitive is where and operands[0] not in self.varies:
            first, second = (
                replace(factor, selected=(*factor.selected, (operands[0], side)))
                for side in (True, False)
            )
            return self._alike(atom, (operands[1], first), (operands[2], second))
        if primitive is multiply or self._sums_products(maker):
            return self._product(maker, atom, factor)
        if primitive is divide and operands[1] not in self.varies:
            return self._alike(atom, (operands[0], factor.divided(operands[1])))
        return None

    def _square(self, base: Atom, factor: _Factor) -> _Term | None:
        return _Term(base, factor) if factor.number > 0.0 or not factor.is_number else None

    def _alike(self, atom: Var, *parts: tuple[Atom, _Factor]) -> list[tuple[Atom, _Factor]] | None:
        """The parts, each entry of which is to stand in one entry of ``atom``."""
        varying = [operand for operand, _ in parts if operand in self.varies]
        alike = all(operand.aval.shape == atom.aval.shape for operand in varying)
        return list(parts) if alike else None

    def _product(
        self, maker: Equation, atom: Var, factor: _Factor
    ) -> _Term | list[tuple[Atom, _Factor]] | None:
        one, other = maker.operands
        if one is other:
            return self._square(one, factor)
        if other in self.varies:
            one, other = other, one
        if other in self.varies:
            return None
        if maker.primitive is multiply:
            return self._alike(atom, (one, factor.by(other)))
        return [(one, factor.by(other))]

    def _sums_products(self, maker: Equation) -> bool:
        """Whether it is the sum of the products of the entries of two vectors."""
        if maker.primitive.facts.contraction is None or len(maker.operands) != 2:
            return False
        (one, other), result = maker.labels
        return one == other and len(set(one)) == len(one) and not result


def _opens(equation: Equation) -> bool:
    """Whether it is a composition of others, and not of itself."""
    if equation.primitive.body is None:
        return False
    avals = [atom.aval for atom in equation.operands]
    body = body_of(equation.primitive, avals, equation.attributes).graph
    return all(inner.primitive is not equation.primitive for inner in body.all_equations())


def _squares(loss: Graph, opened: Graph, terms: Sequence[_Term]) -> Squares:
    """The squares of ``loss``, whose compositions are written out in ``opened``."""
    factors = [term.factor for term in terms]
    needed = [*(term.base for term in terms), *(atom for one in factors for atom in one.atoms)]
    bases = replace(opened, outputs=tuple(dict.fromkeys(needed)))
    precision = precision_of(atom.aval for atom in loss.outputs)

    def known(arguments: Sequence[Value]) -> dict[Atom, Value]:
        return dict(zip(bases.outputs, vjp(bases, arguments, ())[0], strict=True))

    def residuals(*arguments: Value) -> list[Value]:
        values = known(arguments)
        return [*vjp(loss, arguments, ())[0], *(_residual(term, values) for term in terms)]

    def weights(*arguments: Value) -> list[Value]:
        values = known(arguments)
        return [one.value(values) for one in factors if not one.is_number]

    first, second = (recorded(one, loss.inputs, precision) for one in (residuals, weights))
    return Squares(prune(first), prune(second))


def _residual(term: _Term, values: Mapping[Atom, Value]) -> Value:
    found, factor = values[term.base], term.factor
    size = factor.value(values)
    if not (isinstance(size, float) and size == 1.0):
        found = found * (sqrt(size) if isinstance(size, float) else np.sqrt(size))
    for condition, side in factor.selected:
        chosen = (found, 0.0) if side else (0.0, found)
        found = np.where(values[condition], *chosen)
    return found
