"""The loss around a point, as evidence sees it: in double precision, within what it may cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from math import inf, isfinite, sqrt

import numpy as np

from optserve.errors import OptserveError
from optserve.graph.aval import Array
from optserve.jobs.equilibration import curvatures
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.budget import DENSE, PRODUCT, Budget, Prices, decomposition
from optserve.jobs.evidence.ground import Ground, Noise
from optserve.jobs.evidence.hessian_by_differences import hessian_by_differences
from optserve.jobs.evidence.krylov import krylov
from optserve.jobs.evidence.quadratic import Quadratic, of_hessian, of_jacobian, projected
from optserve.optimizers.lengths import norm
from optserve.optimizers.projection import project

__all__ = ["BLIND", "NOTHING", "SUMS", "Surface", "signs"]

LARGEST = 500
"""Coordinates up to which it is formed at all: its axes take a time that grows as their cube."""

HESSIANS = 3
"""How many Hessians an examination takes; where so many are too dear, none is formed."""

JACOBIANS = 4
"""How many Jacobians there must be time for; else products of the Hessian do."""

LOOKS_BY_JACOBIAN = 20
"""How many of them must not be too dear where least squares are not declared."""

BLIND = "not examined: the second derivatives are not finite here"

NOTHING = 1e-12
"""A coordinate below this may be rounding of 0, and is no measure of one that is 0."""

UNEVEN = 0.7
"""Steps by a few whole spacings of numbers would be rounded nowhere; those by such shares are."""

SHARE = 1e-3
"""A change of a coordinate, as a share of itself, that is small, and more than rounding."""

LOOKS = 4
"""Points at which rounding is looked at."""

SUMS = 4.0
"""Rounding errors of the loss that its own sum is taken to make."""


class Surface:
    """Evaluates what evidence needs, within a ``budget``.

    ``start`` (p,) is where the descent began. ``ignored`` are coordinates (p,) on which the loss
    does not depend, or through no derivative.
    ``constant`` is what the loss is beside a sum of squares; ``None`` where it is not known as one.
    """

    def __init__(
        self, evaluator: Evaluator, start: Array, ignored: Array, budget: Budget, prices: Prices
    ) -> None:
        self.evaluator = evaluator
        self.start = start
        self.ignored = ignored
        self.budget = budget
        self.prices = prices
        self.size = evaluator.packing.size
        self.epsilon = float(np.finfo(evaluator.packing.dtype).eps)
        self.kind = evaluator.problem.objective.kind
        self.constant = 0.0 if self.kind == "least_squares" else None
        few = self.size <= DENSE
        self.dense = few or (self.size <= LARGEST and prices.hessian <= budget.left // HESSIANS)
        self._scale: Array | None = None
        self.by_jacobian = evaluator.linearizes
        if self.by_jacobian:
            operations = JACOBIANS * decomposition(self.size, evaluator.rows)
            cost = JACOBIANS * prices.jacobian
            self.by_jacobian = budget.allows(cost, "jacobian", operations)
            if self.constant is None:
                self.by_jacobian &= LOOKS_BY_JACOBIAN * prices.jacobian <= budget.left

    @property
    def products(self) -> int:
        """How many products with single vectors a model may take, where no Hessian is formed."""
        return self.budget.left // (HESSIANS * PRODUCT)

    @property
    def keeps_curvature(self) -> bool:
        """Whether the curvatures of one place serve at another: a new model takes much longer."""
        return self.dense and not self.by_jacobian

    def at(self, point: Array) -> Ground:
        """What is known at the point of the job's precision next to ``point`` (p,)."""
        if not self.by_jacobian:
            return self.plainly_at(point)
        self.budget.spend(self.prices.jacobian, "jacobian")
        point = self._allowed(point)
        loss, *found = self.evaluator.linearized(point)
        place = Ground(point, float(loss), *[np.asarray(one, np.float64) for one in found])
        if self.constant is None and place.finite and place.residual is not None:
            beside = place.loss - float(place.residual @ place.residual)
            self.constant = beside if abs(beside) > self.sum_rounding(place) else 0.0
        return place

    def plainly_at(self, point: Array) -> Ground:
        """Loss and gradient there, without residual and Jacobian."""
        self.budget.spend(1)
        point = self._allowed(point)
        loss, gradient = self.evaluator.gradient(point)
        return Ground(point, float(loss), np.asarray(gradient, np.float64))

    def seen(self, point: Array) -> float:
        """The loss there, as the descent has found it if it was there."""
        point = self._allowed(point)
        known = self.evaluator.points.of(point)
        if known is None:
            return self.plainly_at(point).loss
        self.budget.spend(1)
        return float(known.loss)

    def _allowed(self, point: Array) -> Array:
        """The point of the job's precision, and within its bounds, next to ``point`` (p,)."""
        found: Array = project(point.astype(self.evaluator.packing.dtype), *self.evaluator.bounds)
        return found

    def loss(self, point: Array) -> float:
        """The loss there; NaN is taken for infinite."""
        found = self.plainly_at(point).loss
        return inf if found != found else found

    def product(self, point: Array, direction: Array) -> Array:
        """The Hessian at ``point`` times ``direction`` (p,), exact; by a difference of gradients
        where a plugin has no second derivative."""
        self.budget.spend(PRODUCT, "product")
        try:
            found = self.evaluator.product(point, direction.astype(point.dtype))
        except OptserveError:
            found = self._difference(point, direction)
        return np.asarray(found, np.float64)

    def _difference(self, point: Array, direction: Array) -> Array:
        """The Hessian times ``direction`` by a central difference of gradients along it."""
        sizes = np.abs(point)
        longest = float(np.max(np.abs(direction) / np.where(sizes > 0.0, sizes, 1.0)))
        move = direction * (self.epsilon ** (1 / 3) / (longest or 1.0))
        above, below = self.plainly_at(point + move), self.plainly_at(point - move)
        run = float((above.point - below.point) @ direction) / float(direction @ direction or 1.0)
        return np.asarray((above.gradient - below.gradient) / (run or 1.0))

    def hessian(self, place: Ground) -> Array:
        """The Hessian (p, p), exact; by differences of gradients where a plugin has no second
        derivative."""
        try:
            return self.evaluator.hessian(
                place.point, lambda: self.budget.spend(PRODUCT, "product")
            )
        except OptserveError:
            return self.differences(place)

    def differences(self, place: Ground) -> Array:
        """The Hessian (p, p) by central differences of gradients, to half of the digits."""
        widths = self.epsilon ** (1 / 3) * self._rounded(place, self.reference(place))
        at = self.at if self.size <= DENSE and self.kind == "least_squares" else self.plainly_at
        return hessian_by_differences(self.evaluator, place, widths, at)

    def reference(self, place: Ground) -> Array:
        """How large a coordinate is (p,); one at 0 as large as makes the loss what it is, or 1."""
        sizes = np.abs(place.point).astype(np.float64)
        if 0.0 not in sizes.tolist():  # NaN is none
            return np.where(sizes > 0.0, sizes, 1.0)
        largest = float(sizes.max(initial=0.0))
        return np.where(sizes > 0.0, sizes, min(largest, 1.0) if largest > NOTHING else 1.0)

    def far(self, place: Ground) -> Array:
        """How large coordinates may be (p,) that are next to nothing: as far as they have come, and
        as large as others, up to 1."""
        sizes = self.reference(place)
        others = min(float(sizes.max(initial=0.0)), 1.0)
        return np.asarray(np.maximum(np.abs(place.point - self.start), np.maximum(sizes, others)))

    def slope(self, place: Ground, free: Array | None = None) -> float:
        """By how much the loss changes, to first order, as ``free`` coordinates (p,), or all,
        change by themselves."""
        changes = np.abs(place.gradient) * self.reference(place)
        return float(changes.sum() if free is None else changes[free].sum())

    def is_blind(self, place: Ground, models: Sequence[Quadratic], noise: float) -> bool:
        """Whether second derivatives are not finite where the loss changes by more than noise."""
        known = all(model.known for model in models)
        return not known and self.slope(place, models[0].free) > noise

    def responds(self, place: Ground) -> bool:
        """Whether slopes and curvatures tell that the loss, or a residual, changes around."""
        sizes = self.reference(place)
        if place.jacobian is not None and place.residual is not None:
            moved = norm(np.abs(place.jacobian) @ sizes) > self.epsilon * norm(place.residual)
        else:
            moved = self.slope(place) > self.sum_rounding(place)
        if moved:
            return True
        bent = sizes @ np.abs(self.hessian(place)) @ sizes
        if not float(bent) <= self.sum_rounding(place):
            return True
        return self.quadratic(place).decrement ** 2 > self.sum_rounding(place)

    def quadratic(self, place: Ground) -> Quadratic:
        """The quadratic model at ``place``, over the coordinates that no bound holds."""
        free = ~self.held(place) & ~self.ignored
        hessian = None
        if not self.by_jacobian and self.dense:
            hessian = self.hessian(place)
        while True:
            if place.jacobian is not None or hessian is not None:
                self.budget.reckon(self._decomposition(place))
            if place.jacobian is not None and place.residual is not None:
                model = of_jacobian(place.jacobian, place.residual, free, self.epsilon)
            elif hessian is not None:
                model = of_hessian(hessian, place.gradient, free, self.epsilon)
            else:
                model = self.spanned(place.point, place.gradient, free)
            stopped = free & self._stops(place.point, model.step)
            if not stopped.any():
                return model
            free = free & ~stopped

    def spanned(self, point: Array, gradient: Array, free: Array) -> Quadratic:
        """The model at ``point`` over what products span from a ``gradient`` (p,)."""
        product = partial(self.product, point)
        if self._scale is None:
            found = curvatures(lambda vectors: [*map(product, vectors)], gradient)
            self._scale = np.ones(self.size) if found is None else np.sqrt(found)
        return krylov(product, gradient, free, self._scale, self.products, self.epsilon)

    def held(self, place: Ground) -> Array:
        """Which coordinates a bound holds (p,): the loss falls beyond it, and they stand at it or,
        where the loss is no number there, beside it."""
        bounded = any(bound is not None for bound in self.evaluator.bounds)
        stopped = self.stopped(place)
        return stopped | self._pressed(place) if bounded else stopped

    def stopped(self, place: Ground) -> Array:
        """Which of these stand at their bound (p,), for which it takes no look."""
        return self._stops(place.point, -place.gradient)

    def _pressed(self, place: Ground) -> Array:
        """Which coordinates (p,) the loss presses against a bound at which it is no number, as in
        ``1 / a``: their way to it is little beside what they came, twice as far off the loss is the
        same but for rounding, and a little farther off it falls towards the bound."""
        near = sqrt(self.epsilon) * np.abs(place.point - self.start)
        target, aside = np.array(place.point), np.array(place.point)
        for bound in self.evaluator.bounds:
            if bound is not None:
                beside = (np.abs(place.point - bound) <= near) & ~self.ignored
                inward = np.where(place.point > bound, near, -near)
                target[beside], aside[beside] = bound[beside], (bound + inward)[beside]
        pressed: Array = target != place.point
        if pressed.any():
            slopes = self.plainly_at(aside).gradient
            pressed &= (slopes > 0.0) == (place.point > target)
        if pressed.any():
            target = np.where(pressed, target, place.point)
            change = abs(self.loss(2.0 * place.point - target) - place.loss)
            pressed &= change <= self.sum_rounding(place) and not isfinite(self.loss(target))
        return pressed

    def at_bound(self, place: Ground) -> Array:
        """Which coordinates stand at a bound (p,), whatever the loss does beyond it."""
        lower, upper = self.evaluator.bounds
        stands = np.zeros(self.size, bool)
        if lower is not None:
            stands |= place.point <= lower
        if upper is not None:
            stands |= place.point >= upper
        return stands

    def unheld(self, place: Ground) -> Array:
        """The gradient (p,), with 0 for coordinates that a bound holds or that do not count."""
        return np.where(self.held(place) | self.ignored, 0.0, place.gradient)

    def _stops(self, point: Array, step: Array) -> Array:
        """Which coordinates stand at a bound that ``step`` leads across (p,)."""
        lower, upper = self.evaluator.bounds
        stops = np.zeros(self.size, bool)
        if lower is not None:
            stops |= (point <= lower) & (step < 0.0)
        if upper is not None:
            stops |= (point >= upper) & (step > 0.0)
        return stops

    def reach(self, point: Array, step: Array) -> float:
        """The longest multiple of ``step`` (p,), 1 at most, that stays within the bounds."""
        lower, upper = self.evaluator.bounds
        with np.errstate(all="ignore"):
            room = np.full(self.size, inf)
            if lower is not None:
                room = np.where(step < 0.0, np.minimum(room, (lower - point) / step), room)
            if upper is not None:
                room = np.where(step > 0.0, np.minimum(room, (upper - point) / step), room)
        return min(1.0, float(room.min(initial=inf)))

    def bends(self, after: Ground, before: Ground, step: Array) -> float:
        """The curvature along ``step`` (p,) at one place, over that at another."""
        if after.jacobian is not None and before.jacobian is not None:
            return _over(norm(after.jacobian @ step), norm(before.jacobian @ step)) ** 2
        now = float(step @ self.product(after.point, step))
        return _over(now, float(step @ self.product(before.point, step)))

    def _decomposition(self, place: Ground) -> float:
        return decomposition(self.size, 0 if place.jacobian is None else len(place.jacobian))

    def sum_rounding(self, place: Ground) -> float:
        """What the loss's own sum makes of rounding errors, at least."""
        return SUMS * self.epsilon * abs(place.loss)

    def noise(self, place: Ground, model: Quadratic) -> Noise:
        """What rounding does to the loss and to the decrement around ``place``: it is seen.

        Coordinates that no bound holds are moved by a few of their own rounding errors. What the
        loss and its gradient do there beside what they must, is noise (Moré & Wild, SIAM J. Sci.
        Comput. 33 (2011)).
        """
        sizes = np.where(self.held(place), 0.0, self.reference(place))
        still = (place.point == 0.0) & (model.spread_scale > 0.0)  # which rounding does not move
        if still.any():
            whole = abs(place.loss) or abs(self.seen(self.start))
            sizes[still] = np.minimum(sizes, sqrt(whole) / model.spread_scale)[still]
        found, rounded = self._moved(place, model, sizes), self._rounded(place, sizes)
        if found.loss < abs(place.loss) and rounded is not sizes:
            more = self._moved(place, model, rounded)
            return more if more.loss >= abs(place.loss) else found
        return found

    def _moved(self, place: Ground, model: Quadratic, sizes: Array) -> Noise:
        """What is seen of noise as coordinates are moved by rounding errors of ``sizes`` (p,)."""
        loss, turns, strays = self.sum_rounding(place), 0.0, list[Array]()
        for number, sign in enumerate(signs(self.size), 1):
            found = self.at(place.point + number * self.epsilon * sign * sizes)
            moved = (found.point - place.point).astype(np.float64)
            if not found.finite:
                continue
            loss = max(loss, 2.0 * abs(found.loss - place.loss - float(place.gradient @ moved)))
            turns = max(turns, float(np.abs(found.gradient - place.gradient) @ sizes))
            strays.append(_strayed(place, found, moved))
        return Noise(loss, partial(self._largest, place, strays, model), turns)

    def _rounded(self, place: Ground, sizes: Array) -> Array:
        """The ``sizes`` of coordinates (p,) by which what is computed of them is rounded: one that
        has come to next to nothing may cancel terms as large as its way, if that is below 1. It
        does where a small change of it does not have the effect that derivatives tell."""
        way = UNEVEN * np.minimum(np.abs(place.point - self.start), 1.0)
        come = (place.point != 0.0) & (sizes > 0.0) & (sizes <= NOTHING * way)
        if not come.any() or not self._is_rough(place, np.where(come, sizes, 0.0)):
            return sizes
        return np.asarray(np.where(come, way, sizes))

    def _is_rough(self, place: Ground, sizes: Array) -> bool:
        """Whether a share of ``sizes`` (p,) changes residuals, or the gradient, otherwise than
        derivatives tell."""
        found = self.at(place.point + SHARE * sizes)
        moved = (found.point - place.point).astype(np.float64)
        if place.jacobian is None:
            told = self.product(place.point, moved)
            return norm(found.gradient - place.gradient - told) > 0.5 * norm(told)
        return norm(_strayed(place, found, moved)) > 0.5 * norm(place.jacobian @ moved)

    def _largest(self, place: Ground, strays: list[Array], model: Quadratic) -> float:
        return 2.0 * max(self._decrements(place, strays, model), default=0.0)

    def _decrements(self, place: Ground, strays: list[Array], model: Quadratic) -> list[float]:
        """The decrements of what rounding has added to residuals, or to gradients."""
        if place.jacobian is None or not strays:
            return [model.at(stray).decrement for stray in strays]
        self.budget.reckon(self._decomposition(place))
        stacked = np.stack(strays, axis=-1)
        return projected(place.jacobian, stacked, model.free, self.epsilon)


@cache
def signs(size: int) -> Array:
    """In which sense coordinates (p,) are moved, look by look."""
    found: Array = np.random.default_rng(0).choice((-1.0, 1.0), (LOOKS, size))
    return found


def _strayed(place: Ground, found: Ground, moved: Array) -> Array:
    """What rounding has added to the residual, where there is one, or to the gradient."""
    if place.jacobian is not None and place.residual is not None and found.residual is not None:
        stray: Array = found.residual - place.residual - place.jacobian @ moved
        return stray
    return found.gradient - place.gradient


def _over(one: float, other: float) -> float:
    return one / other if other else inf
