"""What expressions ask of tables: ``rows(t)``, ``row(t)`` and ``levels(g)``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.config.data.table import DataTable
from optserve.config.expressions import Value
from optserve.config.scope import Tables
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array

__all__ = ["Sizes", "asked"]


@dataclass(frozen=True)
class Sizes:
    """Answers what an expression asks of a table or a column by name.

    ``numbers`` holds, by table, the numbers of its rows as a traced value.
    """

    tables: Tables
    numbers: Mapping[str, Value]

    def __call__(self, word: str, name: str, place: Place, /) -> Value:
        """``word(name)``; raises ``ConfigError`` where there is no such thing."""
        try:
            if word == "levels":
                return levels_of(self.tables, *self._column(name))
            table = self._table(name)
            if word == "rows":
                return rows_of(self.tables, table)
            if not table.has_rows:
                raise ConfigError(
                    f"the rows of {table.name} are no rows of data: it says `rows: false`",
                    remedy=f"arange(rows({table.name})) counts its entries",
                    code="wrong-call",
                )
            return self.numbers[table.name]
        except ConfigError as error:
            raise error if error.place else error.at(place) from None

    def _table(self, name: str) -> DataTable:
        known = {table.name: table for table in self.tables.tables}
        if name in known:
            return known[name]
        raise ConfigError(
            f"no table is called '{name}'",
            expected=f"a table: {choices(known)}" if known else "a table: there is no `data`",
            remedy=did_you_mean(name, known),
            code="unknown-value",
        )

    def _column(self, name: str) -> tuple[DataTable, str]:
        categories = _categories(self.tables)
        if name in categories:
            return categories[name]
        if any(one.name == name for one in self.tables.columns()):
            raise ConfigError(
                f"'{name}' is no category",
                remedy=f"columns: {{{name}: {{as: category}}}}",
                code="wrong-call",
            )
        raise ConfigError(
            f"no category is called '{name}'",
            expected=f"a column of categories: {choices(categories)}"
            if categories
            else "a column with `as: category`",
            remedy=did_you_mean(name, categories),
            code="unknown-column",
        )


def _categories(tables: Tables) -> Mapping[str, tuple[DataTable, str]]:
    """The columns of categories by the names that they have in expressions."""
    found = {}
    for one in tables.columns():
        taken = one.table.columns.get(one.column)
        if taken is not None and taken.is_category and not taken.matrix:
            found[one.name] = one.table, one.column
    return found


def asked(words: Iterable[str], tables: Tables) -> Hashable:
    """What a config that uses these ``words`` depends on of the data: it is compiled for it."""
    used = set(words)
    rows = [_or_none(rows_of, tables, one) for one in tables.tables] if used & {"rows"} else []
    categories = _categories(tables).values() if used & {"levels"} else ()
    levels = [_or_none(levels_of, tables, *one) for one in categories]
    return (*rows,), (*levels,)


def _or_none(function: Callable[..., int], *arguments: Any) -> int | None:
    try:
        return function(*arguments)
    except ConfigError:
        return None


def rows_of(tables: Tables, table: DataTable) -> int:
    """How many rows of a table are used, of all splits; how many it has, where it has no rows of
    data."""
    _check_known("rows", table)
    selection = table.selection
    if selection is None:
        return table.frame.rows
    return tables.counted.of(
        ("rows", table.name), lambda: selection.read(table, (), np.dtype(np.float64)).used
    )


def levels_of(tables: Tables, table: DataTable, column: str) -> int:
    """How many levels a category has: those that are listed, or else the different texts that the
    column holds, in the rows that `where` leaves out too."""
    taken = table.columns[column]

    def texts(at: int) -> Iterator[Array]:
        _check_known("levels", table)
        yield table.frame.read({at: taken.kind})[at]

    def counted() -> int:
        [levels] = taken.levels(texts).values()
        return len(levels)

    return tables.counted.of(("levels", table.name, column), counted)


def _check_known(word: str, table: DataTable) -> None:
    """Hold that it does not depend on what else is used of the table."""
    if table.selection is None or not table.selection.drops:
        return
    raise ConfigError(
        f"`missing: drop` leaves out the rows that lack a value that is used, and {word}(...) is "
        "to be known before",
        expected="`missing: error`, or data without gaps",
        code="contradiction",
    )
