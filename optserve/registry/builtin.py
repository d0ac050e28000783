"""What ships with optserve, contributed through the same hooks as every plugin's.

Readers and initializers are contributed by ``optserve.config.builtin``, densities by
``optserve.registry.densities``, reports by ``optserve.reports.builtin``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optserve.backends.backend import Backend
from optserve.backends.backend_choice import builtin_backends
from optserve.graph.primitive import Primitive
from optserve.jobs import bijections
from optserve.jobs.parameters import ParameterTransform
from optserve.optimizers import (
    Modifier,
    Optimizer,
    Schedule,
    adam,
    clip,
    clip_by_global_norm,
    constant,
    cosine,
    exponential_decay,
    gradient_descent,
    lbfgs,
    levenberg_marquardt,
    momentum,
    step_decay,
    weight_decay,
)
from optserve.primitives.vocabulary import everyday_primitives
from optserve.registry.hookspecs import hookimpl

__all__ = [
    "optserve_backends",
    "optserve_optimizers",
    "optserve_primitives",
    "optserve_schedules",
    "optserve_transforms",
]


@hookimpl
def optserve_primitives() -> Sequence[Primitive]:
    """The built-in vocabulary, without the densities."""
    return everyday_primitives()


@hookimpl
def optserve_optimizers() -> Sequence[Callable[..., Optimizer | Modifier]]:
    """Methods of descent, then modifiers of methods."""
    return [
        gradient_descent,
        momentum,
        adam,
        lbfgs,
        levenberg_marquardt,
        clip,
        clip_by_global_norm,
        weight_decay,
    ]


@hookimpl
def optserve_schedules() -> Sequence[Callable[..., Schedule]]:
    """Rates that change with the steps."""
    return [constant, cosine, exponential_decay, step_decay]


@hookimpl
def optserve_transforms() -> Sequence[Callable[..., ParameterTransform]]:
    """Bijections that keep parameters where they must be."""
    return [
        bijections.log,
        bijections.softplus,
        bijections.logit,
        bijections.interval,
        bijections.ordered,
        bijections.simplex,
        bijections.unit_vector,
        bijections.cholesky_factor,
        bijections.positive_definite,
        bijections.correlation,
    ]


@hookimpl
def optserve_backends() -> Sequence[Backend]:
    """Ways to turn a graph into a callable."""
    return builtin_backends()
