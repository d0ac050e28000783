"""What expressions ask of tables: ``rows(t)``, ``row(t)`` and ``levels(g)``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.config.config_scope import Tables
from optserve.config.data.data_table import DataTable
from optserve.config.expressions import Value
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place

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
    data.

    Under `missing: drop` they are those that lack no value of the columns that ``tables`` says are
    used.
    """
    selection = table.selection
    if selection is None:
        return table.frame.rows
    used = [
        one.column for one in tables.columns() if one.table is table and one.name in tables.used
    ]
    names = tuple(used) if selection.drops else ()

    def counted() -> int:
        return selection.read(table, names, np.dtype(np.float64)).used

    return tables.counted.of(("rows", table.name, names), counted)


def levels_of(tables: Tables, table: DataTable, column: str) -> int:
    """How many levels a category has: those that are listed, or else the different texts that the
    column holds, in the rows that are left out too."""
    taken = table.columns[column]

    def counted() -> int:
        if table.selection is not None and taken.settings.levels is None:
            [levels] = table.selection.levels(table, taken).values()
        else:
            [levels] = taken.levels(lambda at: [table.frame.read({at: taken.kind})[at]]).values()
        return len(levels)

    return tables.counted.of(("levels", table.name, column), counted)
