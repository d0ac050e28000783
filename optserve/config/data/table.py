"""``DataTable``: one table of ``data``. Its columns are known by shape first and read on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from optserve.config.data.columns import TakenColumn, take
from optserve.config.declarations import name_of
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import ScalarNode, SequenceNode, is_null, kind_of
from optserve.config.paths import Reach
from optserve.config.schema.table import Column, Table
from optserve.errors import ConfigError, OptserveError, Place
from optserve.graph.aval import Array, Aval, DType
from optserve.graph.dim import Dim, Size
from optserve.graph.streamed import Streamed
from optserve.tables.available import available_bytes
from optserve.tables.files import joined
from optserve.tables.frame import Frame, Kind, Reader, advice_of
from optserve.tables.npz import ArraysFrame
from optserve.tables.pieces import Pieced, pieces_of
from optserve.tables.text_frame import TextFrame

__all__ = ["ROW", "DataTable", "TableRows", "no_rows", "open_table", "read_columns"]

T = TypeVar("T")

CELL_BYTES = 32
"""Bytes that a cell takes while a table is read into memory: as it is read, and what becomes of it,
each once more while parts are joined."""
SMALL_BYTES = 1 << 26
"""Below, nobody asks how much memory there is."""


ROW = "row()"
"""The column of any table that holds the numbers of its rows, from 0, among all that are used."""


class TableRows(NamedTuple):
    """The columns of a table that are used: of each split, by name; ``train`` is always there.

    ``read`` and ``used`` count the rows of the file, and those that are in some split. ``numbers``
    tells which rows of the file those of a split are, from 0, where not all are used as they come.
    """

    splits: Mapping[str, Mapping[str, Array | Streamed]]
    warnings: tuple[str, ...]
    read: int
    used: int
    numbers: Mapping[str, Array] = MappingProxyType({})


class Selected(Protocol):
    """What a table says of its rows: which are used, what is derived of them, how they split."""

    @property
    def drops(self) -> bool:
        """Whether which rows are used depends on the columns that are."""

    def aval(self, name: str, precision: DType) -> Aval:
        """What is known of a derived column."""

    def read(self, table: DataTable, used: Sequence[str], precision: DType) -> TableRows:
        """The columns that are used, of each split."""


class DataTable(NamedTuple):
    """A table whose columns have names, dtypes and widths; their values are read on demand.

    ``size`` is its row count: by name, or a number where its rows are no rows of data (0 where
    they are arrays, each of a shape of its own). ``hidden`` are the names that the file
    has and no expression can use, each with what makes it usable.
    """

    name: str
    frame: Frame
    columns: Mapping[str, TakenColumn]
    places: Mapping[str, Place | None]
    size: Size
    place: Place | None
    files: tuple[Path, ...] = ()
    written: str = ""
    in_memory: bool | Literal["auto"] = "auto"
    selection: Selected | None = None
    hidden: Mapping[str, str] = MappingProxyType({})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, derived ones included."""
        return tuple(self.places)

    @property
    def has_rows(self) -> bool:
        """Whether its rows are rows of data, and not the axis of constants."""
        return isinstance(self.size, Dim)

    @property
    def provenance(self) -> Mapping[str, str]:
        """The file that it was read from, or the glob, and the digest of that."""
        if not self.files:
            return {}
        named = self.files[0] if len(self.files) == 1 else self.files[0].parent / self.written
        return {"file": str(named), "sha256": _sha256(self.files)}

    def aval(self, column: str, precision: DType) -> Aval:
        """What is known of a column before it is read."""
        if column == ROW:
            return Aval((self.size,), np.dtype(np.int64))
        if column not in self.columns:
            assert self.selection is not None
            return self.selection.aval(column, precision)
        taken = self.columns[column]
        if isinstance(self.frame, ArraysFrame) and not taken.matrix:
            shape = self.frame.shape_of(taken.positions[0])
            return Aval((self.size, *shape[1:]) if self.has_rows else shape, taken.dtype(precision))
        width = (len(taken.positions),) if taken.matrix else ()
        return Aval((self.size, *width), taken.dtype(precision))

    def read(self, used: Sequence[str], precision: DType) -> TableRows:
        """The columns that are used, of each split."""
        if self.selection is not None:
            return self.selection.read(self, used, precision)
        columns = [name for name in used if name != ROW]
        arrays, warnings = self.arrays(columns, precision)
        count = self.frame.rows
        if ROW in used:
            if any(isinstance(one, Streamed) for one in arrays.values()):
                raise ConfigError(
                    f"row({self.name}) numbers the rows of a table that is read in blocks",
                    place=self.place,
                    remedy="`in_memory: true` holds the table in memory",
                    code="needs-memory",
                )
            arrays = {**arrays, ROW: np.arange(count)}
        return TableRows({"train": arrays}, warnings, count, count)

    def arrays(
        self, used: Iterable[str], precision: DType
    ) -> tuple[Mapping[str, Array | Streamed], tuple[str, ...]]:
        """The values of the columns that are used, and warnings.

        Raises ``ConfigError``, placed in the data, where a value is missing or of another kind.
        """
        taken = [self.columns[name] for name in used]
        if self.streams(taken):
            if not self.frame.rows:
                raise no_rows(self)
            from optserve.config.data.streaming import streamed_columns

            return streamed_columns(pieces_of(self.frame), taken, precision)
        read = read_columns(self.frame.read, taken)
        if read and self.has_rows and not self.frame.rows:
            raise no_rows(self)
        made = {
            one.name: one.array({at: read[at, one.kind] for at in one.positions}, precision)
            for one in taken
        }
        arrays: dict[str, Array | Streamed] = {name: array for name, (array, _) in made.items()}
        return arrays, tuple(warning for _, warning in made.values() if warning)

    def streams(self, taken: Sequence[TakenColumn]) -> bool:
        """Whether the columns are read block by block as they are needed."""
        if self.in_memory is True or not self.has_rows:
            return False
        if self.in_memory is False:
            return bool(taken)
        if not isinstance(self.frame, Pieced):
            return False
        needed = CELL_BYTES * self.frame.about_rows * sum(len(one.positions) for one in taken)
        return needed > SMALL_BYTES and needed > available_bytes()


def read_columns(
    read: Callable[[Mapping[int, Kind]], Mapping[int, T]], taken: Iterable[TakenColumn]
) -> Mapping[tuple[int, Kind], T]:
    """Each position in each kind that it is taken in; most often all at once."""
    needed = list(dict.fromkeys((at, one.kind) for one in taken for at in one.positions))
    arrays: dict[tuple[int, Kind], T] = {}
    while needed:
        batch = dict(needed)
        arrays |= {(at, batch[at]): array for at, array in read(batch).items()}
        needed = [pair for pair in needed if pair not in arrays]
    return arrays


def open_table(
    name: str,
    declared: Table,
    reach: Reach,
    reader: Callable[[Table], Reader],
    arrays: Mapping[str, Array] | None,
    found: Mistakes,
) -> DataTable:
    """The table ``name`` as it is declared; ``reader`` makes the reader of a file's suffix.

    ``arrays`` are its columns where they are given in memory. A column that is wrong is ``found``
    and left out.
    """
    files: tuple[Path, ...] = ()
    frame: Frame
    if arrays is not None:
        frame, place = ArraysFrame(Path("data"), arrays), declared.place
    elif declared.read is None and declared.inline is None:
        raise ConfigError(
            f"`{name}` is a table without `read` or `inline`",
            place=declared.place,
            expected="a table ({read: FILE} or {inline: ...}), or a mapping of tables",
            remedy="from Python, `load(config, data=...)` gives the columns of one table",
            code="missing-key",
        )
    elif declared.read is None:
        frame, place = _inline(declared), declared.place
    else:
        files, frame = _read(declared, reach, reader)
        place = declared.place_of("read")
    columns: dict[str, TakenColumn] = {}
    places: dict[str, Place | None] = {}
    if declared.columns is None:
        for column in frame.names:
            if column.isidentifier() and not iskeyword(column) and frame.names.count(column) == 1:
                columns[column] = take(column, Column.model_construct(take=column), frame, place)
                places[column] = place
    for column, entry in declared.entries_of("columns").items():
        settings = Column.in_full((declared.columns or {})[column], entry.value)
        with found.declaring(column):
            name_of(entry.key, dotted=False)
            columns[column] = take(column, settings, frame, settings.place_of("take"))
            places[column] = settings.place
    if not columns and not declared.columns:
        raise _nameless(frame, place)
    size: Size = Dim.rows(name)
    if not declared.rows:
        size = 0 if isinstance(frame, ArraysFrame) else frame.rows
    elif isinstance(frame, ArraysFrame):
        frame.check_rows()
        if declared.in_memory is False:
            raise ConfigError(
                "arrays of npz are read whole",
                place=declared.place_of("in_memory"),
                remedy="write npy or parquet, which can be read in parts",
                code="contradiction",
            )
    return DataTable(
        name,
        frame,
        columns,
        places,
        size,
        place,
        files,
        declared.read or "",
        declared.in_memory,
        hidden=_hidden(frame, columns, of_all=declared.columns is not None),
    )


def no_rows(table: DataTable) -> ConfigError:
    """The error for a table that holds the names of its columns and no values."""
    return ConfigError(
        f"the table {table.name} has no rows",
        place=table.place,
        expected="at least one row of values",
        code="no-rows",
    )


def _nameless(frame: Frame, place: Place | None) -> ConfigError:
    """The error for a table of whose columns none can be named in an expression."""
    written = ", ".join(map(repr, frame.names[:6]))
    called = f": {'they are' if len(frame.names) > 1 else 'it is'} called {written}"
    remedy = advice_of(frame) or "give them names, by position: columns: {x: 0, y: 1}"
    return ConfigError(
        "no column has a name that an expression can hold" + (called if written else ""),
        place=place,
        expected="names of letters, digits and `_`, each of them once",
        remedy=remedy,
        code="unknown-column",
    )


def _hidden(frame: Frame, columns: Mapping[str, TakenColumn], *, of_all: bool) -> dict[str, str]:
    """The names in a file that no expression can use, and how each becomes one that it can."""
    hidden = {}
    for name in frame.names:
        if name in columns or not name.isidentifier() or iskeyword(name):
            continue
        if frame.names.count(name) > 1:
            first = frame.names.index(name)
            hidden[name] = (
                f"the table has several columns of this name: take one by its position, "
                f"columns: {{{name}: {first}}}"
            )
        elif of_all:
            hidden[name] = (
                f"the table has such a column, which `columns` leaves out: add `{name}: {name}`"
            )
    return hidden


def _read(
    declared: Table, reach: Reach, reader: Callable[[Table], Reader]
) -> tuple[tuple[Path, ...], Frame]:
    written = declared.node_of("read")
    assert isinstance(written, ScalarNode)
    reach.path(written)  # one that leaves the folder is told so, whatever its suffix
    read = reader(declared)
    files = reach.files(written)
    try:
        if declared.sha256 is not None:
            _check_digest(declared, files)
        return files, joined(files, read)
    except OptserveError:
        raise
    except Exception as error:  # the reader may be anybody's code
        reason = error.strerror if isinstance(error, OSError) else repr(error)
        raise ConfigError(
            f"cannot read {written.text}: {reason}", place=written.place, code="unreadable-file"
        ) from error


def _check_digest(declared: Table, files: Sequence[Path]) -> None:
    digest = _sha256(files)
    if declared.sha256 is not None and digest != declared.sha256.lower():
        name = files[0].name if len(files) == 1 else "the file that these files make together"
        raise ConfigError(
            f"{name} has another SHA-256: {digest}",
            place=declared.place_of("sha256"),
            expected="the file that this config was written for",
            remedy="if it was changed on purpose, write its digest here",
            code="checksum",
        )


def _sha256(files: Sequence[Path]) -> str:
    """The digest of the file; of several that of one after another, as ``cat`` gives them."""
    import hashlib

    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _inline(declared: Table) -> Frame:
    """The columns that are written in the config itself."""
    if len(declared.options):
        key = next(iter(declared.options.entries.values())).key
        raise ConfigError(
            f"there is no key `{key.text}` for a table that is written inline",
            place=key.place,
            code="unknown-key",
        )
    columns = declared.entries_of("inline")
    cells: list[list[ScalarNode]] = []
    for name, entry in columns.items():
        items = entry.value
        assert isinstance(items, SequenceNode)
        column = [item for item in items if isinstance(item, ScalarNode)]
        if len(column) != len(items):
            other = next(item for item in items if not isinstance(item, ScalarNode))
            raise ConfigError(
                f"`{other.path}` is {kind_of(other)}",
                place=other.place,
                expected="a number or a text",
                remedy="a matrix is made of columns: columns: {X: [a, b]}",
                code="wrong-value",
            )
        if cells and len(column) != len(cells[0]):
            raise ConfigError(
                f"the column {name} has {len(column)} values, the first has {len(cells[0])}",
                place=items.place,
                expected="columns of one length",
                code="malformed-file",
            )
        cells.append(column)
    rows = len(cells[0]) if cells else 0

    def column_texts(index: int) -> list[str]:
        return [_cell_text(cell) for cell in cells[index]]

    def place(row: int, index: int) -> Place:
        return cells[index][row].place

    return TextFrame(tuple(columns), len(columns), rows, column_texts, place)


def _cell_text(cell: ScalarNode) -> str:
    """What a cell of an inline column would be in a file."""
    if is_null(cell):
        return ""
    number = isinstance(cell.value, int | float) and not isinstance(cell.value, bool)
    return str(cell.value) if number else cell.text
