"""The arrays of all columns that a problem uses, read once, of each split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optserve.config.config_scope import NamedColumn
from optserve.config.mistakes import Mistakes
from optserve.errors import OptserveError
from optserve.graph.aval import Array, DType
from optserve.graph.streamed import Streamed

if TYPE_CHECKING:
    from optserve.config.data.data_table import DataTable, TableRows

__all__ = ["Arrays", "read_arrays"]


class Arrays(NamedTuple):
    """The arrays of columns by name, of each split; ``train`` is always there.

    ``rows_read`` and ``rows_used`` count rows of data; ``None`` where there are none. ``numbers``
    holds, by split and table, what rows of the file were chosen, where not all were; ``levels``
    those of categories, in the order of their codes.
    """

    splits: Mapping[str, Mapping[str, Array | Streamed]]
    warnings: tuple[str, ...]
    rows_read: int | None
    rows_used: int | None
    numbers: Mapping[tuple[str, str], Array]
    levels: Mapping[str, tuple[str, ...]]

    def number(self, split: str, table: str, row: int) -> int:
        """Which row of its file a row of a split is, both counted from 0."""
        numbers = self.numbers.get((split, table))
        return row if numbers is None else int(numbers[row])


def read_arrays(columns: Iterable[NamedColumn], precision: DType, found: Mistakes) -> Arrays | None:
    """Read ``columns``; what is not split is the same in every split.

    Nothing, where a value is wrong that one of them holds.
    """
    columns = tuple(columns)
    tables = {column.table.name: column.table for column in columns}
    read = []
    for table in tables.values():
        names = {one.column: one.name for one in columns if one.table is table}
        if f"data.{table.name}" not in found.keys:
            rows = _read(table, tuple(names), precision, found)
            read += [] if rows is None else [(table, names, rows)]
    if len(read) < len(tables):
        return None
    splits: dict[str, dict[str, Array | Streamed]] = {"train": {}}
    for _, _, rows in read:
        splits |= {split: {} for split in rows.splits}
    for split, arrays in splits.items():
        for _, names, rows in read:
            of_table = rows.splits.get(split, rows.splits["train"])
            arrays |= {names[column]: array for column, array in of_table.items()}
    counted = [rows for table, _, rows in read if table.has_rows]
    return Arrays(
        splits,
        tuple(warning for _, _, rows in read for warning in rows.warnings),
        sum(rows.read for rows in counted) if counted else None,
        sum(rows.used for rows in counted) if counted else None,
        {
            (split, table.name): numbers
            for table, _, rows in read
            for split, numbers in rows.numbers.items()
        },
        {
            names[column.partition("[")[0]] + column.removeprefix(column.partition("[")[0]): levels
            for _, names, rows in read
            for column, levels in rows.levels.items()
        },
    )


def _read(
    table: DataTable, names: Sequence[str], precision: DType, found: Mistakes
) -> TableRows | None:
    """The columns ``names`` of a table; where that fails, what is wrong with each of them."""
    try:
        return table.read(names, precision)
    except OptserveError as error:
        before = len(found.errors)
        for name in names:
            with found:
                table.read([name], precision)
        if len(found.errors) == before:
            found.add(error)
    return None
