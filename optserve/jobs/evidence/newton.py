"""Newton's method from where a descent ended: it finishes, and its steps tell what is there.

At a minimum the steps shrink as fast as they do nowhere else. Where they do not, though the
curvature falls from step to step, the minimum is at infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Literal, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground, Noise
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface

__all__ = ["Bar", "Finish", "finish"]

QUICK = 0.1
"""How much shorter the next step is where the model holds: the rate of Newton's method."""

SAME = 0.9
"""The curvature may fall by so much along a step, and the model still counts as the same."""

SHRINKS = 0.95
"""The next step is shorter than this at a finite minimum, a degenerate one too."""

SLIDES = 4
"""So many steps in a row that do not shrink, over a curvature that falls, lead to infinity."""

VANISHED = 1e-20
"""The curvature has vanished along such steps where it has fallen by this factor."""

ROUNDINGS, NOISY = 16.0, 2.0
"""So many rounding errors of the loss at the start are what its terms may hide; and how many times
what is seen of noise it is taken to be."""

GRAINS, FEW = 32, 24.0
"""Parts of a step after each of which the loss is looked at, and by how many grains it changes."""

HALVINGS = 12
STEADY = 0.9
"""The next step is shorter than this where the model of Gauss and Newton converges, if slowly."""

GAUSS_NEWTON = 4
"""Such steps of Gauss and Newton after which the Hessian is asked."""

ASTRAY = 3
"""Steps after which nothing was like near a minimum, and no more are taken."""


class Finish(NamedTuple):
    """Where the steps led, and how it ended.

    rest
        the steps shrink, and the next would lower the loss by no more than is allowed
    slides
        the steps do not shrink, though the curvature falls: they lead to infinity along ``step``
    stuck
        no step lowers the loss, or the gradient
    on
        the loss falls on, and it is not near a minimum

    ``first`` is the model where they began.
    """

    kind: Literal["rest", "slides", "stuck", "on"]
    place: Ground
    model: Quadratic
    noise: Noise
    step: Array
    first: Quadratic


class Bar(NamedTuple):
    """The roots of decreases that are let go: of what is ``asked`` for, and of what rounding does,
    ``seen()`` where more is left than that."""

    asked: float
    seen: Callable[[], float]

    def met(self, decrement: float) -> bool:
        """Whether a step that lowers the loss by so little is let go."""
        return decrement <= self.asked or decrement <= max(self.asked, self.seen())

    def let(self) -> float:
        """The decrease that is let go."""
        return max(self.asked, self.seen()) ** 2


BarAt = Callable[[Ground, Quadratic, Noise, float], Bar]
"""(where, model, noise, the loss a step before) -> what is let go there."""


def finish(surface: Surface, place: Ground, bar_at: BarAt, most: int) -> Finish:
    """Take at most ``most`` steps from ``place``, where a descent has led."""
    return _Newton(surface, place, bar_at).run(most)


class _Newton:
    def __init__(self, surface: Surface, place: Ground, bar_at: BarAt) -> None:
        self.surface = surface
        self.first = self.place = place
        self.bar_at = bar_at
        self.first_model = self.model = surface.quadratic(place)
        self._look()
        self.fresh = True
        self.steps = 0
        self.slid = 0
        self.fallen = 1.0
        self.strides = True
        self.ratio = 0.0
        self.steady = self.astray = 0
        self.before = place.loss

    def run(self, most: int) -> Finish:
        step = self.model.step
        while self.steps < most:
            step = self.model.step
            ended = self._on(step)
            if ended or self.astray >= ASTRAY:
                return self._ended(ended or "on", step)
        return self._ended("slides" if self.slid > most // 2 else "on", step)

    def _ended(self, kind: Literal["rest", "slides", "stuck", "on"], step: Array) -> Finish:
        return Finish(kind, self.place, self.model, self.noise, step, self.first_model)

    def _on(self, step: Array) -> Literal["", "rest", "slides", "stuck"]:
        """Take one step, or say why there is none."""
        surface, place, model = self.surface, self.place, self.model
        bar = self.bar_at(place, model, self.noise, self.before)
        enough = bar.met(model.decrement)
        if enough and self.slid >= SLIDES:
            return "slides"
        if not step.any():
            return "rest" if enough else self._stuck()
        trial, share = self._search(step, seen=not enough)
        if trial is None:
            if not self.fresh:
                self._refresh()
                return ""
            if not enough and self._is_noise(step):
                return ""
            return "rest" if enough else self._stuck()
        chord = self._again(trial)
        shrunk = chord.decrement / model.decrement if model.decrement > 0.0 else 1.0
        if share == 1.0 and shrunk <= QUICK:
            self._take(trial, chord, fresh=not surface.keeps_curvature)
            bar = self.bar_at(trial, chord, self.noise, self.before)
            if not chord.decrement <= bar.asked:
                return ""
            if self.fresh or self._keeps_the_least():
                return "rest"
            self._refresh()
            return ""
        bends = surface.bends(trial, place, step)
        if enough and abs(bends - 1.0) <= 1.0 - SAME:
            # The same curvature, and no shorter step: that is rounding.
            if shrunk < 1.0:
                self._take(trial, chord, fresh=not surface.keeps_curvature)
            return "rest"
        if not self.fresh:
            self._refresh()
            return ""
        following = chord if not surface.keeps_curvature else surface.quadratic(trial)
        falls = trial.loss < place.loss - self.noise.loss
        if not falls and following.decrement >= model.decrement:
            return "rest" if enough else self._stuck()
        return self._slow(trial, following, step, share, bends, enough)

    def _slow(
        self,
        trial: Ground,
        following: Quadratic,
        step: Array,
        share: float,
        bends: float,
        enough: bool,
    ) -> Literal["", "rest", "slides"]:
        """Take a step after which the next is not much shorter."""
        model = self.model
        length = model.length(step)
        ratio = model.length(following.step) / length if length > 0.0 else 0.0
        slides = 0.0 <= bends < SAME and ratio >= SHRINKS
        if self.slid and share > 1.0 and not slides:
            self.strides = False  # so long a step leads too far to tell
            return ""
        self.slid = self.slid + 1 if slides else 0
        self.fallen = self.fallen * max(bends, 0.0) if slides else 1.0
        self.ratio = ratio if bends < SAME else 0.0
        slowest = 1.0 if self.surface.by_jacobian else STEADY  # of what the Hessian would mend
        steady = abs(bends - 1.0) <= 1.0 - SAME and ratio <= slowest
        self.steady += steady
        self.astray = 0 if slides or steady or QUICK < self.ratio < SHRINKS else self.astray + 1
        self._take(trial, following, fresh=True)
        if self.slid >= SLIDES and self.fallen <= VANISHED:
            return "slides"
        if self.surface.by_jacobian and self.steady >= GAUSS_NEWTON:
            self._ask_the_hessian()
        return "rest" if enough and not slides else ""

    def _search(self, step: Array, *, seen: bool) -> tuple[Ground | None, float]:
        """The first of shorter and shorter multiples of ``step`` that lowers the loss; where that
        need not be ``seen``, that does not raise it."""
        surface, place = self.surface, self.place
        longest = surface.reach(place.point, step)
        predicted = self.model.decrement**2
        noise = self.noise.loss
        if self.slid > 1 and self.strides:
            share = 2.0 ** (self.slid - 1)
        elif QUICK < self.ratio < SHRINKS:
            share = 1.0 / (1.0 - self.ratio)
        else:
            share = longest
        for _ in range(HALVINGS):
            trial = surface.at(place.point + share * step)
            if np.array_equal(trial.point, place.point):
                break
            gained = place.loss - trial.loss
            shows = seen and predicted > 4 * noise
            enough = 1e-4 * min(share, 1.0) * predicted if shows else -noise
            if trial.finite and gained >= enough:
                return trial, share
            share = longest if share > longest else share / 2
        return None, 0.0

    def _again(self, trial: Ground) -> Quadratic:
        """The model at ``trial``, with the curvatures that are known."""
        surface, model = self.surface, self.model
        if not surface.keeps_curvature:
            return surface.quadratic(trial)
        held = surface.held(trial)
        if np.array_equal(model.free, ~held):
            return model.at(trial.gradient)
        return surface.quadratic(trial)

    def _take(self, trial: Ground, model: Quadratic, *, fresh: bool) -> None:
        self.before = self.place.loss
        self.place, self.model, self.fresh = trial, model, fresh
        self.steps += 1
        if not 0.5 * self._seen <= abs(trial.loss) <= 2.0 * self._seen:
            self._look()

    def _keeps_the_least(self) -> bool:
        """Whether the least curvature is the one known: with the gradient it may have vanished."""
        model = self.model
        if not model.values.size or model.least <= model.noise:
            return True
        axis = model.axis(int(np.argmin(model.values)))
        now = float(axis @ self.surface.product(self.place.point, axis))
        return abs(now / model.least - 1.0) <= 1.0 - SAME

    def _look(self) -> None:
        """See what rounding does here."""
        self.noise = self.surface.noise(self.place, self.model)
        self._seen = abs(self.place.loss)

    def _refresh(self) -> None:
        self.model, self.fresh = self.surface.quadratic(self.place), True

    def _is_noise(self, step: Array) -> bool:
        """Whether what the loss does along ``step`` (p,) is rounding.

        The slope is nearly gone after it, and the loss has changed by no more than its rounding was
        at the start, or by a few of the grains that it has: terms that cancel hide so much.
        """
        place, model = self.place, self.model
        found = self.surface.at(place.point + step)
        strayed = abs(found.loss - place.loss + model.decrement**2)
        if not found.finite or self._again(found).decrement > QUICK * model.decrement:
            return False
        before = self.surface.at(self.surface.start)
        most = ROUNDINGS * self.surface.epsilon * abs(before.loss) if before.finite else 0.0
        if NOISY * strayed > most:
            most = strayed = self._grain(step)
        if not self.noise.loss < NOISY * strayed <= NOISY * most:
            return False
        self.noise = replace(self.noise, loss=NOISY * strayed)
        return True

    def _grain(self, step: Array) -> float:
        """By how much the loss changes along ``step`` (p,), if by a few times the same everywhere:
        so do sums of terms that cancel, as `sqrt(1 + r**2) - 1` of small r. Else 0."""
        if self.surface.budget.left <= 2 * GRAINS:
            return 0.0
        shares = np.linspace(0.0, 1.0, GRAINS + 1)
        losses = [self.surface.plainly_at(self.place.point + one * step).loss for one in shares]
        changes = np.abs(np.diff(losses))
        least = float(np.min(changes[changes > 0.0], initial=inf))
        return float(np.ptp(losses)) if np.ptp(losses) <= FEW * least < inf else 0.0

    def _stuck(self) -> Literal["", "stuck"]:
        return "" if self._ask_the_hessian() else "stuck"

    def _ask_the_hessian(self) -> bool:
        """Go on by the Hessian, where the model of Gauss and Newton does not do."""
        surface = self.surface
        if not surface.by_jacobian or not surface.dense:
            return False
        surface.by_jacobian = False
        self.place = surface.at(self.place.point)
        self._refresh()
        self._look()
        return True
