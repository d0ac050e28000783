"""Methods of descent, each a pair (init, update) over one flat vector of parameters."""

from __future__ import annotations

from optserve.optimizers.adam import adam
from optserve.optimizers.base import Evaluation, Optimizer
from optserve.optimizers.gradient_descent import gradient_descent
from optserve.optimizers.lbfgs import lbfgs
from optserve.optimizers.levenberg_marquardt import levenberg_marquardt
from optserve.optimizers.modifiers import Modifier, chain, clip, clip_by_global_norm, weight_decay
from optserve.optimizers.momentum import momentum
from optserve.optimizers.projection import project, projected_gradient
from optserve.optimizers.schedules import (
    Schedule,
    constant,
    cosine,
    exponential_decay,
    step_decay,
)

__all__ = [
    "Evaluation",
    "Modifier",
    "Optimizer",
    "Schedule",
    "adam",
    "chain",
    "clip",
    "clip_by_global_norm",
    "constant",
    "cosine",
    "exponential_decay",
    "gradient_descent",
    "lbfgs",
    "levenberg_marquardt",
    "momentum",
    "project",
    "projected_gradient",
    "step_decay",
    "weight_decay",
]
