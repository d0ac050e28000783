"""``outputs``: quantities and curves that are computed of the estimates, as graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.config.arrays import Arrays
from optserve.config.config_scope import is_sound
from optserve.config.declarations import Declarations, OutputDeclared
from optserve.config.expressions import Expression, build
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.of_data import check_free
from optserve.config.reals import real_array
from optserve.config.row_scales import row_by_row
from optserve.errors import ConfigError
from optserve.graph.aval import Aval, DType, resolve_shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Literal
from optserve.graph.interpret import bind_rows, computed
from optserve.graph.streamed import Streamed
from optserve.graph.trace import Tracer
from optserve.jobs import problem as jobs
from optserve.jobs.evidence.suspects import not_finite
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


def outputs_over(curves: Mapping[str, Curve], arrays: Arrays) -> tuple[jobs.OutputAsked, ...]:
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
        _check_indices(name, bound, data)
        made.append(
            jobs.OutputAsked(
                name, bound.graph, data, tuple(declared.at), declared.level, declared.place
            )
        )
    return tuple(made)


def _check_indices(name: str, bound: BoundGraph, data: Mapping[str, Any]) -> None:
    """Refuse an index that no parameter changes, and that is beyond the axis it picks from."""
    graph, values = bound.graph, [*data.values()]
    columns = graph.inputs[len(graph.inputs) - len(values) :]
    rows = bind_rows(columns, values)
    known: dict[Atom, Any] = dict(zip(columns, values, strict=True))
    for equation in graph.equations:
        operands = [_known(atom, known) for atom in equation.operands]
        picks = equation.primitive.facts.picks and any(map(_is_index, operands))
        if picks and any(one is None for one in operands):
            filled = [
                np.zeros(resolve_shape(atom.aval.shape, rows), atom.aval.dtype)
                if one is None
                else one
                for one, atom in zip(operands, equation.operands, strict=True)
            ]
            _check_index(name, equation, filled, rows)
        if all(one is not None for one in operands):
            if picks:
                _check_index(name, equation, operands, rows)
            with np.errstate(all="ignore"):
                results = computed(equation, operands, rows)
            known.update(zip(equation.results, results, strict=True))


def _known(atom: Atom, known: Mapping[Atom, Any]) -> Any:
    return atom.value if isinstance(atom, Literal) else known.get(atom)


def _is_index(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind in "iu"


def _check_index(
    name: str, equation: Equation, operands: Sequence[Any], rows: Mapping[str, int]
) -> None:
    with np.errstate(all="ignore"):
        results = computed(equation, operands, rows)
    finite = all(not not_finite(one).any() for one in operands)
    if not finite or not any(not_finite(one).any() for one in results):
        return
    index = next(np.asarray(one) for one in operands if _is_index(one))
    picked = next((np.shape(one) for one in operands if not _is_index(one)), ())
    raise ConfigError(
        f"an index of the output '{name}' is out of range: it goes from {index.min()} to "
        f"{index.max()}, and what it picks from has the shape {picked}",
        place=equation.place,
        expected="indices below the length of the axis",
        remedy="entries are counted from 0, x[0], or from the end, x[-1]",
        code="wrong-output",
    )


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
