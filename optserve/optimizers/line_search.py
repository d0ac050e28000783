"""The line search of Moré and Thuente, one trial step a call.

It finds a step that satisfies the strong Wolfe conditions, as ``dcsrch`` and ``dcstep`` of
MINPACK-2 do (Moré & Thuente, ACM TOMS 20 (1994) 286-307), with two additions. A value that is not
finite shortens the step. And a change of the value below its rounding error is replaced by the
change that the slopes at both ends give: the conditions then become the approximate Wolfe
conditions of Hager & Zhang (SIAM J. Optim. 16 (2005) 170-192), and a descent goes on where losses
alone say nothing.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from optserve.optimizers.verdict import NOISE

__all__ = ["LineSearch", "SearchOutcome", "advance", "begin"]

SearchOutcome = Literal["continue", "accept", "settle", "fail"]

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
EXTRAPOLATION_LEAST, EXTRAPOLATION_MOST = 1.1, 4.0
BRACKET_PRECISION = 1e-2
MAX_TRIALS = 20


class _End(NamedTuple):
    """A step, with the value and the slope of the function there."""

    step: float
    value: float
    slope: float


class LineSearch(NamedTuple):
    """What the search knows; all of it numbers, so that it is kept as one array.

    ``step`` is the trial step. ``best`` and ``other`` are the ends of the interval that holds an
    acceptable step once ``bracketed``, each with value and slope; until then ``best`` is the best
    step so far. ``auxiliary`` says that the first stage, which works on the function minus its
    sufficient decrease, is not over.
    """

    step: float
    value0: float
    slope0: float
    most: float
    best: float
    best_value: float
    best_slope: float
    other: float
    other_value: float
    other_slope: float
    bracketed: float = 0.0
    auxiliary: float = 1.0
    width: float = math.inf
    width_before: float = math.inf
    trials: float = 0.0

    @property
    def best_end(self) -> _End:
        return _End(self.best, self.best_value, self.best_slope)

    @property
    def other_end(self) -> _End:
        return _End(self.other, self.other_value, self.other_slope)


def begin(value: float, slope: float, step: float, most: float) -> LineSearch:
    """A search from a point with ``value`` and negative ``slope``, whose steps stay below ``most``.

    >>> search = begin(1.0, -2.0, step=0.25, most=10.0)
    >>> search, outcome = advance(search, 0.5625, -1.5, precision=2e-16)
    >>> outcome
    'accept'
    """
    return LineSearch(min(step, most), value, slope, most, 0.0, value, slope, 0.0, value, slope)


def advance(
    search: LineSearch, value: float, slope: float, precision: float
) -> tuple[LineSearch, SearchOutcome]:
    """Judge the trial step by its value and slope; unless it is accepted, choose the next.

    ``"settle"`` asks to evaluate ``step`` once more and to take it: it lowers the function, though
    not by the book, and no better one was found. ``"fail"``: no step lowers the function.
    """
    search = search._replace(trials=search.trials + 1)
    if not (math.isfinite(value) and math.isfinite(slope)):
        return _shortened(search)
    noise = NOISE * precision * max(abs(value), abs(search.value0))
    if abs(value - search.value0) <= noise:
        value = search.value0 + 0.5 * search.step * (search.slope0 + slope)
    decrease = SUFFICIENT_DECREASE * search.slope0
    enough = value <= search.value0 + search.step * decrease
    if enough and abs(slope) <= CURVATURE * abs(search.slope0):
        return search, "accept"
    if enough and slope <= decrease and search.step >= search.most:
        return search, "accept"
    if enough and slope >= 0:
        search = search._replace(auxiliary=0.0)
    evaluated = search.step
    if search.auxiliary and not enough and value <= search.best_value:
        search = _on_auxiliary(search, value, slope, decrease)
    else:
        search = _next_step(search, value, slope)
    return _safeguarded(search, evaluated)


def _shortened(search: LineSearch) -> tuple[LineSearch, SearchOutcome]:
    """Back from where the function is not finite, halving the way that is left open."""
    if search.trials >= MAX_TRIALS:
        return _given_up(search, search.step)
    reach = search.step - search.best
    return search._replace(
        step=search.best + 0.1 * reach, most=min(search.most, search.best + 0.5 * reach)
    ), "continue"


def _given_up(search: LineSearch, evaluated: float) -> tuple[LineSearch, SearchOutcome]:
    if search.best <= 0 or search.best_value >= search.value0:
        return search, "fail"
    outcome: SearchOutcome = "accept" if search.best == evaluated else "settle"
    return search._replace(step=search.best), outcome


def _on_auxiliary(search: LineSearch, value: float, slope: float, decrease: float) -> LineSearch:
    """``_next_step`` for the function minus its sufficient decrease, where that is not reached."""
    changed = search._replace(
        best_value=search.best_value - search.best * decrease,
        best_slope=search.best_slope - decrease,
        other_value=search.other_value - search.other * decrease,
        other_slope=search.other_slope - decrease,
    )
    changed = _next_step(changed, value - search.step * decrease, slope - decrease)
    return changed._replace(
        best_value=changed.best_value + changed.best * decrease,
        best_slope=changed.best_slope + decrease,
        other_value=changed.other_value + changed.other * decrease,
        other_slope=changed.other_slope + decrease,
    )


def _safeguarded(search: LineSearch, evaluated: float) -> tuple[LineSearch, SearchOutcome]:
    """Keep the interval shrinking by a third at least every other time, and know when to end."""
    spent = False
    if search.bracketed:
        width = abs(search.other - search.best)
        step = search.step
        if width >= 0.66 * search.width_before:
            step = search.best + 0.5 * (search.other - search.best)
        search = search._replace(step=step, width_before=search.width, width=width)
        low, high = sorted((search.best, search.other))
        spent = width <= BRACKET_PRECISION * high or not low < step < high
    if spent or search.trials >= MAX_TRIALS:
        return _given_up(search, evaluated)
    return search._replace(step=min(search.step, search.most)), "continue"


def _next_step(search: LineSearch, value: float, slope: float) -> LineSearch:
    """The next trial step and interval, by the four cases of ``dcstep``."""
    trial, best = _End(search.step, value, slope), search.best_end
    reach = trial.step - best.step
    opposite = slope * best.slope < 0
    if value > best.value:
        cubic, quadratic = _cubic(best, trial), _quadratic(best, trial)
        closer = abs(cubic - best.step) < abs(quadratic - best.step)
        chosen = cubic if closer else cubic + 0.5 * (quadratic - cubic)
    elif opposite:
        cubic, secant = _cubic(trial, best), _secant(trial, best)
        chosen = cubic if abs(cubic - trial.step) > abs(secant - trial.step) else secant
    elif abs(slope) < abs(best.slope):
        chosen = _flattening(search, trial)
    elif search.bracketed:
        chosen = _cubic(trial, search.other_end)
    else:
        chosen = math.copysign(math.inf, reach)
    search = _narrowed(search, trial, opposite)
    if search.bracketed and not math.isfinite(chosen):
        chosen = 0.5 * (search.best + search.other)
    if not search.bracketed:
        least = trial.step + EXTRAPOLATION_LEAST * reach if best.step else 0.0
        chosen = min(max(chosen, least), trial.step + EXTRAPOLATION_MOST * reach)
    return search._replace(step=chosen)


def _narrowed(search: LineSearch, trial: _End, opposite: bool) -> LineSearch:
    """The interval with the trial step as one of its ends."""
    if trial.value > search.best_value:
        return search._replace(
            other=trial.step, other_value=trial.value, other_slope=trial.slope, bracketed=1.0
        )
    if opposite:
        best = search.best_end
        search = search._replace(
            other=best.step, other_value=best.value, other_slope=best.slope, bracketed=1.0
        )
    return search._replace(best=trial.step, best_value=trial.value, best_slope=trial.slope)


def _flattening(search: LineSearch, trial: _End) -> float:
    """The third case: a lower value, and a slope of the same sign but smaller."""
    best = search.best_end
    cubic, secant = _cubic(trial, best, beyond=True), _secant(trial, best)
    cubic = math.copysign(cubic, trial.step - best.step) if math.isinf(cubic) else cubic
    farther = abs(cubic - trial.step) > abs(secant - trial.step)
    if not search.bracketed:
        return cubic if farther else secant
    chosen = secant if farther else cubic
    limit = trial.step + 0.66 * (search.other - trial.step)
    return min(limit, chosen) if trial.step > best.step else max(limit, chosen)


def _cubic(a: _End, b: _End, beyond: bool = False) -> float:
    """The minimizer of the cubic with the values and slopes of both ends.

    With ``beyond`` it must lie on the side of ``a`` that ``b`` is not on; else it is infinite.
    """
    theta = 3 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope
    largest = max(abs(theta), abs(a.slope), abs(b.slope))
    if largest == 0:
        return math.inf if beyond else a.step
    inside = (theta / largest) ** 2 - (a.slope / largest) * (b.slope / largest)
    gamma = math.copysign(largest * math.sqrt(max(inside, 0.0)), b.step - a.step)
    below = ((gamma - a.slope) + gamma) + b.slope
    if beyond and gamma == 0:
        return math.inf
    ratio = ((gamma - a.slope) + theta) / below if below else math.inf
    if beyond and ratio >= 0:
        return math.inf
    return a.step + ratio * (b.step - a.step)


def _secant(a: _End, b: _End) -> float:
    """Where the slope would vanish if it were linear."""
    return a.step + a.slope / (a.slope - b.slope) * (b.step - a.step)


def _quadratic(a: _End, b: _End) -> float:
    """The minimizer of the parabola with both values and the slope of ``a``."""
    reach = b.step - a.step
    below = (a.value - b.value) / reach + a.slope
    return a.step + 0.5 * reach * (a.slope / below if below else math.inf)
