"""What is told of parameters of which the data leave something open: their product, say.

At one point there are directions along which nothing changes. At several, these show what kind of
change it is: where an entry moves by the same everywhere it is shifted, and where it moves in
proportion to itself it is scaled. What no such change alters is all that is told (the symmetries of
Merkt, Timmer & Kaschek, Phys. Rev. E 92 (2015), of the simplest two kinds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from optserve.graph.aval import Array

__all__ = ["Symmetry", "changes_of", "combination"]

SAME = 1e-5
"""How closely a rate must be the same at all points."""

PLAIN = 12
"""The largest denominator of a rate that is written as a fraction."""

LEAST = 1e-7
"""A rate below this share of the largest is rounding of 0."""


@dataclass(frozen=True)
class Symmetry:
    """A change of entries (by index) that alters nothing: at ``rates``, each ``scaled`` or shifted.

    An entry that is scaled becomes itself times t to its rate, a shifted one itself plus its rate
    times the logarithm of t.
    """

    rates: dict[int, float]
    scaled: dict[int, bool]


def changes_of(open_: Sequence[Array], points: Sequence[Array]) -> list[Symmetry] | None:
    """The changes behind open directions (q, k) at several ``points`` (q,), one for each of k.

    ``None`` where they are of no such kind.

    >>> points = [np.array([2.0, 3.0]), np.array([-1.0, 4.0]), np.array([0.5, 0.1])]
    >>> product = [np.array([[one[0]], [-one[1]]]) for one in points]
    >>> changes_of(product, points)
    [Symmetry(rates={0: 1.0, 1: -1.0}, scaled={0: True, 1: True})]
    """
    if len(points) < 3:
        return None
    directions = _alike(open_)
    if directions is None:
        return None
    found = [
        _change([one[:, column] for one in directions], points)
        for column in range(directions[0].shape[1])
    ]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _alike(open_: Sequence[Array]) -> list[Array] | None:
    """The same directions at all points: each with 1 in an entry where the others have 0."""
    first = open_[0].copy()
    chosen: list[int] = []
    for column in range(first.shape[1]):  # entries that tell the directions apart best
        left = np.abs(first[:, column:])
        left[chosen] = 0.0
        entry, offset = divmod(int(left.argmax()), left.shape[1])
        if left[entry, offset] < LEAST:
            return None
        first[:, [column, column + offset]] = first[:, [column + offset, column]]
        pivot = first[:, column] / first[entry, column]
        first -= np.outer(pivot, first[entry]) * (np.arange(first.shape[1]) != column)
        chosen.append(entry)
    found = []
    for one in open_:
        square = one[chosen]
        if np.linalg.cond(square) > 1.0 / LEAST:
            return None
        found.append(one @ np.linalg.inv(square))
    return found


def _change(vectors: Sequence[Array], points: Sequence[Array]) -> Symmetry | None:
    """The one change whose directions at the points are ``vectors`` (q,)."""
    sizes = [np.abs(one) / np.abs(one).max() for one in vectors]
    part = np.flatnonzero(np.max(sizes, axis=0) > LEAST)
    moves = np.stack([one[part] for one in vectors])
    values = np.stack([one[part] for one in points])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = moves / values
        for base in (relative[:, :1], moves[:, :1]):
            scaled, shifted = relative / base, moves / base
            by_scale, by_shift = _is_same(scaled), _is_same(shifted)
            if not (by_scale | by_shift).all():
                continue
            rates = np.where(by_scale, np.median(scaled, axis=0), np.median(shifted, axis=0))
            return Symmetry(
                {int(one): _plain(float(rate)) for one, rate in zip(part, rates, strict=True)},
                {int(one): bool(kind) for one, kind in zip(part, by_scale, strict=True)},
            )
    return None


def _is_same(rates: Array) -> Array:
    """Of each column (points, m), whether it is the same at all points."""
    spread = np.max(rates, axis=0) - np.min(rates, axis=0)
    return np.asarray(np.isfinite(spread) & (spread <= SAME * np.abs(rates).max(axis=0)))


def _plain(rate: float) -> float:
    """The rate as the fraction that it nearly is."""
    near = float(Fraction(rate).limit_denominator(PLAIN))
    return near if abs(near - rate) <= SAME * abs(rate) else rate


def combination(changes: Sequence[Symmetry], labels: Sequence[str]) -> str:
    """The one expression of the entries that ``changes`` leave as it is; "" where there are more,
    or none of plain form.

    >>> combination([Symmetry({0: 1.0, 1: -1.0}, {0: True, 1: True})], ["a", "b"])
    'a * b'
    >>> combination([Symmetry({0: 1.0, 1: -2.0}, {0: True, 1: True})], ["a", "b"])
    'a**2 * b'
    >>> combination([Symmetry({0: 1.0, 1: 2.0}, {0: False, 1: False})], ["a", "b"])
    'a - b / 2'
    >>> combination([Symmetry({0: 1.0, 1: -1.0}, {0: True, 1: False})], ["A", "c"])
    'A * exp(c)'
    """
    entries = sorted({one for change in changes for one in change.rates})
    scaled: dict[int, bool] = {}
    for change in changes:
        for entry, kind in change.scaled.items():
            if scaled.setdefault(entry, kind) != kind:
                return ""
    if len(entries) != len(changes) + 1:
        return ""
    rates = np.array([[change.rates.get(one, 0.0) for one in entries] for change in changes])
    powers = np.linalg.svd(rates)[2][-1]
    first = next(
        (place for place, one in enumerate(entries) if scaled[one] and abs(powers[place]) > LEAST),
        0,
    )
    powers = powers / powers[first]
    if np.abs(powers).min() < LEAST:
        return ""
    names = [labels[one] for one in entries]
    kinds = [scaled[one] for one in entries]
    plain = _without_roots([_plain(float(one)) for one in powers], kinds)
    if not any(kinds):
        return _sum(plain, names)
    shifted = [(p, n) for p, n, kind in zip(plain, names, kinds, strict=True) if not kind]
    factors = [(p, n) for p, n, kind in zip(plain, names, kinds, strict=True) if kind]
    if shifted:
        factors.append((1.0, f"exp({_sum(*map(list, zip(*shifted, strict=True)))})"))
    above = " * ".join(_power(p, n) for p, n in factors if p > 0.0)
    below = "".join(f" / {_power(-p, n)}" for p, n in factors if p < 0.0)
    return above + below


def _without_roots(powers: Sequence[float], kinds: Sequence[bool]) -> list[float]:
    """The powers of what is scaled as whole numbers, if all are fractions: a**2 * b tells what
    a * b**(1/2) does."""
    near = [Fraction(one).limit_denominator(PLAIN) for one in powers]
    scaled = [one for one, kind in zip(near, kinds, strict=True) if kind]
    if [*map(float, near)] != [*powers] or not scaled:
        return [*powers]
    factor = lcm(*(one.denominator for one in scaled))
    return [float(one * factor) for one in near]


def _power(power: float, name: str) -> str:
    return name if power == 1.0 else f"{name}**{_number(power)}"


def _number(value: float) -> str:
    near = Fraction(value).limit_denominator(PLAIN)
    if float(near) == value and near.denominator > 1:
        return f"({near})"
    return f"{value:.6g}"


def _sum(factors: Sequence[float], names: Sequence[str]) -> str:
    """The sum of the names times factors."""
    text = ""
    for factor, name in zip(factors, names, strict=True):
        sign = " - " if factor < 0.0 else " + "
        if not text:
            sign = "-" if factor < 0.0 else ""
        text += sign + _times(abs(factor), name)
    return text


def _times(factor: float, name: str) -> str:
    near = Fraction(factor).limit_denominator(PLAIN)
    if float(near) != factor:
        return f"{factor:.6g} * {name}"
    over = f" / {near.denominator}" if near.denominator > 1 else ""
    return f"{name}{over}" if near.numerator == 1 else f"{near.numerator} * {name}{over}"
