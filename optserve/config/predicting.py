"""What a fit predicts for new data: the value of an expression where its columns are new."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from optserve.config.allowed_paths import FileReach
from optserve.config.arrays import read_arrays
from optserve.config.config_scope import Tables
from optserve.config.data.opening import reader_of
from optserve.config.declared import Declared, declared
from optserve.config.expressions import Expression, Text, parse_expression
from optserve.config.extends import extended
from optserve.config.inputs import Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.outputs import check_apart
from optserve.config.parse_yaml import parse
from optserve.config.problem import tables_of
from optserve.config.reals import real_array
from optserve.config.schema.table import Column, Table
from optserve.config.source import read_source
from optserve.config.traced_problem import traced
from optserve.config.written import Read
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.registry import load
from optserve.tables.cells import FILL_IN
from optserve.tables.frame import CellKind, Frame
from optserve.tables.suffix import suffix_of

__all__ = ["NewRows", "new_rows", "stored_config"]

_KINDS: Mapping[str, tuple[CellKind, type]] = {
    "float": ("float", float),
    "integer": ("integer", np.int64),
    "bool": ("bool", bool),
}


class NewRows(NamedTuple):
    """The graph of a value for new rows: its inputs are the parameters, then ``data``, in order.

    ``given`` are the new columns that the value is made of; ``provenance`` has of each table of the
    config the file and its digest, as they are now. ``weighted`` says that the rows of the fit have
    weights other than counts, so that the spread of a new observation is not known.
    """

    graph: Graph
    data: tuple[Array, ...]
    given: Mapping[str, Array]
    provenance: Mapping[str, Mapping[str, str]]
    weighted: bool = False


def stored_config(stored: Path, config: Path) -> Read:
    """The config that a run left as ``stored``, whose files are where ``config`` was."""
    source = replace(read_source(stored), folder=config.parent)
    return Read(config, extended(parse(source), FileReach(config.parent, False)))


def new_rows(
    config: Read,
    file: Path,
    value: str = "",
    *,
    plugin_files: Sequence[Path] = (),
    allow_path: bool = False,
) -> NewRows:
    """``value`` for the rows of ``file``; by default what least squares compare as ``predicted``.

    The columns of the config's one table stand for those of the file that have their names. All
    that the value is made of must be there: what is computed from the training rows (``derive``,
    ``standardize``, categories) is not computed for new ones, and is refused.
    """
    found = Mistakes()
    names = declared(
        config,
        found,
        overrides=(),
        allow_path=allow_path,
        with_data=False,
        registry=None,
        plugin_files=plugin_files,
    )
    tables = tables_of(names, None, found)
    graphs = traced(names, tables, found, names.written.config.seed)
    found.hold()
    expression = _expression(names, value)
    parts = [expression, *(one.expression for one in names.declarations.needed(expression))]
    used = [
        column.name
        for column in tables.columns()
        if any(names.declarations.uses(part, [column.name]) for part in parts)
    ]
    new, count = _columns(names, used, file, plugin_files)
    _check_rows([name for name in used if name not in new], tables, file)
    precision = np.dtype(names.written.config.precision)
    shapes = {one.name: one.shape for one in graphs.parameters}
    inputs = Inputs(shapes, tables, names.registry.vocabulary(), precision)
    given = {
        name: inputs.trace.lift(one.astype(precision) if one.dtype.kind == "f" else one)
        for name, one in new.items()
    }
    what = "the prediction"
    scope = inputs.at(names.declarations, expression, given)
    traced_value = real_array(expression, scope, inputs.trace, what)
    bound = inputs.graph([traced_value])
    _check_rows(bound.columns, tables, file)
    again = Inputs(shapes, tables, names.registry.vocabulary(), precision)
    kinds = {name: given[name].dtype for name in new}
    check_apart(what, expression, names.declarations, again, kinds)
    shape = traced_value.shape
    if not new or shape[:1] != (count,):
        raise ConfigError(
            f"{what} has the shape {shape}, and {file.name} has {count} rows",
            place=expression.place,
            expected="a value for each row",
            code="wrong-output",
        )
    columns = [column for column in tables.columns() if column.name in bound.columns]
    arrays = read_arrays(columns, precision, found)
    found.hold()
    assert arrays is not None
    provenance = {one.name: one.provenance for one in tables.tables if one.files}
    data = (*bound.arrays(arrays.splits["train"]).values(),)
    weighted = names.declarations.loss.weights not in (None, "counts")
    return NewRows(bound.graph, data, new, provenance, weighted)


def _expression(names: Declared, value: str) -> Expression:
    if value in names.declarations.outputs:
        output = names.declarations.outputs[value]
        raise ConfigError(
            f"'{value}' is an output, and new rows are predicted by expressions",
            place=Place("--value", 1, 1, excerpt=value),
            expected="an expression of columns, parameters and values of `define`",
            remedy=f"--value '{output.value}' is what it is made of",
            code="wrong-output",
        )
    if value:
        return parse_expression(Text.at(value, Place("--value", 1, 1, excerpt=value)))
    loss = names.declarations.loss
    if "predicted" not in loss.terms:
        raise ConfigError(
            "the config does not say what is predicted",
            place=loss.place,
            expected="least_squares: {observed: y, predicted: ...}",
            remedy="say what to compute: --value EXPRESSION",
            code="wrong-output",
        )
    return loss.terms["predicted"]


def _columns(
    names: Declared, used: Sequence[str], file: Path, plugin_files: Sequence[Path]
) -> tuple[Mapping[str, Array], int]:
    """Those of the ``used`` columns that the file gives as they are, and how many rows it has."""
    config = names.written.config
    if not isinstance(config.data, Table):
        raise ConfigError(
            "new data are given for one table, and the config has "
            + ("several" if config.data else "none"),
            place=config.place_of("data"),
            expected="a config of one table",
            code="given-data",
        )
    written = config.data.model_copy(update={"read": str(file)})
    if not file.exists():
        raise ConfigError(f"there is no file {file}", code="missing-file")
    installed = load({suffix_of(file.name)}, plugin_files, names.written.config.plugins.prefer)
    frame: Frame = reader_of(written, installed)(file)
    derived = {one.name for one in names.declarations.tables["data"].derived}
    found: dict[str, Array] = {}
    for name in used:
        taken = None if name in derived else _taken(config.data, name, frame)
        if taken is not None:
            position, kind = taken
            read, dtype = _KINDS[kind]
            try:
                found[name] = np.asarray(frame.read({position: read})[position], dtype)
            except ConfigError as error:  # whose remedies are for the rows of a fit
                error.remedy = error.remedy.replace(FILL_IN, "fill it in, or leave out the row")
                raise
    return found, frame.rows


def _taken(table: Table, name: str, frame: Frame) -> tuple[int, str] | None:
    """Where in a new file a column is, and how it is read; nothing where it is not there, or more
    than a column of the file."""
    source: object = name
    kind = "float"
    written = None if table.columns is None else table.columns.get(name, name)
    if isinstance(written, Column):
        plain = written.divide == 1.0 and written.origin is None and not written.standardize
        if not plain or written.as_ not in _KINDS:
            return None
        source, kind = written.take, written.as_
    elif written is not None:
        source = written
    if isinstance(source, int):
        return (source, kind) if 0 <= source < frame.width else None
    if frame.names.count(source) > 1:
        raise ConfigError(
            f"{frame.names.count(source)} columns of the new data are called {source!r}",
            expected="one column of this name",
            code="unknown-column",
        )
    return (frame.names.index(source), kind) if source in frame.names else None


def _check_rows(columns: Collection[str], tables: Tables, file: Path) -> None:
    """Refuse a value that is made of ``columns`` where some are rows of the training data."""
    rows = {column.name for column in tables.columns() if column.table.has_rows}
    missing = [name for name in columns if name in rows or name.startswith("row(")]
    if missing:
        raise ConfigError(
            f"the prediction is made of '{missing[0]}', and {file.name} does not give it as it is",
            expected=f"a file with a column for each of {', '.join(missing)}",
            remedy="what is computed from training rows (derive, standardize, a category) is not "
            "computed for new ones: give the column itself, or write what it is in `define`",
            code="wrong-output",
        )
