"""``Structure``: all of a problem that the values of its data do not change, made once.

Problems of one config over data of one layout share it, and with it the graphs that are derived
from it and compiled. What is read from files, and what depends on values, is made anew each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from typing import Any, NamedTuple

import numpy as np

from optserve.backends.base import Backend
from optserve.config.declarations import Declarations, parsed
from optserve.config.inputs import Inputs, Traced
from optserve.config.method import is_given, method_of, optimizer_of
from optserve.config.metrics import build_metrics
from optserve.config.nodes import MappingNode, Node
from optserve.config.objective import Built, build_objective
from optserve.config.parameters import parameter_of, shape_of, start_points
from optserve.config.schema.config import Config
from optserve.config.schema.section import Section
from optserve.config.scope import Tables, evaluate_size
from optserve.errors import Told
from optserve.graph.aval import Array
from optserve.jobs import problem as jobs
from optserve.jobs.parameters import Parameter
from optserve.memo import Memo
from optserve.optimizers.base import Optimizer
from optserve.primitives.vocabulary import Vocabulary
from optserve.registry import Registry

__all__ = ["LAYOUTS", "Declared", "Structure", "content_of", "layout_of", "structure_of"]

LARGEST = 4096
"""Entries up to which an array in a config is compared, and what it is part of is kept."""

LAYOUTS = 8
"""Of how many layouts of data the structures are kept for one config."""


class Declared(NamedTuple):
    """A config as it is written: its nodes, its model, what it declares, and who provides that.

    ``structures`` are those of its problems, one for each layout of the data.
    """

    tree: MappingNode
    config: Config
    declarations: Declarations
    registry: Registry
    structures: Memo


@dataclass(frozen=True, eq=False)
class Structure:
    """What does not change from data to data.

    ``shared`` holds the graphs and callables that jobs made of it.
    """

    optimizer: Optimizer | None
    optimizer_given: bool
    built: Built
    measured: Traced | None
    parameters: tuple[Parameter, ...]
    starts: tuple[Mapping[str, Array], ...]
    third_party: tuple[jobs.Provided, ...]
    backends: Mapping[str, Backend]
    unused: tuple[str, ...]
    shared: Memo


def structure_of(declared: Declared, tables: Tables, seed: int) -> Structure:
    """The structure of the problem; raises all that is wrong with it, placed in the config."""
    config, registry = declared.config, declared.registry
    told = Told()
    if config.backend != "auto":
        with told:
            registry.find("backends", config.backend, config.place_of("backend"))
    with told:
        kind = declared.declarations.loss.kind
        optimizer = optimizer_of(method_of(config), kind, registry)
    precision = np.dtype(config.precision)
    vocabulary = registry.vocabulary()
    shapes = _shapes(config, tables, vocabulary, told)
    inputs = partial(Inputs, shapes, tables, vocabulary, precision)
    if len(shapes) == len(config.parameters):
        with told:
            built = build_objective(declared.declarations, config.parameters_in_full, inputs())
        with told:
            measured = None
            if declared.declarations.metrics:
                measured = build_metrics(declared.declarations, inputs())
    with told:
        parameters = _parameters(config, shapes, registry, seed)
        starts = start_points(config.starts, {one.name: one for one in parameters})
    told.hold()
    return Structure(
        optimizer,
        is_given(method_of(config)),
        built,
        measured,
        _sealed(parameters),
        starts,
        _third_party(built.traced, measured, registry),
        _backends(registry),
        _unused(built.traced, declared.declarations),
        Memo(jobs.SHARED),
    )


def layout_of(tables: Tables, config: Config) -> Hashable:
    """What a structure depends on of the tables: their columns by name, shape and dtype."""
    precision = np.dtype(config.precision)
    columns = tuple((one.name, one.aval(precision)) for one in tables.columns())
    return tables.bare, columns, tuple(tables.hidden().items())


def content_of(value: Any) -> Hashable:
    """What stands in a config from Python, to compare; ``TypeError`` where that takes too long.

    >>> content_of({"b": 1}) == content_of({"b": 1.0}), content_of([True]) == content_of([1])
    (False, False)
    """
    if isinstance(value, Section):
        names = sorted(value.model_fields_set)
        return type(value), tuple([(name, content_of(getattr(value, name))) for name in names])
    if isinstance(value, Mapping):
        return "mapping", tuple([(name, content_of(one)) for name, one in value.items()])
    if isinstance(value, list | tuple):
        return "list", tuple([content_of(one) for one in value])
    if isinstance(value, float):
        return float, float.hex(value)
    if value is None or isinstance(value, str | bool | int):
        return type(value), value
    if isinstance(value, np.ndarray | np.generic) and value.size <= LARGEST:
        return content_of(value.tolist())
    if isinstance(value, PathLike):
        return "path", fspath(value)
    raise TypeError(f"{type(value).__name__} is not compared")


def _sealed(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters, whose arrays nobody changes: other problems have them too."""
    for one in parameters:
        for array in (one.init, one.lower, one.upper, one.fixed):
            array.flags.writeable = False
    return parameters


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
