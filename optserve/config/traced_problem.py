"""``Traced``: all of a problem that the values of its data do not change, made once.

Problems of one config over data of one layout share it, and with it the graphs that are derived
from it and compiled. What is read from files, and what depends on values, is made anew each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optserve.backends.backend import Backend
from optserve.config.arrays import Arrays
from optserve.config.config_scope import Tables
from optserve.config.declarations import Declarations
from optserve.config.declared import Declared
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.metrics import build_metrics
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import Node
from optserve.config.objective import Built, build_objective
from optserve.config.of_data import StartsOfData, build_starts, evaluate_size
from optserve.config.optimizer import is_given, method_of, optimizer_of
from optserve.config.outputs import Curve, build_outputs
from optserve.config.parameters import parameter_of, shape_of, start_points
from optserve.config.parsing import parsed
from optserve.config.placing import placed
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs import problem as jobs
from optserve.jobs.consistency import check_metric_names
from optserve.jobs.parameters import JobParameter
from optserve.memo import Memo
from optserve.optimizers.base import Optimizer
from optserve.registry import Registry

if TYPE_CHECKING:
    from optserve.config.data.data_table import DataTable  # a config without data does without it
    from optserve.config.simulated_columns import DrawnGraphs

__all__ = ["Traced", "traced"]

MOST_LOOKS = 4
"""How often the columns that are used may change with the number of rows that they leave."""


@dataclass(frozen=True, eq=False)
class Traced:
    """The loss, the metrics and the outputs as graphs, with the parameters and the method that go
    with them.

    What is wrong is missing: ``loss``, ``metrics`` and ``outputs`` are ``None`` then, and so are
    metrics where there are none. ``drawn`` is what a simulation draws, if that is said.
    ``computed`` computes the starts of ``parameters`` that are expressions of data. ``shared``
    holds the graphs and callables that jobs made of it.
    """

    optimizer: Optimizer | None
    optimizer_given: bool
    loss: Built | None
    metrics: BoundGraph | None
    outputs: Mapping[str, Curve] | None
    drawn: DrawnGraphs | None
    parameters: tuple[JobParameter, ...]
    computed: StartsOfData
    starts: tuple[Mapping[str, Array], ...]
    third_party: tuple[jobs.Provided, ...]
    backends: Mapping[str, Backend]
    unused: tuple[str, ...]
    shared: Memo

    def started(self, arrays: Arrays, names: Declarations) -> tuple[JobParameter, ...]:
        """The parameters, started; those that start at the same values are the same."""
        if self.computed.graph is None:
            return self.parameters
        parameters = self.computed.of(arrays, self.parameters, names)
        key = "parameters", tuple(one.init.tobytes() for one in parameters)
        return self.shared.of(key, lambda: parameters)

    def columns(self, names: Declarations, tables: Tables) -> frozenset[str]:
        """The names of the columns that the graphs read; of graphs that are missing, those that
        their expressions mention."""
        outputs = [one.graph for one in (self.outputs or {}).values()]
        graphs = (self.loss and self.loss.traced, self.metrics, self.computed.graph, *outputs)
        read = {column for graph in graphs if graph for column in graph.columns}
        read |= self.drawn.read() if self.drawn else frozenset()
        missing = [] if self.loss else [*names.loss.terms.values()]
        missing += [] if self.metrics else [*names.metrics.values()]
        missing += [] if self.drawn else [*names.simulated.expressions]
        if self.outputs is None:
            missing += [one for o in names.outputs.values() for one in (o.value, *o.at.values())]
        for column in tables.columns() if missing else ():
            if any(names.uses(expression, [column.name]) for expression in missing):
                read.add(column.name)
        return frozenset(read)


def traced(declared: Declared, tables: Tables, found: Mistakes, seed: int) -> Traced:
    """What ``declared`` makes over data of the layout of ``tables``; ``seed`` draws initial values.

    What was made before of data of this layout is kept.
    """
    if "rows" in declared.asked and any(map(_drops, tables.tables)):
        tables = _settled(declared, tables, seed)
    return _kept(declared, tables, found, seed)


def _kept(declared: Declared, tables: Tables, found: Mistakes, seed: int) -> Traced:
    key = _layout(tables, declared), seed
    made = declared.traced.of(key, lambda: _traced(declared, tables, found, seed))
    if found.errors:
        declared.traced.drop(key)
    return made


def _drops(table: DataTable) -> bool:
    return table.selection is not None and table.selection.drops


def _settled(declared: Declared, tables: Tables, seed: int) -> Tables:
    """``tables``, which know by the gaps of which columns rows are left out: those that are used of
    what is made with as many rows as these leave."""
    for _ in range(MOST_LOOKS):
        made = _kept(declared, tables, Mistakes(), seed)
        used = made.columns(declared.declarations, tables) | _clusters(declared, made, tables)
        known = tables._replace(used=used)
        if _layout(known, declared) == _layout(tables, declared):
            return known
        tables = known
    [dropping] = [table for table in tables.tables if _drops(table)][:1]
    raise ConfigError(
        f"which rows of {dropping.name} are used depends on rows({dropping.name}) itself: with "
        "another number of rows other columns are used",
        place=dropping.place,
        expected="a loss that uses the same columns whatever the number of rows, or data without "
        "gaps",
        code="contradiction",
    )


def _clusters(declared: Declared, made: Traced, tables: Tables) -> frozenset[str]:
    """The columns that error bars look at, those that are there."""
    config, kind = declared.written.config, declared.declarations.loss.kind
    if config.uncertainty is None:
        return frozenset()
    from optserve.config.wanted_errors import errors_asked

    errors = errors_asked(config, kind, made.parameters, declared.asked, Mistakes())
    names = {one.column for one in errors.methods if one.column}
    return frozenset(one.name for one in tables.columns() if one.name in names)


def _layout(tables: Tables, declared: Declared) -> Hashable:
    """What all this depends on of the tables: their columns by name, shape and dtype."""
    precision = np.dtype(declared.written.config.precision)
    columns = tuple((one.name, one.aval(precision)) for one in tables.columns())
    said = tables.bare, columns, tuple(tables.hidden().items())
    words = declared.asked
    if not words or not tables.tables:
        return said
    from optserve.config.data.sizes import asked  # most configs do without

    return *said, asked(words, tables)


def _traced(declared: Declared, tables: Tables, found: Mistakes, seed: int) -> Traced:
    config, names, registry = declared.written.config, declared.declarations, declared.registry
    if config.backend != "auto":
        with found:
            registry.find("backends", config.backend, config.place_of("backend"))
    optimizer = None
    with found.declaring(keys=["optimizer"]):
        optimizer = optimizer_of(method_of(config), names.loss.kind, registry)
    vocabulary = registry.vocabulary()
    precision = np.dtype(config.precision)
    of_data = Inputs({}, tables, vocabulary, precision)
    computed = build_starts(names, of_data, registry, found)
    shapes = _shapes(declared, of_data, computed, found)
    inputs = partial(Inputs, shapes, tables, vocabulary, precision)
    loss = build_objective(names, config.parameters_in_full, inputs(), found)
    with found, placed(config):
        check_metric_names(names.metrics)
    metrics = build_metrics(names, inputs(), found) if names.metrics else None
    outputs = build_outputs(names, inputs, found)
    drawn = None
    if names.simulated.expressions:
        from optserve.config.simulated_columns import build_drawn  # most configs do without

        drawn = build_drawn(
            names, lambda further: inputs(further=further), tables, loss and loss.traced, found
        )
    parameters = _parameters(declared, shapes, computed, found, seed)
    bound = loss.traced if loss else None
    graphs = bound, metrics, *(one.graph for one in (outputs or {}).values())
    return Traced(
        optimizer=optimizer,
        optimizer_given=is_given(method_of(config)),
        loss=loss,
        metrics=metrics,
        outputs=outputs,
        drawn=drawn,
        parameters=parameters,
        computed=computed,
        starts=start_points(config, parameters, found),
        third_party=_third_party([one for one in graphs if one], registry),
        backends=_backends(registry),
        unused=_unused(bound, names) if bound else (),
        shared=Memo(jobs.SHARED),
    )


def _shapes(
    declared: Declared, of_data: Inputs, computed: StartsOfData, found: Mistakes
) -> Mapping[str, tuple[int, ...]]:
    """The shapes of the parameters, of those of which nothing is wrong."""

    def size_of(size: Node) -> int:
        return evaluate_size(parsed(size), declared.declarations, of_data)

    shapes: dict[str, tuple[int, ...]] = {}
    for name, written in declared.written.config.parameters_in_full.items():
        if name in declared.declarations.parameters and name not in found.names:
            with found.declaring(name):
                shapes[name] = shape_of(written, size_of, computed.shapes.get(name))
    return shapes


def _parameters(
    declared: Declared,
    shapes: Mapping[str, tuple[int, ...]],
    computed: StartsOfData,
    found: Mistakes,
    seed: int,
) -> tuple[JobParameter, ...]:
    """The parameters that are not wrong, whose arrays nobody changes: other problems have them."""
    config, registry = declared.written.config, declared.registry
    written, precision = config.parameters_in_full, np.dtype(config.precision)
    parameters: list[JobParameter] = []
    for name, shape in shapes.items():
        with found:
            parameters.append(
                parameter_of(
                    name,
                    written[name],
                    shape,
                    computed=name in computed.shapes,
                    registry=registry,
                    seed=seed,
                    precision=precision,
                )
            )
    for one in parameters:
        for array in (one.init, one.lower, one.upper, one.fixed):
            array.flags.writeable = False
    return tuple(parameters)


def _third_party(graphs: list[BoundGraph], registry: Registry) -> tuple[jobs.Provided, ...]:
    """The primitives of the graphs that plugins provide."""
    plugins = {
        entry.value: jobs.Provided(entry.value, entry.distribution, entry.version, entry.module)
        for entry in registry.primitives.values()
        if not entry.builtin
    }
    used = (equation.primitive for one in graphs for equation in one.graph.all_equations())
    return tuple(plugins[primitive] for primitive in dict.fromkeys(used) if primitive in plugins)


def _unused(bound: BoundGraph, names: Declarations) -> tuple[str, ...]:
    return tuple(
        f"{names.parameters[name]}: the loss does not depend on the parameter '{name}'"
        for name in bound.unused
    )


def _backends(registry: Registry) -> dict[str, Backend]:
    """All that are there, with the native code that plugins bring."""
    backends = {name: entry.value for name, entry in registry.backends.items()}
    lowerings = [entry.value for entry in registry.lowerings.values()]
    for name, backend in backends.items():
        if lowerings and backend.with_lowerings is not None:
            backends[name] = backend.with_lowerings(lowerings)
    return backends
