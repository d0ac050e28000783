"""``ChosenArguments``: the arguments that a function is differentiated by, as leaves of trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import is_float
from optserve.graph.operands import as_operand, plain_array
from optserve.graph.primitive import Value
from optserve.graph.trees import form_of, is_tree, leaves, rebuilt

__all__ = ["ChosenArguments", "as_written", "own"]


@dataclass(slots=True)
class ChosenArguments:
    """The arguments at ``positions`` of all that are ``given``; ``leaves`` are their values.

    >>> chosen = ChosenArguments.of(({"a": 1.0, "b": 2.0}, "mode"), [0])
    >>> chosen.arguments([3.0, 4.0]), chosen.trees([5.0, 6.0])
    (({'a': 3.0, 'b': 4.0}, 'mode'), ({'a': 5.0, 'b': 6.0},))
    """

    given: tuple[Any, ...]
    positions: tuple[int, ...]
    leaves: tuple[Value, ...]
    plain: bool = False
    """Whether each of them is one value, and no tree."""

    @classmethod
    def of(cls, arguments: Sequence[Any], positions: Iterable[int]) -> ChosenArguments:
        """Those at ``positions``; raises ``ShapeError`` where one has no derivative."""
        positions = tuple(positions)
        given = list(arguments)
        are_plain = True
        for position in positions:
            given[position] = one = as_written(given[position])
            are_plain = are_plain and not is_tree(one)
        if are_plain:  # the usual case
            plain = tuple([_differentiable(given[one], one) for one in positions])
            return cls(tuple(given), positions, plain, True)
        values = [
            _differentiable(leaf, position)
            for position in positions
            for leaf in leaves(given[position])
        ]
        return cls(tuple(given), positions, tuple(values))

    def arguments(self, values: Iterable[Value]) -> tuple[Any, ...]:
        """All arguments, ``values`` being the leaves of those that are chosen."""
        full = list(self.given)
        if self.plain:
            for position, value in zip(self.positions, values, strict=True):
                full[position] = value
            return tuple(full)
        for position, tree in zip(self.positions, self.trees(values), strict=True):
            full[position] = tree
        return tuple(full)

    def trees(self, values: Iterable[Value]) -> tuple[Any, ...]:
        """Trees of the form of the chosen arguments, of these leaves."""
        if self.plain:
            return tuple(values)
        following = iter(values)
        return tuple(rebuilt(self.given[position], following) for position in self.positions)

    def tangents(self, trees: Sequence[Any]) -> list[Value]:
        """The leaves of tangents, of which there is one for each argument."""
        found: list[Value] = []
        for position in self.positions:
            tree, like = as_written(trees[position]), self.given[position]
            if form_of(tree) != form_of(like):
                raise ShapeError(
                    f"the tangent of argument {position} has another form than the argument",
                    expected="the same tuples, lists, dicts and keys",
                )
            found += leaves(tree)
        return found


def own(value: Value) -> Value:
    """``value`` itself where it is traced or a scalar; of an array a copy, which may be changed."""
    if not isinstance(value, np.ndarray):
        return value
    return np.array(value) if value.ndim else value[()]


def as_written(argument: Any) -> Any:
    """A list of numbers is an array, as NumPy takes it; other lists are trees."""
    if isinstance(argument, list) and argument and all(map(_is_number, leaves(argument))):
        with suppress(ValueError):  # of lists of different lengths
            return plain_array(argument)
    return argument


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, int | float | np.number)


def _differentiable(value: Any, position: int) -> Value:
    """A leaf to differentiate by: a traced value, or a copy; Python's numbers as floats."""
    if type(value) is np.float64:  # the usual cases
        return value
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value.copy() if value.ndim else value[()]
    if isinstance(value, int | float) and not isinstance(value, bool | np.generic):
        return np.float64(value)
    array = as_operand(value)
    if not is_float(array.dtype):
        raise ShapeError(
            f"argument {position} has dtype {array.dtype.name}",
            expected="a floating dtype to differentiate by",
            remedy="convert it with .astype(float)",
        )
    return own(array)
