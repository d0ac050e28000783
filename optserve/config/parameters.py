"""Parameters as they are written become the parameters of a job: shapes, starts, bounds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from optserve.config.fixed_entries import fixed_entries
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import (
    MappingEntry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
    kind_of,
)
from optserve.config.options import instantiate, one_named
from optserve.config.schema.config import Config
from optserve.config.schema.parameter import Parameter as Written
from optserve.config.schema.validation import unknown_key
from optserve.errors import ConfigError, Place, PluginError
from optserve.graph.aval import Array, DType, Shape
from optserve.graph.dim import Dim
from optserve.jobs.consistency import check_domain
from optserve.jobs.parameters import JobParameter, ParameterTransform
from optserve.registry import Registry

__all__ = ["LARGEST", "numbers", "parameter_of", "shape_of", "start_points", "started"]

LARGEST = 2**24
"""Entries that a parameter may have."""


def shape_of(
    written: Written, size_of: Callable[[Node], int], start: Shape | None
) -> tuple[int, ...]:
    """The shape of a parameter; ``size_of`` evaluates a size that is an expression, and ``start``
    is the shape of its start, where that is one."""
    if written.shape is None:
        if start is not None:
            return _counted(start, written)
        if isinstance(written.init, list):
            listed: tuple[int, ...] = _listed(written.node_of("init")).shape
            return listed
        if written.init is None and written.transform is None:
            raise ConfigError(
                "a parameter without `init` needs a `shape`",
                place=written.place,
                expected="`init`, a number, or `shape`, which starts at 0",
                code="missing-key",
            )
        return ()
    sizes = written.node_of("shape")
    assert isinstance(sizes, SequenceNode)
    shape: tuple[int, ...] = tuple(
        size if isinstance(size, int) else size_of(node)
        for size, node in zip(written.shape, sizes, strict=True)
    )
    if prod(shape) > LARGEST:
        raise ConfigError(
            f"the shape {shape} has {prod(shape)} entries",
            place=written.place_of("shape"),
            expected=f"at most {LARGEST}",
            code="too-large",
        )
    return shape


def _counted(start: Shape, written: Written) -> tuple[int, ...]:
    """The shape of a start without a ``shape`` beside it, if no table counts it."""
    counted: tuple[int, ...] = tuple(one for one in start if isinstance(one, int))
    if len(counted) == len(start):
        return counted
    sizes = [f"rows({one})" if isinstance(one, Dim) else str(one) for one in start]
    raise ConfigError(
        f"the start has the shape {start}: an entry for each row",
        place=written.place_of("init"),
        expected="a size that does not depend on the rows, or a `shape` beside it",
        remedy=f"a parameter of each row has `shape: {json.dumps(sizes)}`; mean(...) is one number",
        code="wrong-start",
    )


def parameter_of(
    name: str,
    written: Written,
    shape: tuple[int, ...],
    *,
    computed: bool,
    registry: Registry,
    seed: int,
    precision: DType,
) -> JobParameter:
    """The parameter ``name`` as it is declared; everything is on the natural scale.

    Where its start is ``computed`` from data, it has one only once it is ``started``.
    """
    transform: ParameterTransform | None = None
    if written.transform is not None:
        transform = instantiate("transforms", one_named(written.node_of("transform")), registry)
    lower, upper = _bounds(written, shape)
    init = np.zeros(shape, precision)
    if not computed:
        init = _cast(_initial(name, written, shape, transform, registry, seed), precision)
    parameter = JobParameter(
        name=name,
        init=init,
        lower=_cast(lower, precision),
        upper=_cast(upper, precision),
        fixed=fixed_entries(written, shape),
        transform=transform,
        place=written.place,
    )
    if not computed:
        _check_start(parameter, init, written.place_of("init"))
    return parameter


def started(parameter: JobParameter, start: Array, place: Place) -> JobParameter:
    """``parameter``, started at a value that was computed: a number for every entry, or for each.

    Raises ``ConfigError`` where that is no start for it.
    """
    init = _start_at(parameter, start, place)
    init.flags.writeable = False
    return replace(parameter, init=init)


def _bounds(written: Written, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The lower and the upper bound of each entry."""
    if written.bounds == (None, None):
        return np.full(shape, -np.inf), np.full(shape, np.inf)
    node = written.node_of("bounds")
    assert isinstance(node, SequenceNode)
    ends = [
        np.full(shape, none) if is_null(end) else _each(numbers(end, none), shape, end.place)
        for end, none in zip(node, (-np.inf, np.inf), strict=True)
    ]
    low, high = ends
    if (low > high).any():
        at = np.argmax(low > high)
        raise ConfigError(
            f"the lower bound {low.flat[at]:g} is above the upper bound {high.flat[at]:g}",
            place=node.place,
            expected="[low, high]",
            code="contradiction",
        )
    return low, high


def _each(values: Array, shape: tuple[int, ...], place: Place) -> Array:
    """A number for every entry, or a number for each."""
    return np.full(shape, values) if not values.ndim else _fitted(values, shape, place)


def _initial(
    name: str,
    written: Written,
    shape: tuple[int, ...],
    transform: ParameterTransform | None,
    registry: Registry,
    seed: int,
) -> Array:
    init, node = written.init, written.node_of("init")
    if init is None:
        return np.zeros(shape) if transform is None else np.asarray(transform.start(shape))
    if isinstance(init, str | dict):
        from optserve.config.initializers import Initializer, generator

        initializer: Initializer = instantiate("initializers", one_named(node), registry)
        try:
            values = np.asarray(initializer(generator(seed, name), shape), dtype=np.float64)
        except Exception as error:  # the initializer may be anybody's code
            raise PluginError(
                f"the initializer {one_named(node).name} failed: {error!r}",
                place=one_named(node).place,
            ) from error
        return _fitted(values, shape, one_named(node).place)
    if isinstance(init, list):
        return _fitted(_listed(node), shape, node.place)
    return np.full(shape, init, dtype=np.float64)


def start_points(
    config: Config, parameters: Sequence[JobParameter], found: Mistakes
) -> tuple[Mapping[str, Array], ...]:
    """The further starting points, each value checked against the parameter that it is for."""
    if not config.starts.points:
        return ()
    written = config.starts.node_of("points")
    assert isinstance(written, SequenceNode)
    by_name = {parameter.name: parameter for parameter in parameters}
    points = []
    for point in written:
        assert isinstance(point, MappingNode)
        values: dict[str, Array] = {}
        for name, entry in point.entries.items():
            with found:
                if name not in config.parameters:
                    raise unknown_key(entry.key, config.parameters)
                if name in by_name:
                    values[name] = _start(by_name[name], entry)
        points.append(values)
    return tuple(points)


def _start(parameter: JobParameter, entry: MappingEntry) -> Array:
    """Where a parameter starts at a further point."""
    if parameter.fixed.all():
        raise ConfigError(
            f"'{parameter.name}' is fixed and starts at its init",
            place=entry.key.place,
            remedy="leave it out here, or let it vary",
            code="wrong-start",
        )
    return _start_at(parameter, numbers(entry.value), entry.value.place)


def _start_at(parameter: JobParameter, given: Array, place: Place) -> Array:
    """A number for every entry of a parameter, or for each, as a start that it may have."""
    value = _cast(_each(given, parameter.shape, place), parameter.init.dtype)
    _check_start(parameter, value, place)
    return value


def numbers(node: Node, none: float | None = None) -> Array:
    """A number or a nested list of numbers as an array; ``none`` is what ``null`` stands for.

    >>> from optserve.config.parse_yaml import parse
    >>> from optserve.config.source import Source
    >>> numbers(parse(Source("fit.yaml", "[[1, 2], [3, 4.5]]"))).shape
    (2, 2)
    """
    if isinstance(node, SequenceNode) and len(node):
        rows = [numbers(item, none) for item in node]
        for row, item in zip(rows, node, strict=True):
            if row.shape != rows[0].shape:
                raise ConfigError(
                    f"the shape here is {row.shape}, and {rows[0].shape} before",
                    place=item.place,
                    expected="rows of one length",
                    code="wrong-start",
                )
        return np.stack(rows)
    if isinstance(node, ScalarNode) and type(node.value) in (int, float):
        return np.asarray(node.value, dtype=np.float64)
    if none is not None and is_null(node):
        return np.asarray(none)
    raise ConfigError(
        f"`{node.path}` is {kind_of(node)}",
        place=node.place,
        expected="a number, or a list of numbers",
        code="wrong-value",
    )


def _listed(node: Node) -> Array:
    """A start that is a list of numbers."""
    try:
        return numbers(node)
    except ConfigError as error:
        if error.code == "wrong-value":
            error.remedy = 'expressions stand in quotes as a whole: "[mean(y), 0]"'
        raise


def _fitted(values: Array, shape: tuple[int, ...], place: Place) -> Array:
    if values.shape != shape:
        raise ConfigError(
            f"the values have the shape {values.shape}",
            place=place,
            expected=f"the shape of the parameter, {shape}",
            code="wrong-start",
        )
    return values


def _cast(values: Array, precision: DType) -> Array:
    """In the job's precision; what is too large for it becomes infinite."""
    with np.errstate(over="ignore"):
        return values.astype(precision)


def _check_start(parameter: JobParameter, start: Array, place: Place | None) -> None:
    """Refuse a start that does not fit into the precision, the bounds or the transform."""
    if not np.isfinite(start).all():
        raise ConfigError(
            f"'{parameter.name}' starts at a value that is not finite",
            place=place,
            expected=f"finite numbers in {start.dtype.name}",
            code="wrong-start",
        )
    outside = (start < parameter.lower) | (start > parameter.upper)
    if outside.any():
        at = np.argmax(outside)
        low, high = parameter.lower.flat[at], parameter.upper.flat[at]
        raise ConfigError(
            f"'{parameter.name}' starts outside of its bounds",
            place=place,
            expected=f"from {low:g} to {high:g}",
            code="wrong-start",
        )
    check_domain(parameter, start, place)
