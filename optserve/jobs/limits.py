"""When a descent is to stop: what a person asked for, and the defaults of the method."""

from __future__ import annotations

from dataclasses import dataclass

from optserve.jobs.problem import AbortRule, PlateauRule, StoppingRule
from optserve.optimizers.base import Optimizer

__all__ = ["Limits"]

ORDINARY_STEPS = 1000
"""The default of ``stop.steps`` for a method that ends there ordinarily, such as Adam."""

SEARCHING_STEPS = 200
"""The same for a method that searches until it converges, a free coordinate and one more."""


@dataclass(frozen=True)
class Limits:
    """Tolerances, ``None`` where there is none, and how long a descent may take.

    A step is one proposal of the method: a method that searches along a line makes several to a
    direction; over minibatches each batch is a step. ``steps``, ``epochs`` or ``seconds`` is
    ``None`` where it does not limit; ``steps`` is no more than ``epochs`` come to.
    """

    gradient: float | None = None
    loss: float | None = None
    step: float | None = None
    steps: int | None = None
    seconds: float | None = None
    epochs: int | None = None
    plateau: PlateauRule | None = None
    abort: AbortRule | None = None

    @property
    def tolerance(self) -> bool:
        """Whether convergence was asked for."""
        return any(one is not None for one in (self.gradient, self.loss, self.step))

    @staticmethod
    def of(
        stop: StoppingRule, optimizer: Optimizer, size: int, batches: int | None = None
    ) -> Limits:
        """What holds for a job of ``size`` free coordinates.

        ``batches`` are those of an epoch, of a job over minibatches, which has no default
        tolerance.

        >>> from optserve.optimizers import adam, lbfgs
        >>> rules = StoppingRule(), StoppingRule(gradient=0)
        >>> [Limits.of(rule, lbfgs(), 2).gradient for rule in rules]
        [1e-08, None]
        >>> rules = StoppingRule(), StoppingRule(seconds=60)
        >>> tuple(Limits.of(rule, adam(), 2).steps for rule in rules)
        (1000, None)
        >>> Limits.of(StoppingRule(epochs=3), adam(), 2, batches=10).steps
        30
        """
        default = optimizer.gradient_tolerance if batches is None else None
        gradient = default if stop.gradient is None else stop.gradient
        steps = stop.steps
        if steps is None and stop.epochs is None and stop.seconds is None and stop.plateau is None:
            steps = max(ORDINARY_STEPS, 0 if default is None else SEARCHING_STEPS * (size + 1))
        if batches is not None and stop.epochs is not None:
            whole = stop.epochs * batches
            steps = whole if steps is None else min(steps, whole)
        return Limits(
            gradient or None,
            stop.loss or None,
            stop.step or None,
            steps,
            stop.seconds,
            stop.epochs,
            stop.plateau,
            stop.abort,
        )
