"""The loss of a config as the graph that a job minimizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import NamedTuple

import numpy as np

from optserve.config.declarations import Declarations
from optserve.config.expressions import Expression, Scope, Value, build
from optserve.config.expressions.row_pairs import only_entry
from optserve.config.expressions.values import with_shapes
from optserve.config.findings import Findings
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.schema.parameter import Parameter
from optserve.errors import Place, ShapeError
from optserve.graph.aval import Shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.tracer import Trace, Tracer
from optserve.transforms.simplify import prune

__all__ = ["Built", "build_objective", "check_scalar", "real_array"]


class Built(NamedTuple):
    """The graph of the loss.

    ``residuals`` names its outputs after the loss; ``penalties`` names what penalizes, which is
    among the residuals of least squares and a term of any other loss. ``sigma`` is the graph of
    the standard deviation of the residuals, of the same inputs, if there is one.
    """

    traced: BoundGraph
    residuals: tuple[str, ...]
    penalties: frozenset[str]
    sigma: Graph | None = None


def build_objective(
    declared: Declarations,
    parameters: Mapping[str, Parameter],
    inputs: Inputs,
    found: Findings,
) -> Built | None:
    """The graph of the loss, penalties included; nothing where it is wrong."""
    scope = inputs.scope(declared, found)
    arrays: dict[str, Tracer] = {}
    for name, expression in declared.loss.terms.items():
        if not declared.uses(expression, found.names):
            with found:
                arrays[name] = real_array(
                    expression, scope, inputs.trace, f"the {declared.loss.kind}"
                )
    whole = declared.loss.whole and len(arrays) == len(declared.loss.terms)
    if not whole or len(inputs.parameters) < len(parameters):
        return None
    with found:
        return _built(arrays, declared, parameters, inputs)
    return None


def _built(
    arrays: Mapping[str, Tracer],
    declared: Declarations,
    parameters: Mapping[str, Parameter],
    inputs: Inputs,
) -> Built:
    loss = _LossBuilder(inputs.trace, arrays, declared)
    for name, parameter in parameters.items():
        loss.penalize(name, inputs.parameters[name], parameter)
    outputs, sigma = loss.outputs(), None
    traced = inputs.graph([*outputs, *([] if loss.sigma is None else [loss.sigma])])
    if loss.sigma is not None:
        sigma = prune(replace(traced.graph, outputs=traced.graph.outputs[-1:]))
        traced = traced._replace(graph=replace(traced.graph, outputs=traced.graph.outputs[:-1]))
    return Built(traced, tuple(loss.residuals), frozenset(loss.penalties), sigma)


class _LossBuilder:
    """Builds the outputs of the graph, one term after another."""

    def __init__(self, trace: Trace, arrays: Mapping[str, Tracer], declared: Declarations) -> None:
        self.trace = trace
        self.residuals: dict[str, Tracer] = {}
        self.penalties: list[str] = []
        self.further: list[Tracer] = []
        self.sigma: Tracer | None = None
        self.terms: list[Tracer] = []
        self.place = declared.loss.place
        self.kind = declared.loss.kind
        places = {name: expression.place for name, expression in declared.loss.terms.items()}
        if self.kind == "loss":
            self.add_loss(arrays["loss"], places["loss"])
        elif self.kind == "log_likelihood":
            self.add_log_likelihood(arrays["log_likelihood"], places["log_likelihood"])
        elif declared.loss.comparison:
            self.add_comparison(arrays, places)
        else:
            for name, array in arrays.items():
                self.add_residual(name, array, places[name])

    def outputs(self) -> list[Tracer]:
        """The loss, the residuals, what else the result is computed from."""
        with self.trace.at(self.place):
            total = self.terms[0]
            for term in self.terms[1:]:
                total = total + term
        return [total, *self.residuals.values(), *self.further]

    def add_loss(self, value: Tracer, place: Place) -> None:
        check_scalar(value, "the loss", place, "; least_squares takes residuals")
        self.terms.append(value)

    def add_log_likelihood(self, value: Tracer, place: Place) -> None:
        self.further.append(value)
        with self.trace.at(place):
            self.terms.append(-np.sum(value))

    def add_comparison(self, arrays: Mapping[str, Tracer], places: Mapping[str, Place]) -> None:
        observed, predicted = arrays["observed"], arrays["predicted"]
        place = places["predicted"]
        try:
            with self.trace.at(place):
                residual = observed - predicted
        except ShapeError as error:
            raise with_shapes(error, [(places["observed"], observed), (place, predicted)]) from None
        self.check_shape(residual, observed, "predicted", predicted, place)
        if "sigma" in arrays:
            place_of_sigma = places["sigma"]
            self.sigma = arrays["sigma"]
            with self.trace.at(place_of_sigma):
                residual = residual / self.sigma
            self.check_shape(residual, observed, "sigma", self.sigma, place_of_sigma)
        self.add_residual("residual", residual, place)
        self.further.append(observed)

    def check_shape(
        self, residual: Tracer, observed: Tracer, what: str, value: Tracer, place: Place
    ) -> None:
        """Refuse a broadcast that makes more residuals than there are observations."""
        if residual.shape != observed.shape:
            raise ShapeError(
                f"observed has the shape {observed.shape}, {what} {value.shape}",
                place=place,
                expected=f"the shape {observed.shape}, or one that broadcasts to it",
                remedy=_without_axis("observed", observed.shape, value.shape)
                or _without_axis(what, value.shape, observed.shape),
            )

    def add_residual(self, name: str, residual: Tracer, place: Place) -> None:
        with self.trace.at(place):
            self.terms.append(np.sum(np.square(residual)))
        self.residuals[name] = residual

    def penalize(self, name: str, value: Tracer, parameter: Parameter) -> None:
        """Add ``l2 * sum(value**2)``; to least squares, as the residual whose square it is."""
        weight = parameter.penalty.l2 if parameter.penalty else 0.0
        if not weight or parameter.penalty is None:
            return
        place = parameter.penalty.place or self.place
        self.penalties.append(f"penalty.{name}")
        if self.kind == "least_squares":
            with self.trace.at(place):
                residual = sqrt(weight) * value
            self.add_residual(f"penalty.{name}", residual, place)
            return
        with self.trace.at(place):
            self.terms.append(weight * np.sum(np.square(value)))


def _without_axis(what: str, shape: Shape, wanted: Shape) -> str:
    """How ``shape`` becomes the shape that is wanted, should it be one axis of length 1 too much.

    >>> _without_axis("predicted", (14, 1), (14,))
    '[:, 0] takes the only entry of predicted along its axis of length 1'
    """
    for axis, size in enumerate(shape):
        if size == 1 and (*shape[:axis], *shape[axis + 1 :]) == wanted:
            return f"{only_entry(axis)} takes the only entry of {what} along its axis of length 1"
    return ""


def real_array(expression: Expression, scope: Scope, trace: Trace, what: str) -> Tracer:
    """The value of an expression as an array of floating-point numbers; ``what`` it is to be."""
    value: Value = build(expression, scope, trace)
    with trace.at(expression.place):
        if isinstance(value, int | float | Dim):
            value = trace.lift(value) + trace.precision.type(0)
        if isinstance(value, Tracer) and value.dtype.kind in "iu":
            value = value * trace.precision.type(1)
    if not isinstance(value, Tracer) or value.dtype.kind != "f":
        got = value.aval if isinstance(value, Tracer) else f"a {type(value).__name__}"
        raise ShapeError(f"{what} is {got}", place=expression.place, expected="real numbers")
    return value


def check_scalar(value: Tracer, what: str, place: Place, otherwise: str = "") -> None:
    """Refuse a value with a shape; ``otherwise`` is said after the remedy."""
    if value.shape:
        raise ShapeError(
            f"{what} has the shape {value.shape}",
            place=place,
            expected="a scalar",
            remedy=f"sum(...) or mean(...) makes one{otherwise}",
        )
