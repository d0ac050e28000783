"""``prior``: the log density of a parameter, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from optserve.config.declarations import Declarations, Prior
from optserve.config.expressions import Scope
from optserve.config.reals import real_array
from optserve.config.suggest import did_you_mean
from optserve.errors import ConfigError, OptserveError, Place, ShapeError
from optserve.graph.axes import aligned
from optserve.graph.dim import Dim
from optserve.graph.primitive import Primitive
from optserve.graph.trace import Trace, Tracer

__all__ = ["LogPrior", "log_prior"]

_SUFFIX = "_logpdf"


class LogPrior(NamedTuple):
    """The log density of all entries of a parameter; of a normal one, what its square is made of.

    The sum of the squares of ``residual`` is twice minus ``total``, up to what does not change.
    """

    total: Tracer
    residual: Tracer | None
    place: Place


def log_prior(
    name: str, prior: Prior, value: Tracer, declared: Declarations, scope: Scope, trace: Trace
) -> LogPrior:
    """The prior of the parameter ``name``, which is ``value``.

    Entries are independent, on the natural scale; of a density of vectors or matrices the last axes
    hold one. Raises ``ConfigError`` where there is no such density, or none is allowed.
    """
    _check_objective(name, prior, declared)
    primitive = _primitive(prior, scope.vocabulary.primitives)
    _check_hyperparameters(prior, primitive)
    if not value.shape:  # an entry of an array may be told by those before it
        _check_order(name, prior, declared)
    given = {
        key: real_array(expression, scope, trace, f"`{key}` of the prior")
        for key, expression in prior.hyperparameters.items()
    }
    with trace.at(prior.place):
        try:
            density = primitive(value, **given)
        except OptserveError as error:  # of shapes that do not fit, which the body meets
            error.place = prior.place
            raise
        _check_shape(name, prior, primitive, value, density)
        residual = None
        if prior.named.name == "normal":
            std = np.where(given["std"] > 0.0, given["std"], np.nan)
            residual = (value - given["mean"]) / std
        return LogPrior(np.sum(density), residual, prior.place)


def _check_objective(name: str, prior: Prior, declared: Declarations) -> None:
    loss = declared.loss
    if loss.kind == "loss":
        raise ConfigError(
            f"the prior of '{name}' needs a likelihood, and a loss is none",
            place=prior.place,
            expected="log_likelihood, or least_squares with sigma",
            remedy="write the loss as `log_likelihood`, minus it; or penalize: "
            "`penalty: {l2: 0.5}` adds 0.5 * sum(" + name + "**2)",
            code="prior",
        )
    if loss.kind == "least_squares" and "sigma" not in loss.terms:
        observed, predicted = (str(loss.terms.get(one, one)) for one in ("observed", "predicted"))
        raise ConfigError(
            f"the prior of '{name}' is weighed against data whose errors have no size: there is no "
            "sigma",
            place=prior.place,
            expected="least_squares with sigma, or log_likelihood",
            remedy="`least_squares: {observed: ..., predicted: ..., sigma: ...}`; or, where sigma "
            f"is a parameter, `log_likelihood: normal_logpdf({observed}, {predicted}, sigma)`",
            code="prior",
        )


def _primitive(prior: Prior, known: Mapping[str, Primitive]) -> Primitive:
    """The density by its name without the suffix."""
    found = known.get(prior.function)
    if found is not None and not found.call.internal:
        return found
    from optserve.primitives.vocabulary import density_primitives  # only where one is misspelt

    every = {*known, *(one.name for one in density_primitives() if not one.call.internal)}
    names = sorted(name.removesuffix(_SUFFIX) for name in every if name.endswith(_SUFFIX))
    written = prior.named.name
    if f"{written}_logpmf" in every:
        message = f"{written} is a distribution of whole numbers, and a parameter is real"
        remedy = ""
    else:
        message = f"no density is called '{written}'"
        remedy = did_you_mean(written.removesuffix(_SUFFIX), names)
    raise ConfigError(
        message,
        place=prior.place,
        expected=f"one of {', '.join(names)}",
        remedy=remedy,
        code="prior",
    )


def _check_hyperparameters(prior: Prior, primitive: Primitive) -> None:
    _, *needed = primitive.call.signature.parameters
    listed = ", ".join(f"`{one}`" for one in needed)
    written = prior.hyperparameters
    for key, expression in written.items():
        if key not in needed:
            raise ConfigError(
                f"{prior.named.name} has no parameter `{key}`",
                place=expression.place,
                expected=listed,
                remedy=did_you_mean(key, needed),
                code="prior",
            )
    missing = [one for one in needed if one not in written]
    if missing:
        raise ConfigError(
            f"{prior.named.name} needs {_and(f'`{one}`' for one in missing)}",
            place=prior.place,
            expected=f"{{{prior.named.name}: {{{', '.join(f'{one}: ...' for one in needed)}}}}}",
            code="prior",
        )


def _check_order(name: str, prior: Prior, declared: Declarations) -> None:
    """Refuse a prior that depends on the parameter itself, also by the priors of others: the
    product of such is no density."""
    depending, before = {name}, 0
    while len(depending) > before:
        before = len(depending)
        for value in declared.values:
            if declared.uses(value.expression, depending):
                depending.add(value.name)
        for other, one in declared.priors.items():
            if any(declared.uses(part, depending) for part in one.hyperparameters.values()):
                depending.add(other)
    for key, part in prior.hyperparameters.items():
        if declared.uses(part, depending):
            raise ConfigError(
                f"`{key}` of the prior of '{name}' depends on '{name}' itself",
                place=part.place,
                expected="numbers, data, and parameters whose own priors come before",
                code="prior",
            )


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)


def _check_shape(
    name: str, prior: Prior, primitive: Primitive, value: Tracer, density: Tracer
) -> None:
    """Refuse parameters of a prior that make more densities than the parameter has entries."""
    fits = density.shape == value.shape[: len(density.shape)]
    if fits and (primitive.axes is not aligned or density.shape == value.shape):
        return
    of_rows = any(isinstance(size, Dim) for size in density.shape)
    raise ShapeError(
        f"the prior of '{name}' has the shape {density.shape}, and '{name}' {value.shape}",
        place=prior.place,
        expected=f"parameters of the prior that are numbers, or of the shape {value.shape}",
        remedy="a column has a value a row: mean(...) of it is one number" if of_rows else "",
    )
