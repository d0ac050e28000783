"""The names of a config at work: tables, parameters and values as the scope of expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from optserve.config.declarations import Declarations
from optserve.config.expressions import Asked, Expression, Scope, Value, build, undeclared
from optserve.config.mistakes import Mistakes
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Aval, DType
from optserve.graph.trace import Trace
from optserve.memo import Memo
from optserve.primitives.vocabulary import Vocabulary

if TYPE_CHECKING:
    from optserve.config.data.data_table import DataTable  # a config without data does without it

__all__ = ["NamedColumn", "Tables", "check_unique", "is_sound", "scope_of"]


class NamedColumn(NamedTuple):
    """A column under the name that expressions use."""

    name: str
    table: DataTable
    column: str

    @property
    def place(self) -> Place | None:
        return self.table.places.get(self.column)

    def aval(self, precision: DType) -> Aval:
        """Its shape and dtype."""
        return self.table.aval(self.column, precision)


class Tables(NamedTuple):
    """All tables of a config; ``bare`` where there is one, whose columns need no prefix.

    ``counted`` are the numbers of rows and levels that were asked for: files are read for them.
    ``used`` are the columns whose gaps leave out rows under `missing: drop`, once they are known.
    """

    tables: tuple[DataTable, ...]
    bare: bool
    counted: Memo
    used: frozenset[str] = frozenset()

    def columns(self) -> Iterator[NamedColumn]:
        """Every column of every table."""
        for table in self.tables:
            for column in table.names:
                yield NamedColumn(column if self.bare else f"{table.name}.{column}", table, column)

    def row_numbers(self) -> Mapping[str, NamedColumn]:
        """The numbers of the rows of each table that has rows, under no name of an expression."""
        return {
            table.name: NamedColumn(f"row({table.name})", table, "row()")
            for table in self.tables
            if table.has_rows
        }

    def hidden(self) -> Mapping[str, str]:
        """The names in the files that are no columns, each with what would make it one."""
        return {
            name if self.bare else f"{table.name}.{name}": remedy
            for table in self.tables
            for name, remedy in table.hidden.items()
        }


def check_unique(declared: Declarations, tables: Tables, found: Mistakes) -> None:
    """Refuse a name that stands for two values; the error shows both places."""
    first: dict[str, tuple[str, Place | None]] = {}
    columns = [(column.name, "a column", column.place) for column in tables.columns()]
    parameters = [(name, "a parameter", place) for name, place in declared.parameters.items()]
    values = [(value.name, "a value of define", value.place) for value in declared.values]
    for name, what, place in [*columns, *parameters, *values]:
        other, other_place = first.setdefault(name, (what, place))
        if (other, other_place) != (what, place):
            with found.declaring(name):
                raise ConfigError(
                    f"'{name}' is declared twice: it is {other} and {what}",
                    place=place,
                    expected=f"one value of that name; the other is at {other_place}",
                    remedy="rename one of them; columns are renamed with columns: {new: old}",
                    code="declared-twice",
                )


def scope_of(
    declared: Declarations,
    columns: Mapping[str, Value],
    parameters: Mapping[str, Value],
    vocabulary: Vocabulary,
    trace: Trace,
    hidden: Mapping[str, str],
    sizes: Asked | None,
    found: Mistakes,
) -> Scope:
    """The scope of the loss: the values of ``define`` are built in order into ``trace``."""
    values: dict[str, Value] = {}
    later = {value.name: value.place for value in declared.values}
    scope = Scope(
        vocabulary=vocabulary,
        columns=columns,
        parameters=parameters,
        values=values,
        functions=declared.functions,
        later=later,
        hidden=hidden,
        sizes=sizes,
    )
    for value in declared.values:
        if not is_sound(value.expression, scope, declared, found):
            found.names.add(value.name)
            continue
        with found.declaring(value.name):
            values[value.name] = build(value.expression, scope, trace)
            del later[value.name]
    return scope


def is_sound(expression: Expression, scope: Scope, declared: Declarations, found: Mistakes) -> bool:
    """Whether nothing that an expression uses is wrong.

    Where something is, the expression is not built; other names in it that mean nothing are found.
    """
    if not declared.mentions(expression, found.names):
        return True
    for error in undeclared(expression, scope, found.names):
        found.add(error)
    return False
