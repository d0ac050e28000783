"""The arrays of all columns that a problem uses, read once, of each split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from optserve.config.scope import Column
from optserve.graph.aval import Array, DType
from optserve.graph.streamed import Streamed

__all__ = ["Arrays", "read_arrays"]


class Arrays(NamedTuple):
    """The arrays of columns by name, of each split; ``train`` is always there.

    ``rows_read`` and ``rows_used`` count rows of data; ``None`` where there are none. ``numbers``
    holds, by split and table, what rows of the file were chosen, where not all were.
    """

    splits: Mapping[str, Mapping[str, Array | Streamed]]
    warnings: tuple[str, ...]
    rows_read: int | None
    rows_used: int | None
    numbers: Mapping[tuple[str, str], Array]

    def number(self, split: str, table: str, row: int) -> int:
        """Which row of its file a row of a split is, both counted from 0."""
        numbers = self.numbers.get((split, table))
        return row if numbers is None else int(numbers[row])


def read_arrays(columns: Iterable[Column], precision: DType) -> Arrays:
    """Read ``columns``; what is not split is the same in every split."""
    columns = tuple(columns)
    tables = {column.table.name: column.table for column in columns}
    found = []
    for table in tables.values():
        names = {one.column: one.name for one in columns if one.table is table}
        found.append((table, names, table.read(tuple(names), precision)))
    splits: dict[str, dict[str, Array | Streamed]] = {"train": {}}
    for _, _, rows in found:
        splits |= {split: {} for split in rows.splits}
    for split, arrays in splits.items():
        for _, names, rows in found:
            of_table = rows.splits.get(split, rows.splits["train"])
            arrays |= {names[column]: array for column, array in of_table.items()}
    counted = [rows for table, _, rows in found if table.has_rows]
    return Arrays(
        splits,
        tuple(warning for _, _, rows in found for warning in rows.warnings),
        sum(rows.read for rows in counted) if counted else None,
        sum(rows.used for rows in counted) if counted else None,
        {
            (split, table.name): numbers
            for table, _, rows in found
            for split, numbers in rows.numbers.items()
        },
    )
