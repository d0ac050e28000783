"""``DataTable``: one table of ``data``. Its columns are known by shape first and read on demand."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from keyword import iskeyword
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from optserve.config.allowed_paths import FileReach
from optserve.config.data.columns import Levels, TakenColumn, take
from optserve.config.data.file_digest import FileDigest, Provenance
from optserve.config.data.inline import inline_frame
from optserve.config.data.read_cells import read_cells
from optserve.config.data.rounding import in_precision
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import ScalarNode
from optserve.config.parsing import name_of
from optserve.config.schema.table import Column, Table
from optserve.errors import ConfigError, OptserveError, Place, shown
from optserve.graph.aval import Array, Aval, DType
from optserve.graph.dim import Dim, Size
from optserve.graph.streamed import Streamed
from optserve.tables.available import available_bytes
from optserve.tables.frame import Frame, Located, Reader, advice_of
from optserve.tables.npz import ArraysFrame
from optserve.tables.pieces import Pieced, pieces_of
from optserve.tables.several_files import joined

__all__ = ["ROW", "DataTable", "TableRows", "no_rows", "open_table"]

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
    ``levels`` are those of each category, in the order of their codes.
    """

    splits: Mapping[str, Mapping[str, Array | Streamed]]
    warnings: tuple[str, ...]
    read: int
    used: int
    numbers: Mapping[str, Array] = MappingProxyType({})
    levels: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Selected(Protocol):
    """What a table says of its rows: which are used, what is derived of them, how they split."""

    @property
    def drops(self) -> bool:
        """Whether which rows are used depends on the columns that are."""

    def aval(self, name: str, precision: DType) -> Aval:
        """What is known of a derived column."""

    def levels(self, table: DataTable, taken: TakenColumn) -> Mapping[int, Levels]:
        """The levels of a category by position, whatever rows are used."""

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
    digest: FileDigest | None = None
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
        """The file that it was read from, or the glob, and the digest of that.

        Of a table that is read in blocks the digest is made beside the job: each block is held
        against the file that was opened, whose content can be none but that of the digest.
        """
        if not self.files or self.digest is None:
            return {}
        named = self.files[0] if len(self.files) == 1 else self.files[0].parent / self.written
        if self.digest.takes_long and self.streams([*self.columns.values()]):
            return Provenance(shown(str(named)), self.digest)
        return {"file": shown(str(named)), "sha256": self.digest.text()}

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
        arrays, warnings, levels = self.arrays(columns, precision)
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
        return TableRows({"train": arrays}, warnings, count, count, levels=levels)

    def arrays(
        self, used: Iterable[str], precision: DType
    ) -> tuple[Mapping[str, Array | Streamed], tuple[str, ...], Mapping[str, tuple[str, ...]]]:
        """The values of the columns that are used, warnings, and the levels of categories.

        Raises ``ConfigError``, placed in the data, where a value is missing or of another kind.
        """
        taken = [self.columns[name] for name in used]
        if self.streams(taken):
            if not self.frame.rows:
                raise no_rows(self)
            from optserve.config.data.column_streams import streamed_columns

            return streamed_columns(pieces_of(self.frame), taken, precision, self.located)
        cells = read_cells(self.frame.read, taken)
        if taken and self.has_rows and not self.frame.rows:
            raise no_rows(self)
        arrays: dict[str, Array | Streamed] = {}
        warnings: list[str] = []
        levels: dict[str, tuple[str, ...]] = {}
        for one in taken:
            coded = one.levels(partial(cells.known, one))
            raw = one.raw(cells.of(one), coded, self.located)
            moments = one.moments(raw)
            exact = raw if moments is None else one.scaled(raw, moments, np.dtype(np.float64))
            place = self.places.get(one.name, self.place)
            arrays[one.name] = in_precision(one.name, exact, one.dtype(precision), place)
            warnings.append(one.warning(moments))
            levels |= one.named(coded)
        return arrays, tuple(filter(None, warnings)), levels

    def located(self, row: int, at: int) -> tuple[Place | None, int]:
        """Where the cell in a row, from 0, and at a position stands, and the number of the row."""
        place = self.frame.place(row, at) if isinstance(self.frame, Located) else self.place
        return place, row + 1

    def streams(self, taken: Sequence[TakenColumn]) -> bool:
        """Whether the columns are read block by block as they are needed."""
        if self.in_memory is True or not self.has_rows:
            return False
        if self.in_memory is False:
            return bool(taken)
        if isinstance(self.frame, ArraysFrame) or not isinstance(self.frame, Pieced):
            return False
        needed = CELL_BYTES * self.frame.about_rows * sum(len(one.positions) for one in taken)
        return needed > SMALL_BYTES and needed > available_bytes()


def open_table(
    name: str,
    declared: Table,
    reach: FileReach,
    reader: Callable[[Table], Reader],
    arrays: Mapping[str, Array] | None,
    found: Mistakes,
    declared_names: Collection[str] = (),
) -> DataTable:
    """The table ``name`` as it is declared; ``reader`` makes the reader of a file's suffix.

    ``arrays`` are its columns where they are given in memory. A column that is wrong is ``found``
    and left out. Columns that `columns` does not list give way to ``declared_names``.
    """
    files: tuple[Path, ...] = ()
    digest: FileDigest | None = None
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
        frame, place = inline_frame(declared), declared.place
    else:
        files, digest, frame = _read(declared, reach, reader)
        place = declared.place_of("read")
    columns: dict[str, TakenColumn] = {}
    places: dict[str, Place | None] = {}
    for column, entry in declared.entries_of("columns").items():
        settings = Column.in_full((declared.columns or {})[column], entry.value)
        with found.declaring(column):
            name_of(entry.key, dotted=False)
            named = _in_expressions(column)
            columns[named] = take(named, settings, frame, settings.place_of("take"))
            places[named] = settings.place
    own, hidden = _own_names(frame, columns)
    if declared.columns is not None:
        own = {column: at for column, at in own.items() if column not in declared_names}
    for column, position in own.items():
        columns[column] = take(column, Column.model_construct(take=position), frame, place)
        places[column] = place
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
        digest,
        declared.read or "",
        declared.in_memory,
        hidden=hidden,
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


def _in_expressions(name: str) -> str:
    """A name as expressions have it, however its letters are composed."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def _own_names(
    frame: Frame, listed: Mapping[str, TakenColumn]
) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """The columns that keep their own name, with their positions; and the names in the file that
    no expression can use, with what makes each of them one that can."""
    taken = {at: one.name for one in listed.values() for at in one.positions}
    names = [_in_expressions(name) if name.isidentifier() else "" for name in frame.names]
    counts = Counter(names)
    own, hidden = {}, {}
    for at, name in enumerate(names):
        if not name or iskeyword(name) or name in listed:
            continue
        if counts[name] > 1:
            hidden[name] = (
                f"the table has several columns of this name: take one by its position, "
                f"columns: {{{name}: {names.index(name)}}}"
            )
        elif at in taken:
            hidden[name] = f"`columns` takes it as `{taken[at]}`: add `{name}: {name}` to them"
        else:
            own[name] = at
    return own, hidden


def _read(
    declared: Table, reach: FileReach, reader: Callable[[Table], Reader]
) -> tuple[tuple[Path, ...], FileDigest, Frame]:
    written = declared.node_of("read")
    assert isinstance(written, ScalarNode)
    reach.path(written)  # one that leaves the folder is told so, whatever its suffix
    read = reader(declared)
    files = reach.files(written)
    try:
        digest = FileDigest(files)
        if declared.sha256 is not None:
            _check_digest(declared, files, digest.text())
        return files, digest, joined(files, read)
    except OptserveError:
        raise
    except Exception as error:  # the reader may be anybody's code
        reason = error.strerror if isinstance(error, OSError) else repr(error)
        raise ConfigError(
            f"cannot read {written.text}: {reason}", place=written.place, code="unreadable-file"
        ) from error


def _check_digest(declared: Table, files: Sequence[Path], digest: str) -> None:
    if declared.sha256 is not None and digest != declared.sha256.lower():
        name = files[0].name if len(files) == 1 else "the file that these files make together"
        raise ConfigError(
            f"{name} has another SHA-256: {digest}",
            place=declared.place_of("sha256"),
            expected="the file that this config was written for",
            remedy="if it was changed on purpose, write its digest here",
            code="checksum",
        )
