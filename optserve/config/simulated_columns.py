"""``simulate``: the columns that data sets are drawn by, as graphs with random terms in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optserve.config.arrays import Arrays
from optserve.config.config_scope import Tables, is_sound
from optserve.config.declarations import Declarations
from optserve.config.expressions import Expression, Value, build, described
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.random_calls import RandomCalls
from optserve.config.reals import real_array
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, ShapeError
from optserve.graph.aval import Aval, Shape
from optserve.graph.dim import Dim
from optserve.graph.trace import Tracer
from optserve.jobs.problem import Drawn, DrawnColumn, Objective
from optserve.primitives.random_terms import random_term
from optserve.primitives.sums import broadcast_to

__all__ = ["DrawnGraphs", "NewInputs", "build_drawn"]

NewInputs = Callable[[Mapping[str, Aval]], Inputs]
"""Inputs of their own, with further ones by name."""


@dataclass(frozen=True)
class DrawnGraphs:
    """The graphs of a ``density``, or of ``columns`` in their order; the names in ``further`` are
    values for those after them, and no columns of the data."""

    density: BoundGraph | None = None
    columns: Mapping[str, BoundGraph] = field(default_factory=dict)
    further: frozenset[str] = frozenset()

    def read(self) -> frozenset[str]:
        """The columns of the data that they read."""
        graphs = [*self.columns.values(), *([self.density] if self.density else [])]
        return frozenset(name for one in graphs for name in one.columns) - self.further

    def over(self, arrays: Arrays, declared: Declarations) -> Drawn:
        """What is drawn, beside the training rows."""
        train, simulated = arrays.splits["train"], declared.simulated
        density = None
        if self.density is not None:
            assert simulated.density is not None
            density = Objective(
                kind="log_likelihood",
                graph=self.density.graph,
                data=self.density.arrays(train),
                place=simulated.density.place,
            )
        columns = (
            DrawnColumn(name, one.graph, one.columns, one.captured, simulated.columns[name].place)
            for name, one in self.columns.items()
        )
        return Drawn(density, tuple(columns), {name: train[name] for name in self.read()})


def build_drawn(
    declared: Declarations,
    new_inputs: NewInputs,
    tables: Tables,
    fitted: BoundGraph | None,
    found: Mistakes,
) -> DrawnGraphs | None:
    """The graphs of what ``declared`` draws; nothing where something of it is wrong.

    ``fitted`` is the graph of the loss, which reads what is drawn.
    """
    simulated, before = declared.simulated, len(found.errors)
    if simulated.density is not None:
        with found:
            graph = _density(simulated.density, declared, new_inputs({}), found)
            return None if graph is None else DrawnGraphs(graph)
        return None
    columns = {one.name: one.aval(np.dtype(np.float64)) for one in tables.columns()}
    further: dict[str, Aval] = {}
    made: dict[str, BoundGraph] = {}
    for name, expression in simulated.columns.items():
        with found.declaring(*([] if name in columns else [name])):
            _check_name(name, declared, [*columns])
            inputs = new_inputs(further)
            shape = columns[name].shape if name in columns else _rows(tables)
            value = _built(name, expression, declared, inputs, shape, further, found)
            if value is None:
                found.names.update({name} - columns.keys())
            elif name in columns:
                made[name] = inputs.graph([_as_column(name, value, shape, expression)])
            else:
                further[name] = value.aval
                made[name] = inputs.graph([value])
    if len(found.errors) > before or len(made) < len(simulated.columns):
        return None
    with found:
        _check_used(made, declared, fitted, columns)
        return DrawnGraphs(None, made, frozenset(further))
    return None


def _density(
    expression: Expression, declared: Declarations, inputs: Inputs, found: Mistakes
) -> BoundGraph | None:
    sound = not declared.mentions(expression, found.names)
    scope = inputs.at(declared, expression, {}) if sound else inputs.scope(declared, found)
    if not is_sound(expression, scope, declared, found):
        return None
    value = real_array(expression, scope, inputs.trace, "the density")
    with inputs.trace.at(expression.place):
        total: Tracer = np.sum(value)
    return inputs.graph([total, value])


def _rows(tables: Tables) -> Shape | None:
    """A number for each row, where it is known of which table."""
    names = [*tables.row_numbers()]
    return (Dim.rows(names[0]),) if len(names) == 1 else None


def _built(
    name: str,
    expression: Expression,
    declared: Declarations,
    inputs: Inputs,
    shape: Shape | None,
    further: Mapping[str, Aval],
    found: Mistakes,
) -> Tracer | None:
    calls = RandomCalls(inputs.trace, shape, inputs.vocabulary)
    later = {
        one: other.place
        for one, other in declared.simulated.columns.items()
        if one not in further and one not in inputs.columns
    }
    sound = not declared.mentions(expression, found.names)
    scope = inputs.at(declared, expression, {}) if sound else inputs.scope(declared, found)
    scope = replace(scope, vocabulary=calls.vocabulary, later=later)
    if not is_sound(expression, scope, declared, found):
        return None
    value: Value = build(expression, scope, inputs.trace)
    if isinstance(value, bool | int | float | Dim):
        value = inputs.trace.lift(value)
    if not isinstance(value, Tracer) or value.dtype.kind not in "biuf":
        raise ShapeError(
            f"'{name}' is {described(value)}", place=expression.place, expected="real numbers"
        )
    return value


def _as_column(name: str, value: Tracer, shape: Shape | None, expression: Expression) -> Tracer:
    with value.trace.at(expression.place):
        try:
            spread: Tracer = broadcast_to(value, shape)
        except ShapeError:
            raise ShapeError(
                f"'{name}' is drawn as an array of shape {value.shape}, and the column has the "
                f"shape {shape}",
                expected="a number for each entry of the column, or one for all",
            ) from None
    return spread


def _check_name(name: str, declared: Declarations, columns: list[str]) -> None:
    places = {one.name: one.place for one in declared.values} | {**declared.parameters}
    if name in places:
        raise ConfigError(
            f"'{name}' is a {'parameter' if name in declared.parameters else 'value of define'}, "
            "and is not drawn",
            place=declared.simulated.columns[name].place,
            expected=f"a column ({choices(columns, 6)}), or a new name for a value",
            code="declared-twice",
        )


def _check_used(
    made: Mapping[str, BoundGraph],
    declared: Declarations,
    fitted: BoundGraph | None,
    columns: Mapping[str, Any],
) -> None:
    """Refuse what is drawn in vain, and data sets that are all the same."""
    if not made:
        return
    read = frozenset() if fitted is None else frozenset(fitted.columns)
    names = [*made]
    for number, name in enumerate(names):
        after = (made[one].columns for one in names[number + 1 :])
        if fitted is None or name in read or any(name in one for one in after):
            continue
        raise ConfigError(
            f"'{name}' is drawn, and {'the fit does not read it' if name in columns else 'unused'}",
            place=declared.simulated.columns[name].place,
            expected=f"a column that the loss reads ({choices(sorted(read), 6)}), or a value that "
            "one below is made of",
            remedy=did_you_mean(name, sorted(read)),
            code="unknown-path",
        )
    graphs = [one.graph for one in made.values()]
    if not any(one.primitive is random_term for graph in graphs for one in graph.equations):
        raise ConfigError(
            "nothing that is drawn is random",
            place=declared.simulated.columns[names[0]].place,
            expected="a random term, such as normal(0, sigma) or poisson(mean)",
            code="no-simulation",
        )
