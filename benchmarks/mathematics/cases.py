"""What the vector mathematics is measured on: arguments of all sizes, most where it is hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CASES", "Case"]

Array = NDArray[Any]
Region = Callable[[np.random.Generator, int, np.dtype[Any]], tuple[Array, ...]]
Scale = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A function, the units in the last place that it may be wrong by, and its arguments.

    The unit is that of the value, or of ``scale`` at the arguments where that is larger.
    """

    function: str
    limit: float
    regions: Sequence[Region]
    note: str = ""
    scale: Scale = lambda *operands: 0.0

    def operands(self, count: int, dtype: np.dtype[Any], seed: int = 0) -> tuple[Array, ...]:
        """About ``count`` arguments, from each region as many."""
        generator = np.random.default_rng(seed)
        each = max(1, count // len(self.regions))
        parts = [region(generator, each, dtype) for region in self.regions]
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _dense(generator: np.random.Generator, values: Array, dtype: np.dtype[Any]) -> Array:
    """``values`` with their last bits at random: a difference of uniform numbers ends in zeros."""
    if dtype == np.float32:
        return values.astype(dtype)
    noise = generator.integers(0, 1 << 12, len(values), dtype=np.uint64)
    return (values.view(np.uint64) ^ noise).view(np.float64)


def uniform(low: float, high: float, single: tuple[float, float] | None = None) -> Region:
    """Between two bounds; ``single`` are those for float32."""

    def region(generator: np.random.Generator, count: int, dtype: np.dtype[Any]) -> tuple[Array]:
        bounds = single if single is not None and dtype == np.float32 else (low, high)
        return (_dense(generator, generator.uniform(*bounds, count), dtype),)

    return region


def any_number(low: float = -np.inf, high: float = np.inf) -> Region:
    """Finite numbers of all sizes, subnormal ones too: random bits."""

    def region(generator: np.random.Generator, count: int, dtype: np.dtype[Any]) -> tuple[Array]:
        integers = np.uint64 if dtype == np.float64 else np.uint32
        top = np.iinfo(integers).max
        found = generator.integers(0, top, 3 * count, integers, endpoint=True).view(dtype)
        found = found[np.isfinite(found) & (found > low) & (found < high)]
        return (np.resize(found, count),)

    return region


def right_angles() -> Region:
    """Next to multiples of pi / 2, up to a million million of them."""

    def region(generator: np.random.Generator, count: int, dtype: np.dtype[Any]) -> tuple[Array]:
        largest = 1e12 if dtype == np.float64 else 1e6
        multiples = np.rint(np.exp(generator.uniform(0.0, np.log(largest), count)))
        return ((multiples * (np.pi / 2)).astype(dtype),)

    return region


def pairs(first: Region, second: Region) -> Region:
    """Of two arguments."""

    def region(
        generator: np.random.Generator, count: int, dtype: np.dtype[Any]
    ) -> tuple[Array, ...]:
        return (*first(generator, count, dtype), *second(generator, count, dtype))

    return region


def power_of(base: Region) -> Region:
    """Exponents with which the powers of some bases are of all sizes."""

    def region(
        generator: np.random.Generator, count: int, dtype: np.dtype[Any]
    ) -> tuple[Array, ...]:
        [x] = base(generator, count, dtype)
        largest = 745.0 if dtype == np.float64 else 103.0
        logarithm = np.log(x.astype(np.float64))
        logarithm[logarithm == 0.0] = 1e-8
        y = generator.uniform(-largest, largest, len(x)) / logarithm
        return x, _dense(generator, y, dtype)

    return region


def between_integers(low: int, high: int) -> Region:
    """Uniform, without the integers."""
    inner = uniform(low, high)

    def region(generator: np.random.Generator, count: int, dtype: np.dtype[Any]) -> tuple[Array]:
        [x] = inner(generator, count, dtype)
        return (x[x != np.floor(x)],)

    return region


def _reflected_log_gamma(x: Array) -> Any:
    import scipy.special

    return np.maximum(1.0, np.abs(scipy.special.gammaln(-x.astype(np.float64))))


def _reflected_digamma(x: Array) -> Any:
    import scipy.special

    wide = x.astype(np.float64)
    pole = np.abs(np.pi / np.tan(np.pi * wide))
    return np.maximum(np.abs(scipy.special.digamma(-wide)), pole)


def _larger(x: Array, y: Array) -> Any:
    return np.maximum(np.maximum(np.abs(x), np.abs(y)).astype(np.float64), 0.5)


_angles = [right_angles(), uniform(-10, 10), uniform(-1e6, 1e6), any_number()]
_near_one = [uniform(-1, 1), uniform(-0.6, -0.4), uniform(0.4, 0.6), any_number(-1.0, 1.0)]
_plane = pairs(uniform(-10, 10), uniform(-10, 10))
_large_plane = pairs(any_number(), any_number())

CASES: tuple[Case, ...] = (
    Case("exp", 2, [uniform(-746, 710, (-104, 89)), uniform(-1, 1), any_number()]),
    Case("expm1", 2, [uniform(-40, 710, (-20, 89)), uniform(0.3, 0.5), any_number()]),
    Case("log", 2, [any_number(0.0), uniform(0.3, 3), uniform(0.9, 1.1)]),
    Case("log1p", 2, [any_number(-1.0), uniform(-0.99, 3), uniform(-0.1, 0.1)]),
    Case("sinh", 2, [uniform(-710, 710, (-89, 89)), uniform(-2, 2), any_number()]),
    Case("cosh", 2, [uniform(-710, 710, (-89, 89)), uniform(-2, 2), any_number()]),
    Case("tanh", 2, [uniform(-20, 20), uniform(0.1, 0.6), any_number()]),
    Case("sigmoid", 2, [uniform(-746, 40, (-104, 20)), uniform(-5, 5), any_number()]),
    Case("softplus", 2, [uniform(-746, 40, (-104, 20)), uniform(-0.6, 0.2), any_number()]),
    Case(
        "logaddexp",
        2,
        [_plane, pairs(uniform(-1, 1), uniform(-1, 1)), pairs(uniform(-700, 700), uniform(-9, 9))],
        "unit of x, y, the value or 1 / 2, whichever is largest",
        _larger,
    ),
    Case("sin", 2, _angles),
    Case("cos", 2, _angles),
    Case("tan", 2, _angles),
    Case("arcsin", 2, _near_one),
    Case("arccos", 2, _near_one),
    Case("arctan", 2, [uniform(-0.5, 0.5), uniform(-3, 3), any_number()]),
    Case("arctan2", 2, [_plane, _large_plane]),
    Case("hypot", 2, [_plane, _large_plane]),
    Case("cbrt", 2, [uniform(-10, 10), any_number()]),
    Case("power", 4, [power_of(uniform(0.5, 2)), power_of(any_number(0.0))]),
    Case("erf", 4, [uniform(-1, 1), uniform(-6, 6), any_number()]),
    Case("erfc", 4, [uniform(0.4, 2), uniform(-6, 28, (-6, 11)), any_number()]),
    Case(
        "gammaln",
        4,
        [uniform(0, 3), uniform(1.2, 1.4), uniform(2.4, 3), uniform(0, 200), any_number(0.0)],
        "x > 0",
    ),
    Case(
        "gammaln",
        4,
        [between_integers(-10, 0), between_integers(-100, 0)],
        "x < 0; unit of gammaln(-x) or 1, if larger",
        _reflected_log_gamma,
    ),
    Case(
        "digamma",
        4,
        [uniform(0, 3), uniform(1.4, 1.5), uniform(0, 200), any_number(0.0)],
        "x > 0",
    ),
    Case(
        "digamma",
        4,
        [between_integers(-10, 0), between_integers(-100, 0)],
        "x < 0; unit of digamma(-x) or pi / tan(pi x), if larger",
        _reflected_digamma,
    ),
)
