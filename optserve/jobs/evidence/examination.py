"""One examination of where a descent ended: is it a minimum, and if not, what is it?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf, nan, sqrt
from typing import Any, Literal

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence import standing
from optserve.jobs.evidence.digits import undecided
from optserve.jobs.evidence.direction_names import directed, listed
from optserve.jobs.evidence.drifting import drifting
from optserve.jobs.evidence.edges import edge_of, onto_bounds, turns
from optserve.jobs.evidence.evidence import Direction, Evidence
from optserve.jobs.evidence.examined import End, Examined
from optserve.jobs.evidence.ground import Ground, Noise
from optserve.jobs.evidence.leaving import (
    ahead,
    beside,
    beside_kink,
    downwards,
    inward,
    is_endless,
)
from optserve.jobs.evidence.newton import Bar, Finish, finish
from optserve.jobs.evidence.outward import Let, came_down, far_along, outward
from optserve.jobs.evidence.profiles import Profile, profile
from optserve.jobs.evidence.quadratic import WEAK, Quadratic
from optserve.jobs.evidence.reach import Reach
from optserve.jobs.evidence.surface import BLIND, NOTHING, Surface
from optserve.jobs.evidence.weak_axes import hidden, profiles_of, true_model
from optserve.jobs.reasons import Reason

__all__ = ["Examination"]

MOST = 60
"""Newton steps that finish a descent."""

ROUNDS = 8
"""How often they begin anew, where the loss falls along an axis without a curvature."""


class Examination:
    """Examines ``end`` on ``surface``; ``tolerance`` is that of the gradient."""

    def __init__(self, surface: Surface, reach: Reach, end: End, tolerance: float) -> None:
        self.reach = reach
        self.tolerance = tolerance
        self.surface = surface
        self.end = end
        self.labels = surface.evaluator.packing.labels
        self.start = surface.at(end.point)
        self.noise = nan
        self.done: Finish | None = None
        self.fell: list[Array] = []
        self.on_floor = False
        self.left: Ground | None = None
        self.task = "to see how far the loss falls on"

    def run(self) -> Examined:
        """What was found."""
        surface = self.surface
        if surface.ignored.all():
            return self._end(Reason.flat, self.reach.told_of_ignored)
        if not self.start.finite:
            return self._end(None, "not examined: the loss or its gradient is not finite")
        still = np.array_equal(self.end.point, self.end.start)
        if still and not surface.held(self.start).any() and self._is_flat():
            told = "nothing was moved: the loss does not change near the start"
            return self._end(Reason.flat, told)
        found = self._from(onto_bounds(surface, self.start))
        for _ in range(ROUNDS if self.end.finishes else 0):
            if found.onward is None:
                break
            self.left = found.onward
            found = self._from(found.onward)
        if found.reason is None and found.onward is None:
            return found._replace(onward=self.left)
        return found

    def in_part(self) -> Examined:
        """What was found until no more could be spent."""
        done, told = self.done, self.surface.budget.told(self.task)
        if done is None:
            return self._end(None, told)._replace(place=None, in_part=True)
        found = self._end(None, told, done.model, place=done.place)
        lower = done.place.loss < self.start.loss - self.noise
        further = done.place if lower else None
        return found._replace(further=further, onward=self.left, in_part=True)

    def _from(self, place: Ground) -> Examined:
        """What Newton steps from ``place`` lead to."""
        surface = self.surface
        self.task, self.done = "to see how far the loss falls on", None
        done = finish(surface, place, self.bar, MOST)
        self.noise = done.noise.loss
        if done.kind == "slides":
            if lower := ahead(surface, done.place, done.step):
                told = "no minimum: the loss falls far ahead, and rises again"
                return self._end(None, told, done.model)._replace(onward=lower)
            return self._runs_away(done.step, done.model.spread_scale, done.model)
        if not self.end.finishes:
            model = done.first
            rests = self.bar(self.start, model, done.noise).met(model.decrement)
            kind: Literal["rest", "on"] = "rest" if rests else "on"
            done = done._replace(kind=kind, place=self.start, model=model, step=model.step)
        self.done = done
        return self._rests(done) if done.kind == "rest" else self._falls(done)

    def bar(self, place: Ground, model: Quadratic, noise: Noise, before: float = inf) -> Bar:
        """What a Newton step may lower the loss by at a minimum.

        ``before`` is the loss one step before, infinite where that says nothing.
        """
        asked = self.tolerance * self._unit(place, model, before)
        return Bar(asked, partial(noise.root, model))

    def _unit(self, place: Ground, model: Quadratic, before: float = inf) -> float:
        """What the root of a decrease is compared with."""
        if self.surface.kind == "log_likelihood":  # of which 0 may be the limit, far out
            return min(1.0, sqrt(abs(place.loss)) or 1.0)
        if model.rest is not None:
            return model.rest
        if (constant := self.surface.constant) is not None:
            return sqrt(max(place.loss - constant - model.decrement**2, 0.0))
        gained = self.end.gained(place.loss)
        # The last of a few steps from far off gain anything: a Newton step tells better.
        last = before - place.loss if before < inf else gained
        return sqrt(max(min(gained, last, abs(place.loss) or inf), 0.0))

    def _is_flat(self) -> bool:
        """Whether the loss changes with no coordinate near the start."""
        surface, place = self.surface, self.start
        if not surface.dense or surface.responds(place):
            return False
        noise = surface.sum_rounding(place)
        axes = np.eye(surface.size)[~surface.ignored]
        return all(profile(surface, place, axis, noise, near=True).kind == "flat" for axis in axes)

    def _rests(self, done: Finish) -> Examined:
        """At a point that is stationary: is it a minimum?"""
        surface, place, model, noise = self.surface, done.place, done.model, done.noise.loss
        self.task = "to tell it from a saddle"
        if free := standing.beyond_rows(surface, place, model):
            return self._minimum(place, model, model, free)
        true = true_model(surface, place, model)
        if told := standing.jump_at(surface, place, model, noise):
            return self._end(Reason.stalled, told, model, place=place)
        bar = self.bar(place, model, done.noise)
        if lower := inward(surface, place):
            told = "no minimum: the loss falls along what has come to next to nothing"
            return self._end(None, told, true)._replace(onward=lower)
        if standing.may_be_kink(surface, place, model, done.noise):
            self.task = "to see whether the loss falls beside a kink"
            lower = beside_kink(surface, place, max(noise, bar.let()))
            if lower is not None:
                told = "no minimum: the loss falls beside a kink"
                return self._end(None, told, true)._replace(onward=lower)
        if lower := downwards(surface, place, true, noise):
            told = "the curvature is negative: no minimum"
            return self._end(Reason.saddle, told, true)._replace(onward=lower)
        self.task = "to look along directions without curvature"
        weak = hidden(surface, place, model, noise)
        seen = list[Profile]()
        if weak.any():
            seen = profiles_of(surface, place, model, weak, noise, bar.let())
            if self.fell and len(seen) > 1:  # none of several axes need be the way that led down
                again = profile(surface, place, self.fell[-1], noise, bar.let())
                seen += [again] if again.kind in ("falls", "tail") else []
        return (
            self._unlike(place, model, seen)
            or self._ill_conditioned(place, model, seen)
            or self._vanished(place, true, noise, bar.let)
            or self._unlike(place, model, far_along(surface, place, model, weak, noise, bar.let))
            or self._unlike(place, model, drifting(surface, place, true, bar.asked, done.noise))
            or self._no_longer(place, seen, noise)
            or self._flat(place, model, true, weak, seen)
        )

    def _unlike(self, place: Ground, model: Quadratic, seen: Sequence[Profile]) -> Examined | None:
        """What the loss does along an axis that it does not at a minimum, if anything."""
        for one in seen:
            if one.kind in ("falls", "floor"):
                self.on_floor |= one.kind == "floor"
                return self._falls_along(place, model, one)
            if one.kind == "tail" or came_down(self.fell, one, self.surface, place):
                if model.rest is not None and (found := self._ill_conditioned(place, model)):
                    return found
                if found := self._plateau(place, model, seen):
                    return found
                if not standing.moved(self.surface, place, one.direction):
                    return self._gone(place, model, seen)
                if standing.is_parabola(self.surface, place):
                    return self._end(Reason.stalled, self._undecided(model), model, place=place)
                return self._runs_away(one.direction, self._sizes(place), model)
            if one.kind == "kink":
                return self._kink(place)
        if len([one for one in seen if one.kind == "afar"]) > 1 and abs(place.loss) > self.noise:
            told = self._end(Reason.stalled, self._undecided(model), model, place=place)
            return self._ill_conditioned(place, model, seen) or told
        return None

    def _gone(self, place: Ground, model: Quadratic, seen: Sequence[Profile]) -> Examined:
        """Where the loss does not change with what was not moved, but would nearer by."""
        flat = [one for one in seen if not standing.moved(self.surface, place, one.direction)]
        told = "the loss does not change with {} near the start: what depends on it has vanished"
        return self._flat_end(told, place, model, flat)

    def _no_longer(self, place: Ground, seen: Sequence[Profile], noise: float) -> Examined | None:
        """Where the loss does not change along an axis, and is no minimum farther along."""
        flat = [one.direction for one in seen if one.kind in ("flat", "edge")]
        lower = beside(self.surface, place, flat, noise) if self.end.finishes else None
        if lower is None:
            return None
        told = "no minimum: the curvature is negative farther along a flat direction"
        return self._end(None, told)._replace(onward=lower)

    def _undecided(self, model: Quadratic, remedy: str = "") -> str:
        axis = model.axis(int(np.argmin(model.values)))
        names = directed("trade-off", axis, model.spread_scale, self.labels).parameters
        told = f"rounding leaves no digits to tell {listed(names)} apart"
        return f"{told}: {remedy}" if remedy else told

    def _ill_conditioned(
        self, place: Ground, model: Quadratic, seen: Sequence[Profile] = ()
    ) -> Examined | None:
        """At what is no minimum for sure, as rounding hides what data written otherwise show."""
        shown = bool(seen) and all(one.kind == "afar" for one in seen)
        what = undecided(self.surface, place, model, shown=shown)
        if not what:
            return None
        told = self._undecided(model, what)
        return self._end(Reason.stalled, told, model, place=place)

    def _vanished(self, place: Ground, model: Quadratic, noise: float, let: Let) -> Examined | None:
        """Far out, where nothing is left of what the descent came down."""
        seen = outward(self.surface, place, model, noise, let)
        return None if seen is None else self._unlike(place, model, [seen])

    def _flat(
        self,
        place: Ground,
        model: Quadratic,
        true: Quadratic,
        weak: Array,
        seen: Sequence[Profile],
    ) -> Examined:
        """At what else is a minimum: does the loss change with anything, and with all it did?"""
        kinds = {one.kind for one in seen}
        flat = self._flat_of(place, seen, "flat", "edge", "valley")
        if weak.size and weak.all() and kinds == {"flat"}:
            told = "the loss does not change with any parameter here"
            return self._end(Reason.flat, told, model, flat)
        if "valley" not in kinds and (plateau := self._plateau(place, model, seen)):
            return plateau
        return self._minimum(place, model, true, flat)

    def _flat_of(self, place: Ground, seen: Sequence[Profile], *kinds: str) -> list[Direction]:
        sizes = self._sizes(place)
        return [
            directed("flat", one.direction, sizes, self.labels)
            for one in seen
            if not kinds or one.kind in kinds
        ]

    def _flat_end(
        self, told: str, place: Ground, model: Quadratic, seen: Sequence[Profile]
    ) -> Examined:
        """Where the loss does not change along what was ``seen``; ``told`` has room for names."""
        flat = self._flat_of(place, seen)
        names = listed(tuple(dict.fromkeys(name for one in flat for name in one.parameters)))
        return self._end(Reason.flat, told.format(names), model, flat)

    def _plateau(self, place: Ground, model: Quadratic, seen: Sequence[Profile]) -> Examined | None:
        """Where the loss changes along fewer directions than at the start."""
        dead = [one for one in seen if one.kind == "flat"]
        if not dead or len(dead) <= standing.flat_at_start(self.surface):
            return None
        told = "a plateau: the loss no longer changes with {}, as it did"
        return self._flat_end(told, place, model, dead)

    def _falls(self, done: Finish) -> Examined:
        """At a point from which a Newton step would lower the loss."""
        surface, place, model, noise = self.surface, done.place, done.model, done.noise.loss
        if is_endless(surface, place, model):
            return self._end(Reason.unbounded, "the loss has no lower bound in sight", model)
        if done.kind == "on":
            further = place if place.loss < self.start.loss - noise else None
            told = f"no minimum: a Newton step would lower the loss by {model.decrement**2:.2g}"
            return self._end(None, told, model)._replace(further=further)
        if away := self._vanished(place, model, noise, lambda: noise):
            return away
        if model.decrement**2 <= noise:
            return self._rests(done)
        way = done.step if done.step.any() else -place.gradient
        seen = profile(surface, place, way, noise)
        if seen.kind == "falls":
            return self._falls_along(place, model, seen)
        if seen.kind == "kink" or (
            surface.evaluator.graphs.has_kinks and turns(surface, place, way)
        ):
            return self._kink(place)
        told = edge_of(surface, place, way, noise)
        told = told or "the conditioning leaves no digits to go on by"
        return self._end(Reason.stalled, told, model, place=place)

    def _kink(self, place: Ground) -> Examined:
        """Where the derivative jumps no Newton step means anything."""
        told = "the loss has a kink here: its derivative jumps, and smooth steps come no lower"
        return self._end(Reason.stalled, told, place=place)

    def _falls_along(self, place: Ground, model: Quadratic, seen: Profile) -> Examined:
        if seen.lowest is not None and seen.lowest.loss == -inf:
            return self._end(Reason.unbounded, "the loss has no lower bound", model)
        if is_endless(self.surface, place, model):
            return self._end(Reason.unbounded, "the loss has no lower bound in sight", model)
        self.fell.append(seen.direction)
        told = "no minimum: the loss falls where its curvature is 0"
        return self._end(None, told, model)._replace(onward=seen.lowest)

    def _runs_away(self, vector: Array, sizes: Array, model: Quadratic) -> Examined:
        away = directed("runs away", vector, sizes, self.labels)
        one = len(away.parameters) == 1
        told = (
            f"{listed(away.parameters)} {'runs' if one else 'run'} away: the loss falls for ever, "
            f"by less and less; a bound, a prior or a penalty keeps {'it' if one else 'them'}"
        )
        return self._end(Reason.runs_away, told, model, [away])

    def _minimum(
        self, place: Ground, model: Quadratic, true: Quadratic, flat: Sequence[Direction] = ()
    ) -> Examined:
        if self.surface.is_blind(place, (model, true), self.noise):
            return self._end(Reason.unexamined, BLIND, place=place)
        if self.on_floor and true.least < WEAK:
            told = "the loss falls along the floor of a valley, as long as rounding lets it be seen"
            return self._end(Reason.stalled, told, model, place=place)
        by_tolerance = model.decrement <= self.tolerance * self._unit(place, model)
        told = standing.unseen(self.surface, place, true, self.noise, by_tolerance=by_tolerance)
        if told:
            return self._end(Reason.stalled, told, model, place=place)
        reason = Reason.gradient if by_tolerance else Reason.precision
        rounding = ", which is rounding" if true.least < 0.0 else ""
        told = (
            f"a minimum: a Newton step would lower the loss by {model.decrement**2:.2g}, "
            f"the least curvature is {true.least:.2g}{rounding}"
        )
        return self._end(reason, told, model, flat, place=place, true=true, verified=True)

    def _end(
        self,
        reason: Reason | None,
        sentence: str,
        model: Quadratic | None = None,
        directions: Sequence[Direction] = (),
        *,
        place: Ground | None = None,
        true: Quadratic | None = None,
        verified: bool = False,
    ) -> Examined:
        surface, place = self.surface, place or self.start
        numbers: dict[str, Any] = {}
        if model is not None:
            numbers = {
                "predicted_decrease": model.decrement**2,
                "rounding": self.noise,
                "distance": self._distance(model.decrement, self._unit(place, model)),
                "least_curvature": (true or model).least,
            }
        evidence = Evidence(
            verified,
            sentence,
            moved=not np.array_equal(place.point, self.end.start),
            directions=(*directions, *standing.apart(surface, self.reach, place)),
            **numbers,
        )
        step = inf if model is None else model.largest_change(place.point)
        return Examined(reason, evidence, place, step=step)

    def _sizes(self, place: Ground) -> Array:
        sizes, far = self.surface.reference(place), self.surface.far(place)
        return np.asarray(1.0 / np.where(sizes < NOTHING * far, far, sizes))

    def _distance(self, decrement: float, unit: float) -> float:
        if decrement == 0.0:
            return 0.0
        if self.surface.kind == "log_likelihood":
            return sqrt(2.0) * decrement
        return decrement / unit if unit > 0.0 else nan
