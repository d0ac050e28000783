"""Which entries of the outputs of a graph depend on which entries of its inputs.

One walk over the graph, with a set of coordinates in place of each number. What is elementwise
joins the sets of its operands; what moves entries, or picks them by whole numbers that are known,
moves their sets; of anything else the axis rule tells along which axes entries stay apart, and all
along the others are joined. So a set may hold too much, and never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Atom, Equation, Graph, Literal
from optserve.graph.interpret import bind_rows, computed, resolved
from optserve.transforms.expand import expand

__all__ = ["dependence", "sole_dependence"]

LARGEST = 1 << 22
"""Bytes of all sets of one value up to which they are kept apart."""

CoordinateSets = Array
"""A set for each entry of a value (..., width), as bits: those of its coordinates together."""


def dependence(graph: Graph, arguments: Sequence[Any], wrt: int) -> Array | None:
    """For each entry of all outputs, end to end (n,), on which entries (p,) of the first ``wrt``
    inputs it depends, truth values (n, p); ``None`` where that is too much.

    >>> from optserve.primitives.tracing import trace
    >>> where = np.array([1, 0, 1])
    >>> graph = trace(lambda x, i: np.exp(x)[i] * x[i], np.ones(3), where).graph
    >>> dependence(graph, [np.ones(3), where], 1).astype(int)
    array([[0, 1, 0],
           [1, 0, 0],
           [0, 1, 0]])
    """
    try:
        walk = _Walk(expand(graph), arguments, wrt, _apart)
    except (_TooLargeError, NumericalFailure):
        return None
    found: Array = walk.bits(walk.size)
    return found


def sole_dependence(graph: Graph, arguments: Sequence[Any], wrt: int) -> Array | None:
    """For each entry of all outputs, end to end (n,), the number of the one entry of the first
    ``wrt`` inputs that it depends on, -1 for none; ``None`` where one depends on several.

    >>> from optserve.primitives.tracing import trace
    >>> graph = trace(lambda x: np.exp(x)[::-1], np.ones(3)).graph
    >>> sole_dependence(graph, [np.ones(3)], 1)
    array([2, 1, 0])
    """
    try:
        walk = _Walk(expand(graph), arguments, wrt, _numbered)
    except (_TooLargeError, NumericalFailure):
        return None
    digits = _digits(walk.size)
    ones, zeros = np.split(walk.bits(2 * digits), 2, axis=1)
    if (ones & zeros).any():
        return None
    found: Array = np.where((ones | zeros).any(axis=1), ones @ (1 << np.arange(digits)), -1)
    return found


def _apart(size: int) -> CoordinateSets:
    """The set of each coordinate alone: a bit each."""
    if size * size > 8 * LARGEST:
        raise _TooLargeError
    return np.packbits(np.eye(size, dtype=bool), axis=-1)


def _numbered(size: int) -> CoordinateSets:
    """The set of each coordinate alone: the digits of its number, and what these are not. Of two
    together there is one that is both."""
    ones = (np.arange(size)[:, None] >> np.arange(_digits(size)) & 1).astype(bool)
    return np.packbits(np.concatenate([ones, ~ones], axis=1), axis=-1)


def _digits(size: int) -> int:
    return max(size - 1, 1).bit_length()


class _TooLargeError(Exception):
    """The sets of a value would take too much memory."""


class _Walk:
    """The sets of the values of a graph, and the values that depend on nothing, where asked for;
    ``alone(size)`` (size, width) are those of the coordinates."""

    def __init__(
        self,
        graph: Graph,
        arguments: Sequence[Any],
        wrt: int,
        alone: Callable[[int], CoordinateSets],
    ) -> None:
        self.graph = graph
        self.rows = bind_rows(graph.inputs, arguments)
        self.makers = {result: one for one in graph.equations for result in one.results}
        self.values: dict[Atom, Any] = dict(zip(graph.inputs, arguments, strict=True))
        pieces = graph.inputs[:wrt]
        shapes = [resolve_shape(piece.aval.shape, self.rows) for piece in pieces]
        self.size = sum(map(prod, shapes))
        units = alone(self.size)
        self.width = units.shape[1]
        self.sets: dict[Atom, CoordinateSets] = {}
        first = 0
        for piece, shape in zip(pieces, shapes, strict=True):
            count = prod(shape)
            self.sets[piece] = units[first : first + count].reshape(*shape, self.width)
            first += count
        for equation in graph.equations:
            if any(atom in self.sets for atom in equation.operands):
                self._through(equation)

    def bits(self, count: int) -> Array:
        """Of the sets of all outputs, end to end, the first ``count`` bits (n, count)."""
        nothing = np.zeros(self.width, np.uint8)
        rows = []
        for atom in self.graph.outputs:
            whole = (*self._shape(atom), self.width)
            sets = np.broadcast_to(self.sets.get(atom, nothing), whole)
            rows.append(sets.reshape(-1, self.width))
        return np.unpackbits(np.concatenate(rows), axis=-1, count=count).astype(bool)

    def _shape(self, atom: Atom) -> tuple[int, ...]:
        return resolve_shape(atom.aval.shape, self.rows)

    def _value(self, atom: Atom) -> Any:
        """What a value is that depends on none of the coordinates."""
        if isinstance(atom, Literal):
            return atom.value
        if atom not in self.values:
            equation = self.makers[atom]
            operands = [self._value(operand) for operand in equation.operands]
            made = computed(equation, operands, self.rows)
            self.values.update(zip(equation.results, made, strict=True))
        return self.values[atom]

    def _through(self, equation: Equation) -> None:
        """The sets of the results of an equation."""
        shapes = [self._shape(result) for result in equation.results]
        if max(map(prod, shapes)) * self.width > LARGEST:
            raise _TooLargeError
        facts = equation.primitive.facts
        picked = equation.operands[1:] if facts.picks else ()
        if equation.primitive.kind == "elementwise":
            found = [self._aligned(equation.operands, shapes[0])]
        elif facts.moves or (facts.picks and all(one not in self.sets for one in picked)):
            found = [self._moved(equation, shapes[0])]
        else:
            found = self._apart(equation, shapes)
        self.sets.update(zip(equation.results, found, strict=True))

    def _aligned(self, operands: Sequence[Atom], shape: tuple[int, ...]) -> CoordinateSets:
        """The union of sets that broadcast against each other."""
        whole = (*shape, self.width)
        joined: CoordinateSets | None = None
        for sets in (self.sets[atom] for atom in operands if atom in self.sets):
            spread = sets.reshape(*(1,) * (len(whole) - sets.ndim), *sets.shape)
            joined = spread if joined is None else joined | spread
        assert joined is not None
        return np.broadcast_to(joined, whole)

    def _moved(self, equation: Equation, shape: tuple[int, ...]) -> CoordinateSets:
        """Sets that go where the entries do: these are replaced by their numbers, and 0 by none."""
        tables, given, first = [np.zeros((1, self.width), np.uint8)], [], 1
        picks = equation.primitive.facts.picks
        for number, atom in enumerate(equation.operands):
            if picks and number:
                given.append(self._value(atom))
                continue
            own = self._shape(atom)
            if atom in self.sets:
                count = prod(own)
                given.append(np.arange(first, first + count).reshape(own))
                tables.append(self.sets[atom].reshape(count, self.width))
                first += count
            else:
                given.append(np.zeros(own, np.int64))
        attributes = resolved(equation.attributes, self.rows)
        numbers = np.asarray(equation.primitive.impl(*given, **attributes))
        if numbers.shape != shape or numbers.dtype.kind != "i":
            return self._all(equation, shape)
        found: CoordinateSets = np.concatenate(tables)[numbers]
        return found

    def _apart(self, equation: Equation, shapes: Sequence[tuple[int, ...]]) -> list[CoordinateSets]:
        """Sets of which the axis rule tells which stay apart."""
        found: list[CoordinateSets] = [np.zeros((*shape, self.width), np.uint8) for shape in shapes]
        for atom in dict.fromkeys(equation.operands):
            if atom not in self.sets:
                continue
            for number, (shape, kept) in enumerate(
                zip(shapes, self._kept(equation, atom, len(shapes)), strict=True)
            ):
                own = self.sets[atom]
                lost = tuple(axis for axis in range(own.ndim - 1) if axis not in kept)
                joined = np.bitwise_or.reduce(own, axis=lost) if lost else own
                order = np.argsort(list(kept.values())).tolist()
                joined = joined.transpose(*order, len(order))
                spread = [size if axis in kept.values() else 1 for axis, size in enumerate(shape)]
                if prod(spread) * self.width != joined.size:
                    return [self._all(equation, one) for one in shapes]
                found[number] |= joined.reshape(*spread, self.width)
        return found

    def _kept(self, equation: Equation, atom: Atom, results: int) -> list[Mapping[int, int]]:
        """For each result which axes of an operand it has, and which axis of it each is."""
        kept: list[dict[int, int]] = [{} for _ in range(results)]
        rule = equation.primitive.axes
        if equation.primitive.kind == "control" or rule is None:
            return list(kept)
        avals = [operand.aval for operand in equation.operands]
        for axis, size in enumerate(atom.aval.shape):
            alike = [
                axis if one.ndim == atom.aval.ndim and one.shape[axis] == size else None
                for one in avals
            ]
            alone = [axis if operand is atom else None for operand in equation.operands]
            for carried in (alike, alone):
                answer = rule(carried, *avals, **equation.attributes)
                answers = answer if isinstance(answer, tuple) else (answer,) * results
                whole = [one for one in answers if isinstance(one, int)]
                if len(whole) == results:
                    for own, one in zip(kept, whole, strict=True):
                        if one not in own.values():
                            own[axis] = one
                    break
        return list(kept)

    def _all(self, equation: Equation, shape: tuple[int, ...]) -> CoordinateSets:
        """The union of all sets of the operands, everywhere."""
        sets = [self.sets[atom] for atom in equation.operands if atom in self.sets]
        joined = [np.bitwise_or.reduce(one.reshape(-1, self.width), axis=0) for one in sets]
        return np.broadcast_to(np.bitwise_or.reduce(joined), (*shape, self.width))
