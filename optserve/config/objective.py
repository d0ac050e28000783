"""The loss of a config as the graph that a job minimizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log, pi, sqrt
from typing import NamedTuple

import numpy as np

from optserve.config.config_scope import is_sound
from optserve.config.declarations import WEIGHTS, Declarations
from optserve.config.expressions import Scope, undeclared
from optserve.config.expressions.row_pairs import only_entry
from optserve.config.expressions.values import with_shapes
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.priors import LogPrior, log_prior
from optserve.config.reals import check_scalar, real_array
from optserve.config.schema.parameter import Parameter
from optserve.errors import Place, ShapeError
from optserve.graph.aval import Shape
from optserve.graph.graph import Graph
from optserve.graph.primitive import Value
from optserve.graph.trace import Trace, Tracer
from optserve.transforms.simplify import prune

__all__ = ["Built", "build_objective"]

_HALF_LOG_2_PI = 0.5 * log(2.0 * pi)


class Built(NamedTuple):
    """The graph of the loss.

    ``residuals`` names its outputs after the loss; ``penalties`` names what penalizes, which is
    among the residuals of least squares and a term of any other loss. ``priors`` names those of the
    parameters, likewise; the sum of their log densities is then the output after the residuals
    and the log likelihood. ``sigma`` is the graph of the standard deviation of the residuals, of
    the same inputs, if there is one, and ``weights`` that of the weights of rows.
    """

    traced: BoundGraph
    residuals: tuple[str, ...]
    penalties: frozenset[str]
    priors: frozenset[str] = frozenset()
    sigma: Graph | None = None
    weights: Graph | None = None


def build_objective(
    declared: Declarations,
    parameters: Mapping[str, Parameter],
    inputs: Inputs,
    found: Mistakes,
) -> Built | None:
    """The graph of the loss, penalties included; nothing where it is wrong."""
    scope = inputs.scope(declared, found)
    arrays: dict[str, Tracer] = {}
    for name, expression in declared.loss.terms.items():
        if is_sound(expression, scope, declared, found):
            with found:
                arrays[name] = real_array(
                    expression, scope, inputs.trace, f"the {declared.loss.kind}"
                )
    whole = declared.loss.whole and len(arrays) == len(declared.loss.terms)
    given = [one for p in declared.priors.values() for one in p.hyperparameters.values()]
    sound = [is_sound(one, scope, declared, found) for one in given]
    if whole and all(sound) and len(inputs.parameters) == len(parameters):
        with found:
            return _built(arrays, declared, parameters, inputs, scope)
    for expression in given:  # which only a loss that is whole would build
        for error in undeclared(expression, scope, found.names):
            found.add(error)
    return None


def _built(
    arrays: Mapping[str, Tracer],
    declared: Declarations,
    parameters: Mapping[str, Parameter],
    inputs: Inputs,
    scope: Scope,
) -> Built:
    loss = _LossBuilder(inputs.trace, arrays, declared)
    for name, parameter in parameters.items():
        loss.penalize(name, inputs.parameters[name], parameter)
    for name, prior in declared.priors.items():
        value = inputs.parameters[name]
        loss.add_prior(name, log_prior(name, prior, value, declared, scope, inputs.trace))
    outputs, scales = loss.outputs(), loss.scales
    traced = inputs.graph([*outputs, *scales.values()])
    graph, count = traced.graph, len(outputs)
    traced = traced._replace(graph=replace(graph, outputs=graph.outputs[:count]))
    made = {
        name: prune(replace(graph, outputs=(output,)))
        for name, output in zip(scales, graph.outputs[count:], strict=True)
    }
    penalties, priors = frozenset(loss.penalties), frozenset(loss.priors)
    return Built(traced, tuple(loss.residuals), penalties, priors, **made)


class _LossBuilder:
    """Builds the outputs of the graph, one term after another."""

    def __init__(self, trace: Trace, arrays: Mapping[str, Tracer], declared: Declarations) -> None:
        self.trace = trace
        self.residuals: dict[str, Tracer] = {}
        self.penalties: list[str] = []
        self.priors: dict[str, Tracer] = {}
        self.further: list[Tracer] = []
        self.scales: dict[str, Tracer] = {}
        self.terms: list[Tracer] = []
        self.place = declared.loss.place
        self.kind = declared.loss.kind
        self.squares = declared.loss.squares
        places = {name: expression.place for name, expression in declared.loss.terms.items()}
        self.place_of_weights = places.pop(WEIGHTS, self.place)
        if WEIGHTS in arrays:
            self.scales["weights"] = arrays[WEIGHTS]
        if self.kind == "loss":
            self.add_loss(arrays["loss"], places["loss"])
        elif self.squares:
            self.add_normal_likelihood(arrays, places)
        elif self.kind == "log_likelihood":
            array = self.weighted(arrays["log_likelihood"], "the log likelihood")
            self.add_log_likelihood(array, places["log_likelihood"])
        elif declared.loss.comparison:
            self.add_comparison(arrays, places)
        else:
            for name, place in places.items():
                self.add_residual(name, self.weighted(arrays[name], name, root=True), place)

    def outputs(self) -> list[Tracer]:
        """The loss, the residuals, what else the result is computed from."""
        with self.trace.at(self.place):
            total = self.terms[0]
            for term in self.terms[1:]:
                total = total + term
            known = [*self.priors.values()][:1]
            for one in [*self.priors.values()][1:]:
                known = [known[0] + one]
        if self.kind == "log_likelihood":
            return [total, *self.further, *known]
        return [total, *self.residuals.values(), *known, *self.further]

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
            sigma = self.scales["sigma"] = arrays["sigma"]
            with self.trace.at(place_of_sigma):
                residual = residual / sigma
            self.check_shape(residual, observed, "sigma", sigma, place_of_sigma)
        if not self.squares:  # else the likelihood is weighted that is made of them
            residual = self.weighted(residual, "observed", root=True)
        self.add_residual("residual", residual, place)
        self.further.append(observed)

    def add_normal_likelihood(
        self, arrays: Mapping[str, Tracer], places: Mapping[str, Place]
    ) -> None:
        """That of least squares with ``sigma``; rows whose sigma is infinite do not count."""
        self.add_comparison(arrays, places)
        [residual] = self.residuals.values()
        self.residuals, self.terms, self.further = {}, [], []
        with self.trace.at(places["sigma"]):
            sigma: Value = self.scales["sigma"]
            counts = sigma != np.inf
            size = np.log(np.where(counts, sigma, 1.0)) + _HALF_LOG_2_PI
            found: Value = np.where(counts, -0.5 * np.square(residual) - size, 0.0)
        self.add_log_likelihood(self.weighted(found, "observed"), places["sigma"])

    def weighted(self, value: Tracer, what: str, *, root: bool = False) -> Tracer:
        """Each row of ``value`` times its weight, or the ``root`` of it, where rows have such."""
        weights = self.scales.get("weights")
        if weights is None:
            return value
        with self.trace.at(self.place_of_weights):
            found: Tracer = value * (np.sqrt(weights) if root else weights)
        if found.shape != value.shape:
            raise ShapeError(
                f"{what} has the shape {value.shape}, the weights {weights.shape}",
                place=self.place_of_weights,
                expected=f"the shape {value.shape}, or one that broadcasts to it",
                remedy=_without_axis(what, value.shape, weights.shape)
                or _without_axis("weights", weights.shape, value.shape)
                or "a value for each row is weighted, and not their sum",
            )
        return found

    def add_prior(self, name: str, prior: LogPrior) -> None:
        """Add a log density; to least squares, as the residual whose square it is."""
        self.priors[f"prior.{name}"] = prior.total
        if prior.residual is not None and self.kind == "least_squares":
            self.add_residual(f"prior.{name}", prior.residual, prior.place)
            return
        with self.trace.at(prior.place):
            self.terms.append(-prior.total)

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
