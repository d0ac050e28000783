"""The checked tree of an expression: frozen values, each with the place it was written at.

A tree holds nothing that the language does not have, so what walks it needs no refusals. Chains of
binary operations are flat: a sum of a thousand terms is one node, not a thousand levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType

from optserve.config.expressions.expression_text import Text
from optserve.errors import Place

__all__ = [
    "LARGEST_INTEGER",
    "Attribute",
    "Call",
    "Constant",
    "Expression",
    "ExpressionNode",
    "Link",
    "Listing",
    "Name",
    "Operation",
    "Prefix",
    "Range",
    "Subscript",
    "Tupling",
]


LARGEST_INTEGER = 2**53
"""Integers up to here are float64 numbers too; a larger one is the float64 nearest to it."""


@dataclass(frozen=True)
class Constant:
    """A number, or where the language allows them a string, a truth value, ``None`` or ``...``."""

    value: complex | bool | str | EllipsisType | None
    place: Place


@dataclass(frozen=True)
class Name:
    """A name with all its dots, ``layer1.W.T``; what of it is declared only a scope can say."""

    dotted: str
    place: Place


@dataclass(frozen=True)
class Attribute:
    """``value.T`` or ``value.shape`` of something that is not a name."""

    value: ExpressionNode
    attribute: str
    place: Place


@dataclass(frozen=True)
class Call:
    """``function(*arguments, **keywords)``; ``name_place`` is where the function's name stands."""

    function: str
    arguments: tuple[ExpressionNode, ...]
    keywords: tuple[tuple[str, ExpressionNode], ...]
    place: Place
    name_place: Place


@dataclass(frozen=True)
class Prefix:
    """``-operand``, ``+operand`` or ``~operand``."""

    symbol: str
    operand: ExpressionNode
    place: Place


@dataclass(frozen=True)
class Link:
    """One more operation of a chain; ``place`` covers the chain up to and including it."""

    symbol: str
    operand: ExpressionNode
    place: Place


@dataclass(frozen=True)
class Operation:
    """``first`` and then, from left to right, each step applied to what came before."""

    first: ExpressionNode
    steps: tuple[Link, ...]
    place: Place


@dataclass(frozen=True)
class Tupling:
    """``(a, b)``."""

    entries: tuple[ExpressionNode, ...]
    place: Place


@dataclass(frozen=True)
class Listing:
    """``[a, b]``, which stacks its entries."""

    entries: tuple[ExpressionNode, ...]
    place: Place


@dataclass(frozen=True)
class Range:
    """``start:stop:step`` in a subscript."""

    start: ExpressionNode | None
    stop: ExpressionNode | None
    step: ExpressionNode | None
    place: Place


@dataclass(frozen=True)
class Subscript:
    """``value[indices]``; ``single`` where one index was written without a comma."""

    value: ExpressionNode
    indices: tuple[ExpressionNode | Range, ...]
    place: Place


ExpressionNode = (
    Constant | Name | Attribute | Call | Prefix | Operation | Tupling | Listing | Subscript
)


@dataclass(frozen=True)
class Expression:
    """A parsed expression: a value that can be compared, hashed and kept.

    ``calls`` are the names in call position, ``names`` all others with all their dots as written.
    Some of ``names`` may turn out to be functions passed by name: ``step`` in ``scan(step, s, k)``.
    """

    text: Text
    root: ExpressionNode
    calls: frozenset[str]
    names: frozenset[str]

    @property
    def place(self) -> Place:
        """Where the expression stands."""
        return self.root.place

    def __str__(self) -> str:
        return self.text.text
