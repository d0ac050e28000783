"""``RowSelection``: which rows of a table are used and for what, and what is derived of them.

The order is: rows that lack a value are dropped; categories get their codes; ``where`` chooses;
``split`` holds rows out; ``standardize`` and ``derive`` take their statistics from the training
rows and apply them to all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import EllipsisType
from typing import NamedTuple

import numpy as np

from optserve.config.data.columns import Levels, TakenColumn, take
from optserve.config.data.data_table import ROW, DataTable, TableRows, no_rows
from optserve.config.data.read_cells import ReadCells, gaps_of, read_cells, read_columns
from optserve.config.data.rounding import in_precision
from optserve.config.data.row_values import ChosenValues, RowValues
from optserve.config.data.split import drawn_rows, named_rows
from optserve.config.data.text_tests import TextTest, text_tests
from optserve.config.declarations import DeclaredValue, RowExpressions
from optserve.config.expressions import Expression, Function
from optserve.config.mistakes import Mistakes
from optserve.config.schema.table import Column, Split, Table
from optserve.config.used_names import mentions
from optserve.errors import ConfigError, Place, ShapeError
from optserve.graph.aval import Array, Aval, DType
from optserve.graph.dim import Dim
from optserve.primitives.vocabulary import Vocabulary
from optserve.tables.frame import Gapped, no_gaps

__all__ = ["RowSelection", "selected"]

FLOAT64 = np.dtype(np.float64)

BOOL = np.dtype(bool)
SelectedRows = Mapping[str, Array | slice]
"""The rows of each split, as positions among those that are used."""


def selected(
    table: DataTable,
    declared: Table,
    expressions: RowExpressions,
    functions: Mapping[str, Function],
    vocabulary: Vocabulary,
    found: Mistakes,
) -> DataTable:
    """``table`` with all that ``declared`` says of its rows, derived columns among its columns.

    What is wrong is found and left out; the rows of the table are not known then.
    """
    assert isinstance(table.size, Dim)
    rows = [f"data.{table.name}"]
    sound = []
    for value in expressions.derived:
        with found.declaring(value.name):
            if value.name in table.columns:
                raise _twice(value, table)
            sound.append(value)
    avals = {name: table.aval(name, FLOAT64) for name in table.columns}
    derived = RowValues(sound, avals, table.size, functions, vocabulary, found)
    condition = label = None
    tests: tuple[TextTest, ...] = ()
    if expressions.where is not None and not mentions(expressions.where, found.names, functions):
        with found.declaring(keys=rows):
            _check_names(expressions.where, derived)
            where, tests = text_tests(expressions.where, table.columns)
            value = DeclaredValue("where", where, where.place)
            alone = Mistakes()
            known = {**avals, **{one.name: Aval((table.size,), BOOL) for one in tests}}
            chosen = RowValues([value], known, table.size, functions, vocabulary, alone)
            alone.hold()
            condition = _condition(chosen)
    if declared.split is not None:
        with found.declaring(keys=rows):
            label = _label(declared.split, table, found.names)
            if label is None and declared.split.labels:
                found.keys.update(rows)
    return table._replace(
        selection=RowSelection(declared, condition, derived, label, tests),
        places={**table.places, **derived.places},
    )


def _twice(value: DeclaredValue, table: DataTable) -> ConfigError:
    return ConfigError(
        f"'{value.name}' is declared twice: it is a column and derived",
        place=value.place,
        expected=f"one value of that name; the other is at {table.places[value.name]}",
        remedy="give what is derived a name of its own",
        code="declared-twice",
    )


class RowSelection(NamedTuple):
    """What a table says of its rows. ``label`` is the column that its split looks at, ``tests`` the
    comparisons with texts that its condition holds."""

    declared: Table
    condition: ChosenValues | None
    derived: RowValues
    label: TakenColumn | None
    tests: tuple[TextTest, ...] = ()

    @property
    def drops(self) -> bool:
        """Whether which rows are used depends on the columns that are."""
        return self.declared.missing == "drop"

    def aval(self, name: str, precision: DType) -> Aval:
        """What is known of a derived column."""
        aval = self.derived.avals[name]
        return Aval(aval.shape, precision if aval.dtype.kind == "f" else aval.dtype)

    def levels(self, table: DataTable, taken: TakenColumn) -> Mapping[int, Levels]:
        """The levels of a category by position: those of all rows that have one."""
        return taken.levels(partial(self._cells(table, [taken]).known, taken))

    def read(self, table: DataTable, used: Sequence[str], precision: DType) -> TableRows:
        """The columns that are used, of each split."""
        known = {*table.columns, ROW}
        derived = self.derived.chosen(name for name in used if name not in known)
        names = [*used, *derived.columns, *(self.condition.columns if self.condition else ())]
        needed = {name: table.columns[name] for name in names if name in table.columns}
        tested = [test.column for test in self.tests]
        taken = [*needed.values(), *tested, *([self.label] if self.label else [])]
        self._check_held(table, taken)
        cells = self._cells(table, taken)
        present = cells.complete(table.frame.rows)
        count, complete = len(present), np.flatnonzero(present)

        def located(row: int, at: int) -> tuple[Place | None, int]:
            return table.located(int(complete[row]), at)

        levels = {name: one.levels(partial(cells.known, one)) for name, one in needed.items()}
        raw = {
            name: one.raw(cells.of(one, _chosen(present)), levels[name], located)
            for name, one in needed.items()
        }
        kept = self._kept({**raw, **self._tested(cells, complete)}, len(complete))
        raw = {name: array[_chosen(kept)] for name, array in raw.items()}
        numbers = complete[kept]
        if not len(numbers):
            raise self._nothing_left(table, count, len(complete))
        labels = None
        if self.label is not None:
            [labels] = cells.of(self.label, numbers).values()
        rows = self._splits(len(numbers), labels)
        moments = {
            name: one.moments(raw[name][rows["train"]])
            for name, one in needed.items()
            if one.settings.standardize
        }
        columns = {
            split: {
                name: one.scaled(raw[name][chosen], moments.get(name), FLOAT64)
                for name, one in needed.items()
            }
            for split, chosen in rows.items()
        }
        statistics = derived.statistics(columns["train"])
        for split, chosen in rows.items():
            values = derived.of(columns[split], statistics)
            self._check_finite(values, numbers[chosen])
            columns[split] |= {**values, ROW: np.arange(len(numbers))[chosen]}
        warnings = (needed[name].warning(one) for name, one in moments.items())
        return TableRows(
            {
                split: {name: self._cast(table, name, arrays[name], precision) for name in used}
                for split, arrays in columns.items()
            },
            tuple(warning for warning in warnings if warning),
            count,
            len(numbers),
            {split: numbers[chosen] for split, chosen in rows.items()},
            {
                name: texts
                for one in used
                if one in needed
                for name, texts in needed[one].named(levels[one]).items()
            },
        )

    def _cast(self, table: DataTable, name: str, array: Array, precision: DType) -> Array:
        """A column as the graph takes it."""
        dtype = table.aval(name, precision).dtype
        found = in_precision(name, array, dtype, table.places.get(name))
        return np.array(found, order="C", copy=None)

    def _check_held(self, table: DataTable, taken: Sequence[TakenColumn]) -> None:
        """Hold that the table is read whole."""
        if not table.streams(taken):
            return
        key = self.declared.selecting
        raise ConfigError(
            f"`{key}` needs all rows of {table.name}, and the table is read in blocks",
            place=self.declared.place_of(key),
            remedy="`in_memory: true` holds the table in memory",
            code="needs-memory",
        )

    def _tested(self, cells: ReadCells, complete: Array) -> Mapping[str, Array]:
        """The outcomes of the comparisons with texts, of the rows that are complete."""
        found = {}
        for test in self.tests:
            [levels] = test.column.levels(partial(cells.known, test.column)).values()
            [texts] = cells.of(test.column, complete).values()
            found[test.name] = test.of(texts, levels)
        return found

    def _cells(self, table: DataTable, taken: Sequence[TakenColumn]) -> ReadCells:
        """The cells of the columns, and which rows lack one."""
        frame = table.frame
        if self.declared.missing == "error":
            return read_cells(frame.read, taken)
        place = self.declared.place_of("missing")
        if not isinstance(frame, Gapped):
            raise no_gaps().at(place)
        try:
            read = read_columns(frame.read_with_gaps, taken)
        except ConfigError as error:
            raise error.at(place) from None
        gaps = {at: column.missing for at, column in read.items()}
        for one in taken:
            if one.kind == "verbatim":  # of which the marks are missing that are no levels
                for at, levels in one.levels(lambda at: ()).items():
                    gaps[at, one.kind] |= gaps_of(read[at, one.kind].values, levels)
        return ReadCells({at: column.values for at, column in read.items()}, gaps)

    def _kept(self, raw: Mapping[str, Array], count: int) -> Array:
        """Of which rows the condition holds."""
        if self.condition is None:
            return np.ones(count, dtype=bool)
        return self.condition.of(raw, self.condition.statistics(raw))["where"]

    def _nothing_left(self, table: DataTable, read: int, complete: int) -> ConfigError:
        """The error for a table of which no row is used."""
        if not read:
            return no_rows(table)
        if not complete:
            return ConfigError(
                f"each of the {read} rows lacks a value that is used",
                place=self.declared.place_of("missing"),
                remedy="do without the columns that are empty",
                code="no-rows",
            )
        return ConfigError(
            f"the condition holds for none of {complete} rows",
            place=self.declared.place_of("where"),
            expected="a condition that holds for some rows",
            code="no-rows",
        )

    def _splits(self, count: int, labels: Array | None) -> SelectedRows:
        split = self.declared.split
        if split is None:
            return {"train": slice(None)}
        if split.column is not None:
            assert labels is not None
            return named_rows(split, labels)
        return drawn_rows(split, count, labels)

    def _check_finite(self, values: Mapping[str, Array], numbers: Array) -> None:
        """Hold that what is derived are numbers; ``numbers`` are the rows' in the file."""
        for name, array in values.items():
            if array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            at = tuple(int(one) for one in np.argwhere(~np.isfinite(array))[0])
            where = f" in row {numbers[at[0]] + 1}" if at else ""
            raise ConfigError(
                f"the derived column {name} is {array[at]}{where}",
                place=self.derived.places[name],
                expected="finite numbers",
                remedy="leave out such rows with `where`",
                code="not-finite",
            )


def _chosen(rows: Array) -> Array | EllipsisType:
    """What takes the ``rows`` that are true; all of them are taken without a copy."""
    return ... if rows.all() else np.flatnonzero(rows)


def _check_names(where: Expression, derived: RowValues) -> None:
    for name in derived.avals:
        if name in where.names:
            raise ConfigError(
                f"'{name}' is derived of the rows that `where` chooses",
                place=where.place,
                expected="columns as they are read",
                remedy="write out what it is derived of",
                code="used-too-early",
            )


def _condition(values: RowValues) -> ChosenValues:
    """``where``, which must be a truth value of every row, known of that row alone."""
    aval, place = values.avals["where"], values.places["where"]
    if aval.shape != (values.rows,) or aval.dtype.kind != "b":
        raise ShapeError(
            f"the condition is {aval}",
            place=place,
            expected="one truth value a row, such as age > 0",
        )
    chosen = values.chosen(["where"])
    looks_around = chosen.row_wise.looks_around
    if looks_around is not None:
        raise ConfigError(
            "the condition depends on all rows, of which it is to choose some",
            place=looks_around,
            expected="a condition on what is known of each row alone",
            remedy="write the number that it comes to",
            code="not-row-wise",
        )
    return chosen


def _label(split: Split, table: DataTable, unknown: Collection[str]) -> TakenColumn | None:
    """The column that a split looks at: one of the config, or else one of the file.

    Of an ``unknown`` column more is told than that it is none.
    """
    key = "stratify" if split.column is None else "column"
    name = split.stratify if split.column is None else split.column
    if name is None or name in unknown:
        return None
    place = split.place_of(key)
    if isinstance(name, str) and name in table.columns:
        taken = table.columns[name]
    else:
        taken = take(
            str(name), Column.model_construct(take=name, as_="category"), table.frame, place
        )
    if key == "column" or taken.kind == "float":  # texts, whatever numbers they may be
        taken = taken._replace(settings=Column.model_construct(take=name, as_="category"))
    if taken.matrix:
        raise ConfigError(
            f"{name} is a matrix", place=place, expected="a column", code="wrong-value"
        )
    return taken
