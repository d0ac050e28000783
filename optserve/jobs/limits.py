"""When a descent is to stop: what a person asked for, and the defaults of the method."""

from __future__ import annotations

from optserve.frozen import frozen
from optserve.jobs.problem import Stop
from optserve.optimizers.base import Optimizer

__all__ = ["Limits"]

ORDINARY_STEPS = 1000
"""The default of ``stop.steps`` for a method that ends there ordinarily, such as Adam."""

SEARCHING_STEPS = 200
"""The same for a method that searches until it converges, a free coordinate and one more."""


@frozen
class Limits:
    """Tolerances, ``None`` where there is none, and how long a descent may take.

    A step is one proposal of the method: a method that searches along a line makes several to a
    direction. ``steps`` or ``seconds`` is ``None`` where it does not limit.
    """

    gradient: float | None = None
    loss: float | None = None
    step: float | None = None
    steps: int | None = None
    seconds: float | None = None

    @property
    def tolerance(self) -> bool:
        """Whether convergence was asked for."""
        return any(one is not None for one in (self.gradient, self.loss, self.step))

    @staticmethod
    def of(stop: Stop, optimizer: Optimizer, size: int) -> Limits:
        """What holds for a job of ``size`` free coordinates.

        >>> from optserve.optimizers import adam, lbfgs
        >>> Limits.of(Stop(), lbfgs(), 2).gradient, Limits.of(Stop(gradient=0), lbfgs(), 2).gradient
        (1e-08, None)
        >>> Limits.of(Stop(), adam(), 2).steps, Limits.of(Stop(seconds=60), adam(), 2).steps
        (1000, None)
        """
        gradient = optimizer.gradient_tolerance if stop.gradient is None else stop.gradient
        steps = stop.steps
        if steps is None and stop.seconds is None:
            searching = optimizer.gradient_tolerance is not None
            steps = max(ORDINARY_STEPS, SEARCHING_STEPS * (size + 1) if searching else 0)
        return Limits(gradient or None, stop.loss or None, stop.step or None, steps, stop.seconds)
