"""``load``: a config file becomes the ``Problem`` of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.backends.base import Backend
from optserve.config.arrays import Arrays, read_arrays
from optserve.config.declarations import Declarations, declarations, name_of, parsed
from optserve.config.epochs import check_splits, minibatch_of, stop_of
from optserve.config.expectations import expectations_of
from optserve.config.extends import extended, read_tree
from optserve.config.given import columns_of, tree_of
from optserve.config.inputs import Inputs, Traced
from optserve.config.method import is_given, method_of, optimizer_of
from optserve.config.metrics import build_metrics
from optserve.config.needed import check_requirements, registry_for
from optserve.config.nodes import MappingNode, Node, plain
from optserve.config.objective import Built, build_objective
from optserve.config.options import with_options
from optserve.config.overrides import apply
from optserve.config.parameters import parameter_of, shape_of, start_points
from optserve.config.paths import Reach
from optserve.config.schema.config import Config
from optserve.config.schema.table import Table
from optserve.config.schema.validation import validated
from optserve.config.scope import Tables, check_unique, evaluate_size
from optserve.errors import ConfigError, Told
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.interpret import bind_rows
from optserve.graph.streamed import Streamed
from optserve.jobs import problem as jobs
from optserve.jobs.parameters import Parameter
from optserve.optimizers.base import Optimizer
from optserve.primitives.vocabulary import Vocabulary
from optserve.registry import Registry

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
    tree = extended(tree_of(config), reach) if path is None else read_tree(path, reach)
    tree = apply(tree, overrides, folder)
    if data is not None and "data" not in tree:
        tree = replace(tree, entries={**tree.entries, **_no_data().entries})
    written = validated(Config, tree)
    declared = declarations(written)
    check_requirements(written)
    if registry is None:
        registry = registry_for(written, declared, plugin_files)
    tables = _tables(written, declared, reach, registry, data)
    check_unique(declared, tables)
    seed = written.seed if seed is None else seed
    return _problem(written, declared, registry, tables, seed, path, tree)


def _no_data() -> MappingNode:
    """A table of which a config says nothing, its columns being given in memory."""
    tree = tree_of({"data": {}})
    assert isinstance(tree, MappingNode)
    return tree


def _problem(
    config: Config,
    declared: Declarations,
    registry: Registry,
    tables: Tables,
    seed: int,
    path: Path | None,
    tree: MappingNode,
) -> jobs.Problem:
    told = Told()
    if config.backend != "auto":
        with told:
            registry.find("backends", config.backend, config.place_of("backend"))
    kind = declared.loss.kind
    with told:
        optimizer = optimizer_of(method_of(config), kind, registry)
    precision = np.dtype(config.precision)
    vocabulary = registry.vocabulary()
    shapes = _shapes(config, tables, vocabulary, told)
    inputs = partial(Inputs, shapes, tables, vocabulary, precision)
    if len(shapes) == len(config.parameters):
        with told:
            built = build_objective(declared, config.parameters_in_full, inputs())
        with told:
            measured = build_metrics(declared, inputs()) if declared.metrics else None
    with told:
        parameters = _parameters(config, shapes, registry, seed)
        starts = start_points(config.starts, {one.name: one for one in parameters})
    told.hold()
    traced = built.traced
    columns = {one.name: one for one in (*traced.columns, *(measured.columns if measured else ()))}
    arrays = read_arrays(columns.values(), precision)
    data = traced.arrays(arrays.splits["train"])
    _check_streamed(data, optimizer, config, declared)
    row_counts = bind_rows(traced.graph.inputs[len(parameters) :], list(data.values()))
    with told:
        expectations = expectations_of(config, parameters, arrays.splits)
    with told:
        minibatch = minibatch_of(config, traced.graph, row_counts, optimizer)
        stop = stop_of(config.stop, minibatch, arrays.splits, declared.metrics)
    told.hold()
    return jobs.Problem(
        name=config.name or ("config" if path is None else path.stem),
        parameters=parameters,
        objective=jobs.Objective(
            kind=kind,
            graph=traced.graph,
            data=data,
            residuals=built.residuals,
            penalties=built.penalties,
            sigma=built.sigma is not None,
            weightless=_weightless(built, declared, parameters, arrays, row_counts),
            observed=declared.loss.comparison,
            place=declared.loss.place,
        ),
        optimizer=optimizer,
        optimizer_given=is_given(method_of(config)),
        stop=stop,
        minibatch=minibatch,
        held_out={
            split: traced.arrays(columns)
            for split, columns in arrays.splits.items()
            if split != "train"
        },
        metrics=_metrics(declared, measured, arrays),
        starts=starts,
        expectations=expectations,
        third_party=_third_party(traced, measured, registry),
        precision=config.precision,
        seed=seed,
        backend=config.backend,
        backends=_backends(registry),
        rows_used=arrays.rows_used,
        rows_read=arrays.rows_read,
        warnings=(*_unused(traced, declared), *arrays.warnings),
        metadata={
            "file": "" if path is None else str(path),
            "config": plain(tree),
            "data": {table.name: table.provenance for table in tables.tables if table.files},
        },
    )


def _weightless(
    built: Built,
    declared: Declarations,
    parameters: Sequence[Parameter],
    arrays: Arrays,
    row_counts: Mapping[str, int],
) -> int:
    """How many residuals do not count, their ``sigma`` being infinite; it is checked on the way."""
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


def _shapes(
    config: Config, tables: Tables, vocabulary: Vocabulary, told: Told
) -> Mapping[str, tuple[int, ...]]:
    """The shapes of the parameters, of those whose shape is not wrong."""
    precision = np.dtype(config.precision)

    def size_of(size: Node) -> int:
        return evaluate_size(parsed(size), tables, vocabulary, precision)

    shapes: dict[str, tuple[int, ...]] = {}
    for name, written in config.parameters_in_full.items():
        with told:
            shapes[name] = shape_of(written, size_of)
    return shapes


def _parameters(
    config: Config, shapes: Mapping[str, tuple[int, ...]], registry: Registry, seed: int
) -> tuple[Parameter, ...]:
    precision = np.dtype(config.precision)
    written = config.parameters_in_full
    parameters: list[Parameter] = []
    told = Told()
    for name, shape in shapes.items():
        with told:
            parameters.append(
                parameter_of(
                    name, written[name], shape, registry=registry, seed=seed, precision=precision
                )
            )
    told.hold()
    return tuple(parameters)


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


def _third_party(
    traced: Traced, measured: Traced | None, registry: Registry
) -> tuple[jobs.Provided, ...]:
    """The primitives of the loss and the metrics that plugins provide."""
    plugins = {
        entry.value: jobs.Provided(entry.value, entry.distribution, entry.version)
        for entry in registry.primitives.values()
        if not entry.builtin
    }
    graphs = [one.graph for one in (traced, measured) if one]
    used = (equation.primitive for graph in graphs for equation in graph.all_equations())
    return tuple(plugins[primitive] for primitive in dict.fromkeys(used) if primitive in plugins)


def _unused(traced: Traced, declared: Declarations) -> tuple[str, ...]:
    return tuple(
        f"{declared.parameters[name]}: the loss does not depend on the parameter '{name}'"
        for name in traced.unused
    )


def _backends(registry: Registry) -> dict[str, Backend]:
    """All that are there, with the native code that plugins bring."""
    backends = {name: entry.value for name, entry in registry.backends.items()}
    lowerings = [entry.value for entry in registry.lowerings.values()]
    for name, backend in backends.items():
        if lowerings and backend.with_lowerings is not None:
            backends[name] = backend.with_lowerings(lowerings)
    return backends
