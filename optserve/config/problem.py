"""``load``: a config becomes the ``Problem`` of a job: written, declared, traced, with its data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from optserve.collector import at_rest
from optserve.config.again import keep, made_before
from optserve.config.arrays import Arrays, read_arrays
from optserve.config.config_scope import NamedColumn, Tables, check_unique
from optserve.config.declarations import WEIGHTS
from optserve.config.declared import Declared, declared
from optserve.config.epochs import check_splits, minibatch_of, stop_of
from optserve.config.expectations import expectations_of
from optserve.config.metrics import metrics_of
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import plain
from optserve.config.objective import Built
from optserve.config.outputs import outputs_over
from optserve.config.overrides import Option
from optserve.config.placing import placed
from optserve.config.resolved import origins_of
from optserve.config.schema.config import Config
from optserve.config.traced_problem import Traced, traced
from optserve.config.written import Given
from optserve.errors import ConfigError, shown
from optserve.graph.aval import Shape, resolve_shape
from optserve.graph.dim import Dim, resolve_size
from optserve.graph.interpret import bind_rows
from optserve.jobs import problem as jobs
from optserve.jobs.consistency import check_streamed
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import ErrorsAsked
from optserve.jobs.record.outline import Expected, probes_of
from optserve.memo import Memo
from optserve.registry import Registry
from optserve.registry.hookspecs import PROJECT

__all__ = ["load", "tables_of"]


def load(
    config: Given,
    *,
    data: Any = None,
    registry: Registry | None = None,
    overrides: Sequence[str | Option] = (),
    allow_path: bool = False,
    seed: int | None = None,
    plugin_files: Sequence[Path] = (),
) -> jobs.Problem:
    """The problem that ``config`` declares.

    Parameters
    ----------
    config:
        A YAML file, a mapping of the same content, a ``Config``, or what ``read_config`` read.
        Files that a mapping or a ``Config`` names are looked for from the working directory on.
    data:
        The columns of the table, where the config names no file: arrays by name, each of shape
        (rows,) or (rows, ...), a data frame, or an Arrow table. They are not copied.
    registry:
        Where names are looked up; by default the plugins that the config needs are imported.
    overrides:
        ``a.b=value`` texts (``--set``), and values of other options, applied in order.
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
    found = Mistakes()
    with at_rest():
        names = declared(
            config,
            found,
            overrides=overrides,
            allow_path=allow_path,
            with_data=data is not None,
            registry=registry,
            plugin_files=plugin_files,
        )
        _hold_one_job(names.written.config)
        seed = names.written.config.seed if seed is None else seed
        if (known := made_before(names, data, seed)) is not None:
            return known
        tables = tables_of(names, data, found)
        graphs = traced(names, tables, found, seed)
    problem = _problem(names, tables, graphs, found, seed)
    keep(names, data, seed, problem)
    return problem


def _hold_one_job(config: Config) -> None:
    if config.sweep is not None:
        raise ConfigError(
            "a config with a sweep is several jobs, and this runs one",
            place=config.place_of("sweep"),
            remedy="`optserve batch` runs them; --set sweep=null leaves the sweep out",
            code="several-jobs",
        )


def tables_of(declared: Declared, data: Any, found: Mistakes) -> Tables:
    """The tables, opened and not yet read."""
    config, names = declared.written.config, declared.declarations
    tables = Tables((), bare=True, counted=Memo(0))
    if config.data is not None:
        from optserve.config.data.opening import open_tables  # a config without data does without

        with found:
            check_splits(config)
        reach = declared.written.reach
        tables = open_tables(config, names, reach, declared.registry, data, found)
    check_unique(names, tables, found)
    return tables


def _problem(
    declared: Declared, tables: Tables, traced: Traced, found: Mistakes, seed: int
) -> jobs.Problem:
    """The problem over the data of ``tables``, which are read."""
    config, names, built = declared.written.config, declared.declarations, traced.loss
    used = traced.columns(names, tables)
    columns = [column for column in tables.columns() if column.name in used]
    columns += [column for column in tables.row_numbers().values() if column.name in used]
    errors, clusters = ErrorsAsked(), dict[str, NamedColumn]()
    if config.uncertainty is not None:
        from optserve.config.wanted_errors import cluster_columns, errors_asked, errors_over

        words = declared.asked
        errors = errors_asked(config, names.loss.kind, traced.parameters, words, found)
        with found:
            clusters = {**cluster_columns(errors, config, tables)}
    columns += [column for name, column in clusters.items() if name not in used]
    arrays = read_arrays(columns, np.dtype(config.precision), found)
    splits = None if arrays is None else arrays.splits
    outputs: tuple[jobs.OutputAsked, ...] = ()
    if arrays is not None and traced.outputs:
        with found:
            outputs = outputs_over(traced.outputs, arrays)
    if arrays is not None and clusters:
        with found:
            errors = errors_over(errors, clusters, arrays.splits["train"], config)
    expected = Expected(
        traced.parameters,
        {one.name: one.shape for one in outputs},
        metrics_of(config, splits),
        [one.label_of(names.loss.kind, names.loss.weights) for one in errors.methods],
        errors.profile,
        () if built is None else probes_of(built.traced.graph),
        fit=names.loss.kind == "least_squares",
    )
    expectations = expectations_of(config, expected, found)
    if config.simulate is not None:
        from optserve.config.simulating import check_simulation

        check_simulation(config.simulate, traced.parameters, found)
    left_out: Sequence[str] = ()
    if config.baseline is not None and not found.errors:
        with found:
            more, left_out = _baseline(declared, tables, traced)
            expectations = (*expectations, *more)
    drawn = None
    if arrays is not None and traced.drawn is not None:
        drawn = traced.drawn.over(arrays, names)
    stop = stop_of(config, splits, found)
    if arrays is None or built is None:
        found.hold()
    assert arrays is not None
    assert built is not None
    data = built.traced.arrays(arrays.splits["train"])
    parameters: tuple[JobParameter, ...] = ()
    with found:
        parameters = traced.started(arrays, names)
    row_counts = bind_rows(built.traced.graph.inputs[len(config.parameters) :], [*data.values()])
    minibatch, counted = None, _Counted()
    if "optimizer" not in found.keys:
        with found, placed(config):
            check_streamed(traced.optimizer, data, built.traced.graph, len(built.residuals))
        with found:
            minibatch = minibatch_of(config, built.traced.graph, row_counts, traced.optimizer)
    if len(parameters) == len(config.parameters):
        with found:
            counted = _counted(declared, parameters, built, arrays, row_counts)
    found.hold()
    return jobs.Problem(
        name=declared.written.name,
        parameters=parameters,
        objective=jobs.Objective(
            kind=names.loss.kind,
            graph=built.traced.graph,
            data=data,
            residuals=built.residuals,
            penalties=built.penalties,
            priors=built.priors,
            squares=names.loss.squares,
            sigma=built.sigma is not None,
            deviation=built.sigma,
            weightless=counted.weightless,
            weights=names.loss.weights,
            weighting=built.weights,
            counted=counted.observations,
            observed=names.loss.comparison and not names.loss.squares,
            place=names.loss.place,
        ),
        optimizer=traced.optimizer,
        optimizer_given=traced.optimizer_given,
        stop=stop,
        minibatch=minibatch,
        held_out={
            split: built.traced.arrays(columns)
            for split, columns in arrays.splits.items()
            if split != "train"
        },
        metrics=_metrics(names.metrics, traced, arrays),
        outputs=outputs,
        errors=errors,
        drawn=drawn,
        derived=_derived(declared, tables, used),
        starts=traced.starts,
        expectations=expectations,
        third_party=traced.third_party,
        precision=config.precision,
        seed=seed,
        backend=config.backend,
        backends=traced.backends,
        rows_used=arrays.rows_used,
        rows_read=arrays.rows_read,
        levels=arrays.levels,
        warnings=(*left_out, *traced.unused, *arrays.warnings),
        metadata=_metadata(declared, tables),
        shared=traced.shared,
    )


def _derived(
    declared: Declared, tables: Tables, used: Collection[str]
) -> Mapping[str, frozenset[str]]:
    """Of which columns those that are used and derived are computed."""
    names, found = declared.declarations, dict[str, frozenset[str]]()
    for table in tables.tables:
        prefix = "" if tables.bare else f"{table.name}."
        for column in names.tables[table.name].derived:
            read = [one for one in table.names if names.uses(column.expression, [one])]
            known = (found.get(prefix + one, frozenset()) for one in read)
            found[prefix + column.name] = frozenset(prefix + one for one in read).union(*known)
    return {name: read for name, read in found.items() if name in used}


def _baseline(
    declared: Declared, tables: Tables, traced: Traced
) -> tuple[Sequence[jobs.Expectation], Sequence[str]]:
    """What is expected by the baseline, and what of it is not compared."""
    from optserve.config.baseline import baseline_expectations, data_digest  # most have none

    written = declared.written
    assert written.config.baseline is not None
    names = [parameter.name for parameter in traced.parameters]
    digest = data_digest(_metadata(declared, tables))
    return baseline_expectations(
        written.config.baseline, written.reach, written.name, digest, names
    )


def _metadata(declared: Declared, tables: Tables) -> Mapping[str, Any]:
    file = declared.written.file
    return {
        "file": "" if file is None else shown(str(file)),
        "config": plain(declared.written.tree),
        "origins": {} if file is None else origins_of(declared.written.tree, str(file)),
        "data": {table.name: table.provenance for table in tables.tables if table.files},
        "plugins": [
            {
                "distribution": one.distribution,
                "version": one.version,
                "module": one.module,
                "pure": one.pure,
            }
            for one in declared.registry.plugins
            if one.used and one.distribution != PROJECT
        ],
        "imported": [
            one.distribution
            for one in declared.registry.plugins
            if one.imported and one.distribution != PROJECT
        ],
    }


class _Counted(NamedTuple):
    """How many residuals do not count, and how many observations there are where that differs."""

    weightless: int = 0
    observations: float | None = None


def _counted(
    declared: Declared,
    parameters: Sequence[JobParameter],
    built: Built,
    arrays: Arrays,
    row_counts: Mapping[str, int],
) -> _Counted:
    """What counts, where ``sigma`` or weights say so; they are checked on the way."""
    graph, loss = built.traced, declared.declarations.loss
    size, rows = 0, None
    if loss.kind != "loss":
        shape = graph.graph.outputs[1].aval.shape
        size = prod(resolve_shape(shape, row_counts))
        rows = None if loss.kind == "least_squares" else _rows(shape, row_counts)
    if built.sigma is None and built.weights is None:
        return _Counted(0, rows)
    # Most losses do without.
    from optserve.config.row_scales import counted, rule_of_sigma, rule_of_weights

    splits = {name: [*graph.arrays(one).values()] for name, one in arrays.splits.items()}
    rules = []
    if built.sigma is not None:
        rules.append(rule_of_sigma(built.sigma, loss.terms, parameters))
    if built.weights is not None and loss.weights is not None:
        place = loss.terms[WEIGHTS].place
        rules.append(rule_of_weights(loss.weights, built.weights, place, parameters))
    found = counted(rules, parameters, splits, arrays)
    if loss.weights == "counts":
        rows = found.mean * (size if rows is None else rows)
    return _Counted(round(found.weightless * size), rows)


def _rows(shape: Shape, row_counts: Mapping[str, int]) -> float | None:
    """How many rows a log likelihood of ``shape`` has: those of its own axes, or, where it is
    one number, those of the table that it reads, if that is one."""
    sizes = [resolve_size(one, row_counts) for one in shape if isinstance(one, Dim)]
    if not sizes and len(row_counts) == 1:
        sizes = [*row_counts.values()]
    return prod(sizes) if sizes else None


def _metrics(names: Mapping[str, Any], traced: Traced, arrays: Arrays) -> jobs.Metrics | None:
    graph = traced.metrics
    if graph is None:
        return None
    data = {split: graph.arrays(columns) for split, columns in arrays.splits.items()}
    return jobs.Metrics(tuple(names), graph.graph, data)
