"""``where``'s comparisons of a column with a text: ``sex == "male"``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from optserve.config.data.columns import Levels, TakenColumn
from optserve.config.expressions import Expression
from optserve.config.expressions.tree import Constant, ExpressionNode, Link, Name, Operation
from optserve.config.schema.table import Column
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.cells import composed

__all__ = ["TextTest", "text_tests"]

_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "!=": operator.ne}


class TextTest(NamedTuple):
    """A comparison of the values of a column with a text; ``name`` stands for its outcome."""

    name: str
    column: TakenColumn
    symbol: str
    text: str
    place: Place

    def of(self, texts: Array, levels: Levels) -> Array:
        """Of which ``texts`` (rows,) it holds; raises ``ConfigError`` where it is no level."""
        if self.text not in levels:
            raise ConfigError(
                f"{self.text!r} is no value of {self.column.name}",
                place=self.place,
                expected=f"one of {choices(list(levels))}",
                remedy=did_you_mean(self.text, list(levels)),
                code="unknown-value",
            )
        return np.asarray(_COMPARED[self.symbol](texts, self.text), dtype=bool)


def text_tests(
    where: Expression, columns: Mapping[str, TakenColumn]
) -> tuple[Expression, tuple[TextTest, ...]]:
    """``where`` with names in place of the comparisons of ``columns`` with texts, and these."""
    tests: list[TextTest] = []

    def without(node: Any) -> Any:
        if isinstance(node, Operation):
            first, *rest = node.steps
            if _is_text(node.first) or _is_text(first.operand):
                tests.append(_test(node.first, first, columns, len(tests)))
                name = Name(tests[-1].name, first.place)
                return without(replace(node, first=name, steps=tuple(rest))) if rest else name
            if text := next((step.operand for step in rest if _is_text(step.operand)), None):
                raise _nothing_else(text.place)
        if is_dataclass(node) and not isinstance(node, type | Place):
            inner = {one.name: without(getattr(node, one.name)) for one in fields(node)}
            return replace(node, **inner)
        return tuple(map(without, node)) if isinstance(node, tuple) else node

    root = without(where.root)
    return replace(where, root=root), tuple(tests)


def _is_text(node: ExpressionNode) -> bool:
    return isinstance(node, Constant) and isinstance(node.value, str)


def _nothing_else(place: Place) -> ConfigError:
    return ConfigError(
        "a text is compared with a column and nothing else",
        place=place,
        expected='the name of a column and a text, such as sex == "male"',
        code="wrong-operand",
    )


def _test(
    left: ExpressionNode, step: Link, columns: Mapping[str, TakenColumn], number: int
) -> TextTest:
    """The comparison of ``left`` with what ``step`` compares it with, one of which is a text."""
    named, text = (step.operand, left) if _is_text(left) else (left, step.operand)
    if not isinstance(named, Name) or not isinstance(text, Constant):
        raise _nothing_else(named.place)
    if named.dotted not in columns:
        raise ConfigError(
            f"there is no column '{named.dotted}'",
            place=named.place,
            expected=f"one of {choices(list(columns))}",
            remedy=did_you_mean(named.dotted, list(columns)),
            code="unknown-column",
        )
    column = columns[named.dotted]
    return TextTest(
        f"#{number}",
        _as_texts(column, named, text),
        step.symbol,
        composed(str(text.value)),
        text.place,
    )


def _as_texts(column: TakenColumn, named: Name, text: Constant) -> TakenColumn:
    """The column as a category, which it is or may be read as."""
    settings = column.settings
    if column.matrix:
        raise ConfigError(
            f"{named.dotted} is a matrix",
            place=named.place,
            expected="a column to compare",
            code="wrong-operand",
        )
    if column.is_category:
        return column
    if "as_" in settings.model_fields_set:
        raise ConfigError(
            f"{named.dotted} is read as {settings.as_}, and {text.value!r} is a text",
            place=text.place,
            expected="a number",
            remedy="write the number without quotes, or read the column with `as: category`",
            code="wrong-operand",
        )
    return column._replace(settings=Column.model_construct(take=settings.take, as_="category"))
