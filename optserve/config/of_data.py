"""Expressions of data alone: the sizes of shapes, and starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optserve.backends.numpy import numpy_backend
from optserve.config.arrays import Arrays
from optserve.config.config_scope import is_sound
from optserve.config.declarations import Declarations
from optserve.config.expressions import Complex, Expression, Value, build, described
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.parameters import started
from optserve.config.reals import real_array
from optserve.config.suggest import did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array, Shape
from optserve.graph.dim import Dim
from optserve.graph.trace import Tracer
from optserve.jobs.parameters import JobParameter
from optserve.registry import Registry

__all__ = ["StartsOfData", "build_starts", "check_free", "evaluate_size"]


@dataclass(frozen=True)
class StartsOfData:
    """Starts that are expressions: their shapes by parameter, and the graph of all of them.

    The shape of one that is wrong is missing, and then there is no graph.
    """

    shapes: Mapping[str, Shape]
    graph: BoundGraph | None

    def of(
        self, arrays: Arrays, parameters: tuple[JobParameter, ...], declared: Declarations
    ) -> tuple[JobParameter, ...]:
        """The ``parameters``, each started at the value of its expression over the training
        rows."""
        assert self.graph is not None
        compiled = numpy_backend(threads=1).compile(self.graph.graph)
        values = compiled(*self.graph.arrays(arrays.splits["train"]).values())
        by_name = dict(zip(self.shapes, map(np.asarray, values), strict=True))
        return tuple(
            self._started(one, by_name[one.name], declared.starts[one.name].place, arrays)
            if one.name in by_name
            else one
            for one in parameters
        )

    def _started(
        self, one: JobParameter, value: Array, place: Place, arrays: Arrays
    ) -> JobParameter:
        try:
            return started(one, value, place)
        except ConfigError as error:
            of_rows = any(isinstance(size, Dim) for size in self.shapes[one.name])
            if value.shape != one.shape and of_rows and len(arrays.splits) > 1:
                error.remedy = "a start is computed over the training rows alone"
            raise


def build_starts(
    declared: Declarations, inputs: Inputs, registry: Registry, found: Mistakes
) -> StartsOfData:
    """The starts of ``declared`` that are expressions and not the names of initializers.

    ``inputs`` has no parameters. What is wrong is found.
    """
    meant: list[str] = []
    made: dict[str, Tracer] = {}
    for name, expression in declared.starts.items():
        with found.declaring(name):
            check_free(f"the start of '{name}'", expression, declared)
            if _is_initializer(expression, declared, inputs, registry):
                continue
            meant.append(name)
            scope = inputs.of_data(declared, expression)
            if is_sound(expression, scope, declared, found):
                made[name] = real_array(expression, scope, inputs.trace, f"the start of '{name}'")
            else:
                found.names.add(name)
    shapes = {name: tracer.shape for name, tracer in made.items()}
    whole = made and len(made) == len(meant)
    return StartsOfData(shapes, inputs.graph([*made.values()]) if whole else None)


def check_free(what: str, expression: Expression, declared: Declarations) -> None:
    """Refuse an expression of a parameter."""
    free = {value.name for value in declared.free(expression)}
    varying = [value.name for value in declared.values if value.name not in free]
    for name in (*declared.parameters, *varying):
        if declared.uses(expression, [name]):
            is_value = "the value" if name in varying else "the parameter"
            raise ConfigError(
                f"{what} depends on {is_value} '{name}'"
                + (", which depends on a parameter" if name in varying else ""),
                place=expression.place,
                expected="an expression of data",
                remedy="write it of data and numbers alone",
                code="wrong-start",
            )


def _is_initializer(
    expression: Expression, declared: Declarations, inputs: Inputs, registry: Registry
) -> bool:
    """Whether a start is the name of an initializer, or more like one than like a value."""
    name = str(expression)
    if not name.isidentifier():
        return False
    known = registry.entries("initializers")
    scope = inputs.of_data(declared, expression)
    is_value = scope.has_value(name) or name in scope.hidden
    if name in known and is_value:
        raise ConfigError(
            f"'{name}' is an initializer, and a value too",
            place=expression.place,
            expected="one of the two",
            remedy=f"({name}) in brackets is the value, {{{name}: {{}}}} the initializer",
            code="contradiction",
        )
    if name in known or is_value:
        return name in known
    return bool(did_you_mean(name, known) or not did_you_mean(name, scope.columns))


def evaluate_size(expression: Expression, declared: Declarations, inputs: Inputs) -> int:
    """A size of a shape, such as ``X.shape[1]``, ``levels(group)`` or a name of ``define`` for one:
    a whole number that is known before the loss is. ``inputs`` has no parameters."""
    value = build(expression, inputs.of_data(declared, expression), inputs.trace)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        got = described(value) if isinstance(value, Complex) else getattr(value, "aval", value)
        raise ConfigError(
            f"the size is {got}",
            place=expression.place,
            expected="a whole number of at least 1 that does not depend on the rows",
            code="wrong-value",
            remedy=_counted(value),
        )
    return value


def _counted(value: Value) -> str:
    """What counts the rows that a size is made of."""
    name = str(value) if isinstance(value, Dim) else ""
    return f"rows({name}) is their number" if name.isidentifier() else ""
