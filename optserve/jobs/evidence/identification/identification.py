"""``identification``: which parameters the data cannot tell apart, before any descent.

A model is locally identifiable where the information matrix has full rank (Rothenberg,
Econometrica 39 (1971), theorem 1). It is asked at the start and at points about it, within the
bounds: what is open at all of them is open by structure, and what is open at the start alone says
that this is an unlucky place to start from.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from optserve.backends.blas import one_thread
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.budget import Budget, Prices, SpentError
from optserve.jobs.evidence.conditioning import APART, remedy, sharper
from optserve.jobs.evidence.direction_names import MOST_NAMED, listed
from optserve.jobs.evidence.identification.invariants import Symmetry, changes_of, combination
from optserve.jobs.evidence.identification.telling import Telling, telling_of
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.evidence.uncertainty.delta_method import varying_entries
from optserve.jobs.evidence.uncertainty.information import Information, of_jacobian
from optserve.jobs.packing import Packing

__all__ = ["Identification", "Open", "identification"]

RADII = (0.5, 0.1, 0.5, 0.1, 0.5, 0.02)
"""How far from the start the other points are, as a share of what coordinates are."""

MANY = 100
"""Coordinates above which there are two other points."""

NEARER = 8
"""How often a point that is outside of the loss's domain is taken twice as near."""

COLLINEAR = 15.0
"""The collinearity index from which on a combination is called weakly told (Brun, Reichert &
Kuensch, Water Resources Research 37 (2001), take 10 to 15)."""

WEAK = 0.1
"""The share of the strongest of a direction that is told weakly from which on an entry is named."""

MOST_CHANGES = 3

NONE = 1e-6
"""A singular value below this, of open directions of length 1, is that of no direction."""

LOOKS = 100_000
"""Evaluations that the look for rounding of columns may take."""

OpenKind = Literal["no-effect", "not-identified", "rounding", "flat-start", "not-finite"]


@dataclass(frozen=True)
class Open:
    """What the data leave open of ``parameters``, in so many ``directions``.

    ``code`` is ``no-effect`` for parameters that nothing observed depends on, ``not-identified``
    for those that trade off, all that is told of them being the ``combination``, where that is
    known; ``rounding`` where other units or origins of the columns would tell them apart,
    ``flat-start`` where they are open at the start alone, and ``not-finite`` where the start was
    passed over, since what is told is no number there.
    """

    code: OpenKind
    parameters: tuple[str, ...]
    directions: int
    message: str
    remedy: str
    combination: str = ""


@dataclass(frozen=True)
class Identification:
    """``open`` is what the data leave open, and ``cautions`` what they leave open at the start.

    It was asked at so many ``points``, of ``told``, of which there are ``count``; ``parameters``
    are how many numbers vary. ``collinearity`` is to what part of itself a change of one parameter
    can be made up for by the others, inverted, and
    ``weakest`` takes part in that: both, and the ``condition``, at the point of the middle one.
    """

    open: tuple[Open, ...]
    cautions: tuple[Open, ...]
    told: str
    count: int
    parameters: int
    points: int
    condition: float
    collinearity: float
    weakest: tuple[str, ...] = ()

    @property
    def identified(self) -> bool:
        return not self.open


class _Seen(NamedTuple):
    """What is told at a ``point``."""

    point: Array
    information: Information


def identification(evaluator: Evaluator, start: Array) -> Identification:
    """What the data tell of the parameters of ``evaluator`` at ``start`` (p,) and about it.

    Raises ``ConfigError`` where that cannot be found out.
    """
    packing = evaluator.packing
    if not packing.size:
        return Identification((), (), "", 0, 0, 0, 1.0, 1.0)
    telling = telling_of(evaluator)
    if isinstance(telling, str):
        raise _refused(evaluator, telling, "run it: the end of a descent is examined")
    with np.errstate(all="ignore"):
        seen = _looks(evaluator, telling, start)
    if not seen:
        raise _refused(
            evaluator,
            "what it tells is not finite at the start, nor at the points about it that were tried",
            "start where the loss is finite",
        )
    rank = max(one.information.rank for one in seen)
    generic = [one for one in seen if one.information.rank == rank]
    found = _open_of(evaluator, generic, telling.count)
    if found and np.array_equal(generic[0].point, start):
        found = _but_for_rounding(evaluator, start, found)
    typical = sorted((one.information for one in generic), key=lambda one: one.condition)
    middle = typical[len(typical) // 2]
    return Identification(
        open=tuple(found),
        cautions=tuple(_at_start(evaluator, seen[0], generic[0], start)),
        told=telling.told,
        count=telling.count,
        parameters=packing.size,
        points=len(seen),
        condition=middle.condition,
        collinearity=1.0 / float(middle.singular[-1]) if rank else 1.0,
        weakest=_weakest(middle, packing.labels) if rank else (),
    )


def _looks(evaluator: Evaluator, telling: Telling, start: Array) -> list[_Seen]:
    """What is told at ``start`` and at points about it, as far as it is finite."""
    epsilon = float(np.finfo(evaluator.packing.dtype).eps)
    found = []
    radii = RADII if start.size <= MANY else RADII[:2]
    for number, radius in enumerate((0.0, *radii)):
        for halving in range(NEARER if radius else 1):
            point = _beside(evaluator, start, number, radius * 0.5**halving)
            rows = telling.rows(point)
            if rows is not None:
                found.append(_Seen(point, of_jacobian(rows, epsilon)))
                break
    return found


def _beside(evaluator: Evaluator, start: Array, number: int, radius: float) -> Array:
    """A point that is drawn by its ``number`` alone, so far from ``start`` and within bounds."""
    if not radius:
        return start
    sizes = np.where(start == 0.0, 1.0, np.abs(start)).astype(np.float64)
    random = np.random.Generator(np.random.Philox(key=[1, number]))
    moves = radius * random.uniform(0.3, 1.0, start.size) * random.choice([-1.0, 1.0], start.size)
    lower, upper = evaluator.bounds
    point = start + moves * sizes
    if lower is not None and upper is not None:
        shares = random.uniform(0.1, 0.9, start.size)  # of the way to a bound that was crossed
        point = np.where(point <= lower, start + shares * (lower - start), point)
        point = np.where(point >= upper, start + shares * (upper - start), point)
        turned = np.clip(start - moves * sizes, lower, upper)  # from a bound only inwards
        point = np.where((point <= lower) | (point >= upper), turned, point)
    return np.asarray(point, evaluator.packing.dtype)


def _open_of(evaluator: Evaluator, seen: Sequence[_Seen], count: int) -> list[Open]:
    """What is open at all points of what was ``seen``."""
    groups = _groups(seen)
    owners = _owners(evaluator.packing)
    lone = [group[0] for group in groups if len(group) == 1]
    traded = [group for group in groups if len(group) > 1]
    for owner in dict.fromkeys(owners[one] for one in lone if owners[one]):
        traded.append(tuple(one for one in lone if owners[one] == owner))
    names = tuple(evaluator.packing.labels[one] for one in lone if not owners[one])
    found = [_without_effect(names, True)] if names else []
    return [*found, *(_traded(evaluator, seen, group, count) for group in traded)]


def _groups(seen: Sequence[_Seen]) -> list[tuple[int, ...]]:
    """The coordinates that open directions trade off at any of the points: at one alone, such as a
    start of equal entries, a direction may happen to lie along fewer of them."""
    groups: list[set[int]] = []
    for group in itertools.chain(*(one.information.groups() for one in seen)):
        own = {*group}
        met = [one for one in groups if one & own]
        groups = [one for one in groups if not one & own] + [own.union(*met)]
    return sorted((tuple(sorted(one)) for one in groups), key=len)


def _owners(packing: Packing) -> list[str]:
    """Of each coordinate the parameter whose entries are made of several of them, as shares are;
    such entries cannot be fixed one by one. "" of a coordinate that makes an entry alone."""
    return [
        segment.parameter.name if transform is not None and transform.mixes else ""
        for segment in packing.free
        for transform in [segment.parameter.transform]
        for _ in range(segment.count)
    ]


def _without_effect(names: tuple[str, ...], fixable: bool) -> Open:
    them = "them" if len(names) > 1 else "it"
    fix = f"fix {them} (`fixed: true`), " if fixable else ""
    return Open(
        "no-effect",
        names,
        len(names),
        f"nothing that is told changes with {listed(names)}",
        f"{fix}give {them} a prior, or add data that depend on {them}",
    )


def _traded(evaluator: Evaluator, seen: Sequence[_Seen], group: Sequence[int], count: int) -> Open:
    """What is to be said of coordinates that trade off against each other."""
    packing, own = evaluator.packing, np.zeros(evaluator.packing.size, bool)
    own[list(group)] = True
    directions, points = [], []
    labels: tuple[str, ...] = ()
    for one in seen:
        varying = varying_entries(packing, one.point)
        sizes = np.abs(varying.derivative)  # one that rounding made moves nothing
        part = (sizes[:, own] > NONE * sizes.max(axis=1, keepdims=True)).any(axis=1) & varying.own
        labels = tuple(itertools.compress(varying.labels, part))
        moves = _open_within(one.information, own)
        directions.append(varying.derivative[np.ix_(part, own)] @ moves)
        natural = packing.natural(one.point)
        points.append(varying.entries(natural)[part])
    k = directions[0].shape[1]
    alike = [one for one in directions if one.shape == directions[0].shape]
    changes = changes_of(directions, points) if len(alike) == len(seen) else None
    told = combination(changes, labels) if changes else ""
    if changes:  # of shares, some stay as they are
        part_of = sorted({entry for change in changes for entry in change.rates})
    else:
        part_of = [*range(len(labels))]
    names = tuple(labels[one] for one in part_of)
    many = f"{k} of them" if k > 1 else "one of them"
    owners = _owners(packing)
    fixable = not any(owners[one] for one in group)
    if k == len(names):
        return _without_effect(names, fixable)
    fix = f"fix {many} (`fixed: true`), or " if fixable else ""
    what = f"{fix}add a prior, or data that tell them apart"
    if told:
        message = f"{listed(names)} only occur as {told}"
    elif count < packing.size and k >= packing.size - count:
        message = f"{count} rows tell of at most {count} of {packing.size} numbers: "
        message += f"{listed(names)} trade off against each other"
        what = f"{fix}add a prior or penalties, or more data"
    else:
        message = f"{listed(names)} trade off against each other"
        message += f" in {k} ways" if k > 1 else ""
        if changes:
            message += f": nothing changes where {_changes_told(changes, labels)}"
    return Open("not-identified", names, k, message, what, told)


def _open_within(information: Information, own: Array) -> Array:
    """The open directions of a group of coordinates, one a column."""
    moves, sizes, _ = np.linalg.svd(information.open[own], full_matrices=False)
    return np.asarray(moves[:, sizes > NONE] / information.scale[own][:, None])


def _but_for_rounding(evaluator: Evaluator, start: Array, found: Sequence[Open]) -> list[Open]:
    """``found``, or that it is rounding which hides what the data tell at ``start``."""
    if not evaluator.linearizes:
        return [*found]
    budget = Budget()
    budget.allow(LOOKS)
    ignored = np.zeros(start.shape, bool)
    surface = Surface(evaluator, start, ignored, budget, Prices(evaluator))
    with np.errstate(all="ignore"), one_thread():
        try:
            place = surface.at(start)
            told = remedy(*sharper(surface, place, surface.quadratic(place)), shown=False)
        except (SpentError, ArithmeticError, np.linalg.LinAlgError):
            return [*found]
    if not told or told == APART:
        return [*found]
    return [
        replace(
            one,
            code="rounding",
            message=f"{listed(one.parameters)} are told apart by less than rounding as the data "
            "are written",
            remedy=told,
            combination="",
        )
        for one in found
    ]


def _at_start(evaluator: Evaluator, seen: _Seen, generic: _Seen, start: Array) -> Iterator[Open]:
    """What is open at the start and not at the ``generic`` point."""
    if not np.array_equal(seen.point, start):
        yield Open(
            "not-finite",
            (),
            0,
            "the loss is no number at the start: what is told here is of points about it",
            "start where the loss is finite",
        )
        return
    more = generic.information.rank - seen.information.rank
    if more <= 0:
        return
    lone = {group for group in generic.information.groups() if len(group) == 1}
    groups = [group for group in seen.information.groups() if group not in lone]
    names = tuple(evaluator.packing.labels[one] for one in sorted(itertools.chain(*groups)))
    yield Open(
        "flat-start",
        names,
        more,
        f"the start is a place where the data tell less of {listed(names)} than about it",
        "start elsewhere: a descent may not leave such a place",
    )


def _weakest(information: Information, labels: Sequence[str]) -> tuple[str, ...]:
    """What takes most part in the direction that is told least of, where it is weak."""
    if information.singular[-1] * COLLINEAR > 1.0 or information.rank < 2:
        return ()
    sizes = np.abs(information.known[:, -1])
    order = np.argsort(-sizes, kind="stable")
    return tuple(labels[one] for one in order if sizes[one] >= WEAK * sizes[order[0]])


def _changes_told(changes: Sequence[Symmetry], labels: Sequence[str]) -> str:
    """The changes in words, the first few."""
    told = [_change_told(one, labels) for one in changes[:MOST_CHANGES]]
    more = len(changes) - len(told)
    return ", nor where ".join(told) + (f", nor in {more} more ways" if more else "")


def _change_told(change: Symmetry, labels: Sequence[str]) -> str:
    shifts = not all(change.scaled.values())
    moved = [
        _moved(labels[entry], rate, change.scaled[entry], shifts)
        for entry, rate in change.rates.items()
    ]
    if len(moved) > MOST_NAMED:
        moved = [*moved[: MOST_NAMED - 1], "..."]
    names = listed([labels[entry] for entry in change.rates])
    return f"{names} become {', '.join(moved)}, for any t"


def _moved(name: str, rate: float, scaled: bool, shifts: bool) -> str:
    """What becomes of an entry; by powers of t, or where others are shifted by those of exp(t)."""
    size = "" if abs(rate) == 1.0 else f"{abs(rate):.6g}"
    if not scaled:
        return f"{name} {'+' if rate > 0.0 else '-'} {size + ' * ' if size else ''}t"
    power = f"exp({size + ' * ' if size else ''}t)" if shifts else f"t**{size}" if size else "t"
    return f"{name} {'*' if rate > 0.0 else '/'} {power}"


def _refused(evaluator: Evaluator, why: str, what: str) -> ConfigError:
    return ConfigError(
        f"what the data tell apart cannot be found out before the fit: {why}",
        place=evaluator.problem.objective.place,
        expected="least_squares, a log_likelihood over rows, or a loss over rows",
        remedy=what,
        code="no-identification",
    )
