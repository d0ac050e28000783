"""``undeclared``: every name in an expression that means nothing, where one was met."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice

from optserve.config.expressions.scope import Scope
from optserve.config.expressions.tree import Call, Expression, Name
from optserve.errors import OptserveError, Place

__all__ = ["undeclared"]


MOST = 8
"""Names that are told of one expression; more would hide the rest of what is wrong."""


def undeclared(
    expression: Expression, scope: Scope, beside: Collection[str] = ()
) -> Iterator[OptserveError]:
    """The error for each name in ``expression`` that ``scope`` knows nothing of, where it stands
    first; of very many, for some of them.

    Nothing is said of the names ``beside``, which are known to be wrong.
    """
    yield from islice(_undeclared(expression, scope, beside), MOST)


def _undeclared(
    expression: Expression, scope: Scope, beside: Collection[str]
) -> Iterator[OptserveError]:
    seen = set(beside)
    for node in _parts(expression.root, scope):
        if isinstance(node, Call | Name):
            name = node.function if isinstance(node, Call) else node.dotted
            if name in seen:
                continue
            seen.add(name)
        if isinstance(node, Call) and not (
            scope.has_function(node.function) or scope.asks(node.function)
        ):
            yield scope.unknown_function(node.function, node.name_place, {})
        elif isinstance(node, Name) and not scope.has_function(node.dotted):
            parts = node.dotted.split(".")
            beginnings = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
            if not any(scope.has_value(one) or one in beside for one in beginnings):
                yield scope.unknown_value(node.dotted, node.place, {})


def _parts(node: object, scope: Scope) -> Iterator[object]:
    """A node and all below it, but for the names of tables and columns that are no values."""
    if isinstance(node, tuple):
        for one in node:
            yield from _parts(one, scope)
    elif isinstance(node, Call) and scope.asks(node.function):
        yield node
    elif is_dataclass(node) and not isinstance(node, Place):
        yield node
        for field in fields(node):
            yield from _parts(getattr(node, field.name), scope)
