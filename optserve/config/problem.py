"""``load``: a config file becomes the ``Problem`` of a job."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.config.arrays import Arrays, read_arrays
from optserve.config.declarations import Declarations, declarations, name_of
from optserve.config.epochs import check_splits, minibatch_of, stop_of
from optserve.config.expectations import expectations_of
from optserve.config.extends import extended, read_tree
from optserve.config.given import columns_of, tree_of
from optserve.config.inputs import Traced
from optserve.config.method import is_given, method_of
from optserve.config.needed import check_requirements, registry_for
from optserve.config.nodes import MappingNode, plain
from optserve.config.options import with_options
from optserve.config.overrides import apply
from optserve.config.paths import Reach
from optserve.config.schema.config import Config
from optserve.config.schema.table import Table
from optserve.config.schema.validation import validated
from optserve.config.scope import Tables, check_unique
from optserve.config.structure import (
    LAYOUTS,
    Declared,
    Structure,
    content_of,
    layout_of,
    structure_of,
)
from optserve.errors import ConfigError, Told
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.interpret import bind_rows
from optserve.graph.streamed import Streamed
from optserve.jobs import problem as jobs
from optserve.memo import Memo
from optserve.optimizers.base import Optimizer
from optserve.registry import Registry, default_session, installation

if TYPE_CHECKING:
    from optserve.tables.frame import Reader

__all__ = ["load"]


def load(
    config: str | Path | Mapping[str, Any] | Config,
    *,
    data: Any = None,
    registry: Registry | None = None,
    overrides: Sequence[str] = (),
    allow_path: bool = False,
    seed: int | None = None,
    plugin_files: Sequence[Path] = (),
) -> jobs.Problem:
    """The problem that ``config`` declares.

    Parameters
    ----------
    config:
        A YAML file, a mapping of the same content, or a ``Config``. Files that a mapping or a
        ``Config`` names are looked for from the working directory on.
    data:
        The columns of the table, where the config names no file: arrays by name, each of shape
        (rows,) or (rows, ...), a data frame, or an Arrow table. They are not copied.
    registry:
        Where names are looked up; by default the plugins that the config needs are imported.
    overrides:
        ``a.b=value`` texts (``--set``), applied in order.
    allow_path:
        Whether files outside of the config's folder may be read.
    seed:
        Of initial values, instead of the config's.
    plugin_files:
        Python files to load as plugins (``--plugin``).

    Raises an ``OptserveError``, placed in the file, for whatever in it is not right.

    >>> columns = {"x": np.array([1.0, 2.0]), "y": np.array([2.0, 4.1])}
    >>> problem = load(
    ...     {"version": 1, "parameters": {"b": 1}, "least_squares": "y - b * x"}, data=columns
    ... )
    >>> problem.parameters[0].init, list(problem.objective.data)
    (array(1.), ['x', 'y'])
    """
    path = Path(config) if isinstance(config, str | Path) else None
    folder = Path() if path is None else path.parent
    reach = Reach(folder, allow_path)

    def declare() -> Declared:
        tree = extended(tree_of(config), reach) if path is None else read_tree(path, reach)
        tree = apply(tree, overrides, folder)
        if data is not None and "data" not in tree:
            tree = replace(tree, entries={**tree.entries, **_no_data().entries})
        written = validated(Config, tree)
        declared = declarations(written)
        check_requirements(written)
        known = registry or registry_for(written, declared, plugin_files)
        return Declared(tree, written, declared, known, Memo(LAYOUTS))

    memo = default_session().declared
    options = (*overrides,), data is None, allow_path, installation(plugin_files)
    key = _content(config, path), options
    declared = declare() if key[0] is None else memo.of(key, declare, registry)
    tables = _tables(declared.config, declared.declarations, reach, declared.registry, data)
    check_unique(declared.declarations, tables)
    seed = declared.config.seed if seed is None else seed
    layout = layout_of(tables, declared.config)
    built = declared.structures.of((layout, seed), lambda: structure_of(declared, tables, seed))
    if declared.registry.failures:  # which may be mended meanwhile
        memo.drop(key, registry)
    return _problem(declared, built, tables, seed, path)


def _content(config: str | Path | Mapping[str, Any] | Config, path: Path | None) -> Hashable:
    """What the config says, to know it again; ``None`` where that is more than stands in it."""
    try:
        if path is None:
            entries = config if isinstance(config, Mapping) else {}
            return None if "extends" in entries else (content_of(config), str(Path.cwd()))
        text = path.read_bytes()
        return None if b"extends" in text else (str(path), text)
    except (TypeError, OSError):
        return None


def _no_data() -> MappingNode:
    """A table of which a config says nothing, its columns being given in memory."""
    tree = tree_of({"data": {}})
    assert isinstance(tree, MappingNode)
    return tree


def _problem(
    declared: Declared, built: Structure, tables: Tables, seed: int, path: Path | None
) -> jobs.Problem:
    """The problem of this structure over the data of ``tables``, which are read."""
    config, declarations, parameters = declared.config, declared.declarations, built.parameters
    precision = np.dtype(config.precision)
    traced, measured = built.built.traced, built.measured
    columns = {one.name: one for one in tables.columns()}
    used = dict.fromkeys((*traced.columns, *(measured.columns if measured else ())))
    arrays = read_arrays([columns[name] for name in used], precision)
    told = Told()
    data = traced.arrays(arrays.splits["train"])
    _check_streamed(data, built.optimizer, config, declarations)
    row_counts = bind_rows(traced.graph.inputs[len(parameters) :], list(data.values()))
    with told:
        expectations = expectations_of(config, parameters, arrays.splits)
    with told:
        minibatch = minibatch_of(config, traced.graph, row_counts, built.optimizer)
        stop = stop_of(config.stop, minibatch, arrays.splits, declarations.metrics)
    told.hold()
    return jobs.Problem(
        name=config.name or ("config" if path is None else path.stem),
        parameters=parameters,
        objective=jobs.Objective(
            kind=declarations.loss.kind,
            graph=traced.graph,
            data=data,
            residuals=built.built.residuals,
            penalties=built.built.penalties,
            sigma=built.built.sigma is not None,
            weightless=_weightless(built, declarations, arrays, row_counts),
            observed=declarations.loss.comparison,
            place=declarations.loss.place,
        ),
        optimizer=built.optimizer,
        optimizer_given=built.optimizer_given,
        stop=stop,
        minibatch=minibatch,
        held_out={
            split: traced.arrays(columns)
            for split, columns in arrays.splits.items()
            if split != "train"
        },
        metrics=_metrics(declarations, measured, arrays),
        starts=built.starts,
        expectations=expectations,
        third_party=built.third_party,
        precision=config.precision,
        seed=seed,
        backend=config.backend,
        backends=built.backends,
        rows_used=arrays.rows_used,
        rows_read=arrays.rows_read,
        warnings=(*built.unused, *arrays.warnings),
        metadata={
            "file": "" if path is None else str(path),
            "config": plain(declared.tree),
            "data": {table.name: table.provenance for table in tables.tables if table.files},
        },
        shared=built.shared,
    )


def _weightless(
    structure: Structure, declared: Declarations, arrays: Arrays, row_counts: Mapping[str, int]
) -> int:
    """How many residuals do not count, their ``sigma`` being infinite; it is checked on the way."""
    built, parameters = structure.built, structure.parameters
    if built.sigma is None:
        return 0
    from optserve.config.sigma import check_sigma  # most losses do without

    traced, terms = built.traced, declared.loss.terms
    splits = {name: [*traced.arrays(one).values()] for name, one in arrays.splits.items()}
    share = check_sigma(built.sigma, terms, parameters, splits, arrays)
    return round(share * prod(resolve_shape(traced.graph.outputs[1].aval.shape, row_counts)))


def _metrics(
    declared: Declarations, measured: Traced | None, arrays: Arrays
) -> jobs.Metrics | None:
    if measured is None:
        return None
    data = {split: measured.arrays(columns) for split, columns in arrays.splits.items()}
    return jobs.Metrics(tuple(declared.metrics), measured.graph, data)


def _tables(
    config: Config, declared: Declarations, reach: Reach, registry: Registry, data: Any
) -> Tables:
    """The tables of ``data``, opened and not yet read."""
    if config.data is None:
        return Tables((), bare=True)
    from optserve.config.data.table import DataTable, open_table

    check_splits(config)
    bare = isinstance(config.data, Table)
    if not bare:
        for entry in config.entries_of("data").values():
            name_of(entry.key, dotted=False)
    tables: list[DataTable] = []
    told = Told()
    for name, table in config.tables.items():
        with told:
            for entry in table.entries_of("columns").values():
                name_of(entry.key, dotted=False)
            arrays = None if data is None else _arrays(table, data, several=not bare)
            opened = open_table(name, table, reach, lambda table: _reader(table, registry), arrays)
            if table.selecting:
                from optserve.config.data.selection import selected

                of_rows = declared.tables[name]
                opened = selected(opened, table, of_rows, declared.functions, registry.vocabulary())
            tables.append(opened)
    told.hold()
    return Tables(tuple(tables), bare)


def _arrays(table: Table, data: Any, *, several: bool) -> Mapping[str, Array]:
    """The columns that are given in memory for a table, which then reads nothing."""
    sources = (key for key in ("read", "inline", "sha256") if getattr(table, key) is not None)
    given = next(sources, next(iter(table.options.entries), None))
    if given is not None:
        raise ConfigError(
            f"`{given}` is about what the config reads, and the data are given in memory",
            place=table.place_of(given),
            expected="either of them; what the config says of rows and columns may stay",
        )
    if several:
        raise ConfigError(
            "the config has several tables, and the data given in memory are one",
            place=table.place,
            expected="a config of one table",
        )
    return columns_of(data)


def _reader(table: Table, registry: Registry) -> Reader:
    """The reader of the table's file, by its suffix, with the options that the table gives."""
    assert table.read is not None
    place = table.node_of("read").place
    suffix = Path(table.read).suffix[1:]
    if not suffix:
        raise ConfigError(
            f"the name {table.read!r} has no suffix, which says how the file is read",
            place=place,
            expected=f"a name that ends in .{', .'.join(registry.names('readers'))}",
        )
    function = registry.find("readers", suffix, place).value
    reader: Reader = with_options(function, table.options, place, registry, Table.keys())
    return reader


def _check_streamed(
    data: Mapping[str, Array | Streamed],
    optimizer: Optimizer | None,
    config: Config,
    declared: Declarations,
) -> None:
    """Hold that the method does without all residuals at once where data is streamed."""
    streamed = [name for name, array in data.items() if isinstance(array, Streamed)]
    if not streamed or optimizer is None or optimizer.needs != "jacobian":
        return
    given = is_given(method_of(config))
    raise ConfigError(
        f"{optimizer.name} holds the residuals and their derivatives of all rows in memory, and "
        f"{streamed[0]} is streamed",
        place=config.place_of("optimizer") if given else declared.loss.place,
        remedy="`optimizer: lbfgs` does without them; `in_memory: true` in the table holds all",
    )
