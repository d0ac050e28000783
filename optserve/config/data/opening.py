"""``open_tables``: the tables of ``data``, opened and not yet read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from optserve.config.allowed_paths import FileReach
from optserve.config.config_scope import Tables
from optserve.config.data.data_table import DataTable, open_table
from optserve.config.declarations import Declarations
from optserve.config.expressions.tree import Name
from optserve.config.expressions.values import CONSTANTS
from optserve.config.given import columns_of
from optserve.config.mistakes import Mistakes
from optserve.config.options import with_options
from optserve.config.parsing import name_of
from optserve.config.schema.config import Config
from optserve.config.schema.table import Table
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.memo import Memo
from optserve.registry import Registry
from optserve.tables.frame import Reader
from optserve.tables.suffix import suffix_of

__all__ = ["open_tables", "reader_of"]

COUNTED = 256
"""Counts of rows and levels that are kept while a config is loaded."""


def open_tables(
    config: Config,
    declared: Declarations,
    reach: FileReach,
    registry: Registry,
    data: Any,
    found: Mistakes,
) -> Tables:
    """The tables that ``config`` declares; ``data`` are the columns of one, given in memory.

    Of a table that cannot be opened nothing is known: neither its columns, nor what other names
    are not columns of it.
    """
    bare = isinstance(config.data, Table)
    tables: list[DataTable] = []
    for name, table in config.tables.items():
        prefix = config.prefix_of(name)
        with found.declaring(*_lost(config, name, declared), keys=[f"data.{name}"]):
            if prefix:
                name_of(config.entries_of("data")[name].key, dotted=False)
            arrays = None if data is None else _arrays(table, data, several=not bare)
            with found.inside(prefix) as here:
                opened = open_table(
                    name,
                    table,
                    reach,
                    lambda table: reader_of(table, registry),
                    arrays,
                    here,
                    _declared(declared, name, prefix),
                )
                opened = _with_deviations(opened, prefix, declared)
                if table.selecting:
                    from optserve.config.data.row_selection import selected  # most do without

                    of_rows, vocabulary = declared.tables[name], registry.vocabulary()
                    opened = selected(opened, table, of_rows, declared.functions, vocabulary, here)
            tables.append(opened)
    return Tables(tuple(tables), bare, Memo(COUNTED))


def _with_deviations(table: DataTable, prefix: str, declared: Declarations) -> DataTable:
    """The table, of which the column that ``sigma`` names, if it is one, may be infinite."""
    sigma = declared.loss.terms.get("sigma")
    if sigma is None or not isinstance(sigma.root, Name):
        return table
    name = sigma.root.dotted.removeprefix(prefix)
    if prefix + name != sigma.root.dotted or name not in table.columns:
        return table
    taken = table.columns[name]._replace(deviation=True)
    return table._replace(columns={**table.columns, name: taken})


def _declared(declared: Declarations, name: str, prefix: str) -> frozenset[str]:
    """What the config itself declares by the names that columns of a table would have."""
    values = [*declared.parameters, *(value.name for value in declared.values)]
    derived = [value.name for value in declared.tables[name].derived]
    here = [value.removeprefix(prefix) for value in values if value.startswith(prefix)]
    return frozenset([*here, *derived])


def _lost(config: Config, name: str, declared: Declarations) -> Iterable[str]:
    """The names that would be columns of a table, had it been opened: for all that is known, those
    that nothing else declares."""
    if prefix := config.prefix_of(name):
        return [prefix.rstrip(".")]
    known = {*declared.parameters, *declared.functions, *CONSTANTS}
    known |= {value.name for value in declared.values}
    return [name for name in declared.mentioned if known.isdisjoint(_beginnings(name))]


def _beginnings(name: str) -> Iterator[str]:
    """`a.b.c`, `a.b` and `a` of `a.b.c`.

    >>> list(_beginnings("a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    return accumulate(name.split("."), "{}.{}".format)


def _arrays(table: Table, data: Any, *, several: bool) -> Mapping[str, Array]:
    """The columns that are given in memory for a table, which then reads nothing."""
    sources = (key for key in ("read", "inline", "sha256") if getattr(table, key) is not None)
    given = next(sources, next(iter(table.options.entries), None))
    if given is not None:
        raise ConfigError(
            f"`{given}` is about what the config reads, and the data are given in memory",
            place=table.place_of(given),
            expected="either of them; what the config says of rows and columns may stay",
            code="given-data",
        )
    if several:
        raise ConfigError(
            "the config has several tables, and the data given in memory are one",
            place=table.place,
            expected="a config of one table",
            code="given-data",
        )
    return columns_of(data)


def reader_of(table: Table, registry: Registry) -> Reader:
    """The reader of the table's file, by its suffix, with the options that the table gives."""
    assert table.read is not None
    place = table.node_of("read").place
    suffix = suffix_of(table.read)
    if not suffix:
        raise ConfigError(
            f"the name {table.read!r} has no suffix, which says how the file is read",
            place=place,
            expected=f"a name that ends in .{', .'.join(registry.names('readers'))}",
            code="unreadable-file",
        )
    function = registry.find("readers", suffix, place).value
    reader: Reader = with_options(function, table.options, place, registry, Table.keys())
    return reader
