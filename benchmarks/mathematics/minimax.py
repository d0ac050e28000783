"""Polynomials whose largest error is smallest: Remez's exchange, with 60 digits (mpmath)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp

__all__ = ["Function", "Real", "minimax"]

Real = Any
"""An ``mpmath.mpf``: the library has no types."""
Function = Callable[[Real], Real]

DIGITS = 60
SEPARATE = 3
"""Leading coefficients that are rounded one by one, the others fitted again after each."""


def minimax(
    function: Function, degree: int, low: float, high: float, weight: Function, *, single: bool
) -> tuple[float, ...]:
    """The polynomial for ``function`` with the smallest largest ``weight`` times error.

    Lowest power first; each coefficient is a number of double or, if asked for, single precision.
    What the rounding of a coefficient costs, the later ones make up for as far as they can, where
    the interval starts at 0.
    """
    with mp.workdps(DIGITS):
        start, stop = mp.mpf(low), mp.mpf(high)
        done: list[Real] = []
        while len(done) <= degree:
            rest, weight_of_rest = after(done, function, weight)
            found = remez(rest, degree - len(done), start, stop, weight_of_rest)
            separate = low == 0.0 and (single or len(done) < SEPARATE)
            done += [rounded(value, single=single) for value in found[: 1 if separate else None]]
            start = start or stop * mp.mpf(10) ** -6
        return tuple(map(float, done))


def after(done: Sequence[Real], function: Function, weight: Function) -> tuple[Function, Function]:
    """What the higher powers have to make up for, and its weight, once the lower are known."""
    if not done:
        return function, weight
    known, powers = list(done), len(done)
    return (
        lambda z: (function(z) - evaluated(known, z)) / z**powers,
        lambda z: weight(z) * z**powers,
    )


def evaluated(coefficients: Sequence[Real], z: Real) -> Real:
    """The polynomial at z."""
    total = mp.mpf(0)
    for coefficient in reversed(coefficients):
        total = total * z + coefficient
    return total


def rounded(value: Real, *, single: bool) -> Real:
    """The nearest number of the format."""
    number = float(value)
    return mp.mpf(struct.unpack("f", struct.pack("f", number))[0] if single else number)


def remez(f: Function, degree: int, low: Real, high: Real, weight: Function) -> list[Real]:
    """The coefficients of the polynomial whose weighted error is level, to 2 percent."""
    count = degree + 2
    center, radius = (low + high) / 2, (high - low) / 2
    points = [center - radius * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    fine = 16 * count
    grid = [center - radius * mp.cos(mp.pi * k / fine) for k in range(fine + 1)]
    values, weights = [f(z) for z in grid], [weight(z) for z in grid]
    coefficients: list[Real] = []
    for _ in range(25):
        coefficients, level = levelled(f, points, weight, degree)
        errors = [
            w * (value - evaluated(coefficients, z))
            for z, value, w in zip(grid, values, weights, strict=True)
        ]
        peaks = alternating_peaks(errors, count)
        if len(peaks) < count or max(map(abs, errors)) < mp.mpf("1.02") * level:
            break
        points = [grid[k] for k in peaks]
    return coefficients


def levelled(
    f: Function, points: Sequence[Real], weight: Function, degree: int
) -> tuple[list[Real], Real]:
    """The polynomial with errors of one size and alternating signs at the points; the size."""
    count = len(points)
    matrix, right = mp.matrix(count, count), mp.matrix(count, 1)
    for row, z in enumerate(points):
        w = weight(z)
        for column in range(degree + 1):
            matrix[row, column] = w * z**column
        matrix[row, degree + 1] = (-1) ** row
        right[row] = w * f(z)
    solution = mp.lu_solve(matrix, right)
    return [solution[k] for k in range(degree + 1)], abs(solution[degree + 1])


def alternating_peaks(errors: Sequence[Real], count: int) -> list[int]:
    """Where the error is largest between its changes of sign; of too many, the inner ones."""
    peaks: list[int] = []
    for k, error in enumerate(errors):
        if not peaks or (error >= 0) != (errors[peaks[-1]] >= 0):
            peaks.append(k)
        elif abs(error) > abs(errors[peaks[-1]]):
            peaks[-1] = k
    while len(peaks) > count:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks
