"""``outputs``: quantities and curves that are computed of the estimates, as graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from optserve.config.arrays import Arrays
from optserve.config.declarations import Declarations, OutputDeclared
from optserve.config.expressions import Expression, build
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.of_data import check_free
from optserve.config.reals import real_array
from optserve.config.scope import is_sound
from optserve.config.sigma import row_by_row
from optserve.errors import ConfigError
from optserve.graph.aval import Aval, DType
from optserve.graph.dim import Dim
from optserve.graph.streamed import Streamed
from optserve.graph.tracer import Tracer
from optserve.jobs import problem as jobs
from optserve.transforms.simplify import prune

__all__ = ["Curve", "build_outputs", "check_apart", "outputs_over"]


class Curve(NamedTuple):
    """The graph of an output: its value, then what it is computed ``at``."""

    graph: BoundGraph
    declared: OutputDeclared


def build_outputs(
    declared: Declarations, inputs: Callable[[], Inputs], found: Mistakes
) -> Mapping[str, Curve] | None:
    """The graph of each output, over ``inputs`` of its own; nothing where one of them is wrong."""
    made: dict[str, Curve] = {}
    for name, output in declared.outputs.items():
        with found:
            if graph := _built(name, output, declared, inputs, found):
                made[name] = Curve(graph, output)
    return made if len(made) == len(declared.outputs) else None


def outputs_over(curves: Mapping[str, Curve], arrays: Arrays) -> tuple[jobs.Output, ...]:
    """The outputs over the training rows; raises where their columns are streamed."""
    made = []
    for name, (bound, declared) in curves.items():
        data = bound.arrays(arrays.splits["train"])
        if any(isinstance(one, Streamed) for one in data.values()):
            raise ConfigError(
                f"the output '{name}' is computed of columns that are streamed",
                place=declared.place,
                expected="columns that are in memory",
                remedy="in_memory: true reads the table as a whole",
                code="wrong-output",
            )
        made.append(
            jobs.Output(name, bound.graph, data, tuple(declared.at), declared.level, declared.place)
        )
    return tuple(made)


def _built(
    name: str,
    output: OutputDeclared,
    declared: Declarations,
    new_inputs: Callable[[], Inputs],
    found: Mistakes,
) -> BoundGraph | None:
    inputs = new_inputs()
    given: dict[str, Tracer] = {}
    taken = {*declared.parameters, *(value.name for value in declared.values)}
    for key, expression in output.at.items():
        if key in taken:
            raise ConfigError(
                f"'{key}' is declared already, and `at` cannot stand for it",
                place=expression.place,
                expected="a name of its own, or that of a column",
                code="declared-twice",
            )
        what = f"'{key}' of the output '{name}'"
        try:
            check_free(what, expression, declared)
        except ConfigError as error:
            error.code = "wrong-output"
            raise
        scope = inputs.of_data(declared, expression)
        if not is_sound(expression, scope, declared, found):
            return None
        value = build(expression, scope, inputs.trace)
        if not (isinstance(value, Tracer) and value.dtype.kind in "iu"):  # an index stays one
            value = real_array(expression, scope, inputs.trace, what)
        given[key] = value
    if declared.mentions(output.value, found.names):
        is_sound(output.value, inputs.scope(declared, found), declared, found)
        return None
    columns = {key: one.dtype for key, one in given.items() if key in inputs.columns}
    if columns:
        check_apart(f"the output '{name}'", output.value, declared, new_inputs(), columns)
    scope = inputs.at(declared, output.value, given)
    value = real_array(output.value, scope, inputs.trace, f"the output '{name}'")
    return inputs.graph([value, *given.values()])


def check_apart(
    what: str,
    expression: Expression,
    declared: Declarations,
    inputs: Inputs,
    columns: Mapping[str, DType],
) -> None:
    """Refuse an expression that takes rows of these ``columns`` together: over other rows than
    those of the fit, their mean, say, is another number, and the model another model."""
    rows = Dim.rows("new rows")
    given = {key: inputs.trace.input(Aval((rows,), one), key) for key, one in columns.items()}
    value = real_array(expression, inputs.at(declared, expression, given), inputs.trace, what)
    if not row_by_row(prune(inputs.trace.graph([value])), rows):
        raise ConfigError(
            f"{what} takes rows of {', '.join(columns)} together, and new rows are others than "
            "those of the fit",
            place=expression.place,
            expected="a value of each row by itself",
            remedy="`derive` computes what is of all training rows, such as a mean, once; a sum "
            "over new rows is one of a name of their own: {value: sum(f(t)), at: {t: ...}}",
            code="wrong-output",
        )
