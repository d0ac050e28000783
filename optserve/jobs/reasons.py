"""Why a job ended, and the exit code that says so to a shell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum

__all__ = ["EXPECTATION_FAILED", "PRECEDENCE", "Reason", "exit_code", "exit_codes", "in_order"]


class Reason(Enum):
    """A reason to stop. The name is what ``termination`` is compared with; the value is a sentence.

    The order is that of precedence: where several apply, the first is the reason of the job.

    >>> Reason.precision.value
    'converged to the limit of floating-point precision'
    """

    certificate = "a derivative rule of a plugin failed its certificate"
    plugin = "a plugin failed while the job ran"
    data = "the data could not be read any more while the job ran"
    interrupted = "interrupted"
    terminated = "terminated"
    diverged = "diverged: the steps lead away"
    non_finite = "the loss or its gradient is not finite"
    aborted = "aborted: the loss was still too high"
    unbounded = "the loss has no lower bound in sight"
    runs_away = "the minimum lies at infinity"
    flat = "nothing changes the loss"
    saddle = "the curvature is negative: this is no minimum"
    unreached = "no derivative reaches a parameter"
    evaluated = "evaluated once"
    gradient = "converged: the gradient is within its tolerance"
    precision = "converged to the limit of floating-point precision"
    loss = "converged: the loss changes by no more than its tolerance"
    step = "converged: the step is within its tolerance"
    plateau = "the metric of the plateau has not improved"
    stalled = "no step lowers the loss, and its gradient is not zero"
    unexamined = "the end was examined in part only"
    epochs = "reached the limit of epochs"
    steps = "reached the limit of steps"
    seconds = "reached the limit of seconds"

    @property
    def converged(self) -> bool:
        return self in _CONVERGED

    @property
    def usable(self) -> bool:
        """Whether the best point that was evaluated is an answer."""
        return self not in _FAILED


_CONVERGED = frozenset({Reason.gradient, Reason.precision, Reason.loss, Reason.step})
_FAILED = frozenset(
    {Reason.certificate, Reason.plugin, Reason.data, Reason.non_finite, Reason.diverged}
)
_SETTLED = frozenset(
    {
        Reason.certificate,
        Reason.plugin,
        Reason.data,
        Reason.aborted,
        Reason.evaluated,
        Reason.plateau,
    }
)
"""Reasons after which nobody asks whether a tolerance was met."""

_ORDER = {reason: number for number, reason in enumerate(Reason)}


def in_order(reasons: Iterable[Reason]) -> list[Reason]:
    """Each of ``reasons`` once, in order of precedence."""
    return sorted({*reasons}, key=_ORDER.__getitem__)


_CODES = {
    Reason.unbounded: 3,
    Reason.runs_away: 3,
    Reason.flat: 3,
    Reason.saddle: 3,
    Reason.unreached: 3,
    Reason.unexamined: 3,
    Reason.interrupted: 130,
    Reason.terminated: 143,
    Reason.certificate: 6,
    Reason.plugin: 6,
    Reason.data: 5,
    Reason.non_finite: 5,
    Reason.diverged: 5,
    Reason.aborted: 4,
}

EXPECTATION_FAILED = 4

PRECEDENCE = (1, 130, 143, 2, 6, 5, 4, 3, 0)
"""Where several exit codes apply, the first of these wins."""


def exit_codes(
    reasons: Collection[Reason], *, tolerance: bool, expectations: bool
) -> tuple[int, ...]:
    """Every exit code that applies, in order of precedence.

    Parameters
    ----------
    reasons:
        All that apply to the job.
    tolerance:
        Whether a tolerance was asked for, by a person or by the default of the method.
    expectations:
        Whether every expectation holds.

    >>> exit_codes([Reason.steps], tolerance=True, expectations=False)
    (4, 3)
    >>> exit_codes([Reason.steps], tolerance=False, expectations=True)
    (0,)
    """
    codes = {_CODES[reason] for reason in reasons if reason in _CODES}
    if not expectations:
        codes.add(EXPECTATION_FAILED)
    if tolerance and not any(reason.converged or reason in _SETTLED for reason in reasons):
        codes.add(3)
    return tuple(sorted(codes, key=PRECEDENCE.index)) or (0,)


def exit_code(codes: Iterable[int]) -> int:
    """The one of ``codes`` that wins.

    >>> exit_code([3, 5, 130])
    130
    """
    return min(codes, key=PRECEDENCE.index)
