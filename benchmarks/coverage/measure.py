"""How often intervals hold the truth, by optserve and by a peer, over the same data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, sqrt
from typing import NamedTuple

import numpy as np

from benchmarks.coverage.models import LEVEL, MODELS, Model
from benchmarks.coverage.peers import Data, Intervals, PeerError
from optserve import load, run
from optserve.graph.aval import Array

__all__ = ["Counted", "compared", "counted", "data_set", "intervals_of", "peers_of"]

SEED = 20
"""Draws the uniform numbers."""

Ends = tuple[Intervals, Intervals]
"""Wald's intervals and those by the profile."""


@dataclass(frozen=True)
class Counted:
    """How many of ``sets`` intervals of a parameter hold the truth.

    ``ours`` do, and ``theirs`` of the peer, of the sets of which both have a fit; ``failed`` have
    none by optserve, ``peer_failed`` none by the peer. ``apart`` is the largest distance of two
    ends, and ``median`` that of the middle one, in units of half the peer's interval.
    """

    model: str
    parameter: str
    kind: str
    sets: int
    ours: int
    theirs: int
    failed: int
    peer_failed: int
    apart: float
    median: float

    @property
    def share(self) -> float:
        """The coverage."""
        return self.ours / self.sets

    @property
    def error(self) -> float:
        """The binomial standard error of a share of so many sets that is what the level says."""
        return sqrt(LEVEL * (1.0 - LEVEL) / self.sets)


class _Set(NamedTuple):
    ours: Ends | None
    theirs: Ends | None


def data_set(model: Model, number: int) -> Data:
    """The data set of this number, of uniform numbers that depend on it alone."""
    raw = np.random.Philox(key=[SEED, number]).random_raw(model.uniform)
    uniform: Array = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return model.draw(uniform)


def intervals_of(model: Model, data: Data, *, profiles: bool = True) -> Ends | None:
    """The intervals of optserve; nothing where it has no error bars."""
    asked = {
        "method": model.method,
        "level": LEVEL,
        "profile": [*model.profiled] if profiles else [],
    }
    config = {"version": 1, **model.config, "uncertainty": asked}
    result = run(load(config, data=dict(data)), threads=1)
    if result.exit_code != 0 or result.uncertainty == "none":
        return None
    wald = {name: _pair(result.intervals[name]) for name in model.truth}
    return wald, {name: _pair(one.interval) for name, one in result.profiles.items()}


def peers_of(model: Model, data: Data, *, profiles: bool = True) -> Ends | None:
    """The intervals of the peers; nothing where one has no fit."""
    try:
        wald = model.wald(data)
        return wald, {} if model.profile is None or not profiles else model.profile(data)
    except PeerError:
        return None


def counted(
    name: str, sets: int, profiles: int, shown: Callable[[int], None] = lambda number: None
) -> list[Counted]:
    """The counts of each parameter of a model over ``sets`` data sets; of ``profiles`` of them
    those by the profile too."""
    model, found = MODELS[name], []
    for number in range(sets):
        shown(number)
        data = data_set(model, number)
        with_profiles = number < profiles
        ours = intervals_of(model, data, profiles=with_profiles)
        found.append(_Set(ours, peers_of(model, data, profiles=with_profiles)))
    made = [
        _counted(name, parameter, truth, "Wald", found) for parameter, truth in model.truth.items()
    ]
    some = found[:profiles]
    if some and model.profile is not None:
        made += [_counted(name, one, model.truth[one], "profile", some) for one in model.profiled]
    return made


def _counted(name: str, parameter: str, truth: float, kind: str, found: list[_Set]) -> Counted:
    which = 0 if kind == "Wald" else 1
    both = [
        (one.ours[which][parameter], one.theirs[which][parameter])
        for one in found
        if one.ours is not None and one.theirs is not None
    ]
    apart = [compared(ours, theirs) for ours, theirs in both]
    return Counted(
        name,
        parameter,
        kind,
        len(both),
        sum(_holds(ours, truth) for ours, _ in both),
        sum(_holds(theirs, truth) for _, theirs in both),
        sum(one.ours is None for one in found),
        sum(one.theirs is None for one in found),
        float(np.max(apart)),
        float(np.median(apart)),
    )


def _pair(ends: object) -> tuple[float, float]:
    low, high = np.asarray(ends, np.float64)
    return float(low), float(high)


def _holds(ends: tuple[float, float], truth: float) -> bool:
    """Whether the truth is between the ends; one that there is not is infinite."""
    low, high = ends
    return bool((isnan(low) or low <= truth) and (isnan(high) or truth <= high))


def compared(ours: tuple[float, float], theirs: tuple[float, float]) -> float:
    """The larger distance of two ends that belong together; infinite where only one is there."""
    finite = [end for end in theirs if np.isfinite(end)]
    half = 0.5 * (max(finite) - min(finite)) if len(finite) == 2 else 1.0
    pairs = [one for one in zip(ours, theirs, strict=True) if np.isfinite(one).any()]
    return max((abs(a - b) / half if np.isfinite(a - b) else np.inf for a, b in pairs), default=0.0)
