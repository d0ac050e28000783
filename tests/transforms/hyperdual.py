"""Second derivatives to sixty digits: numbers v + a s + b t + c s t with s**2 = t**2 = 0.

A function written in NumPy runs on arrays of such objects as it does on arrays of floats, and its
value, the derivatives along two directions and the second derivative along both come out together
(Fike and Alonso 2011, AIAA 2011-886), with exponents of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

__all__ = ["Exact", "exact_derivatives"]

Function = Callable[..., Any]
LARGEST_EXPONENT = 10**6
"""exp of more than that is not told from infinity, nor exp of less than its negative from 0."""


class Exact:
    """One number: ``value``, the derivatives ``s`` and ``t``, and the mixed one, ``st``."""

    def __init__(self, value: Any, s: Any = 0, t: Any = 0, st: Any = 0) -> None:
        self.value, self.s, self.t, self.st = map(mpmath.mpf, (value, s, t, st))

    def _through(self, value: Any, first: Any, second: Any) -> Exact:
        """A function of this number, by its value and first two derivatives."""
        mixed = first * self.st + second * self.s * self.t
        return Exact(value, first * self.s, first * self.t, mixed)

    def __add__(self, other: Any) -> Exact:
        o = _exact(other)
        return Exact(self.value + o.value, self.s + o.s, self.t + o.t, self.st + o.st)

    def __mul__(self, other: Any) -> Exact:
        o = _exact(other)
        mixed = self.value * o.st + self.s * o.t + self.t * o.s + self.st * o.value
        s, t = (self.value * a + b * o.value for a, b in ((o.s, self.s), (o.t, self.t)))
        return Exact(self.value * o.value, s, t, mixed)

    def __truediv__(self, other: Any) -> Exact:
        o = _exact(other)
        return self * o._through(1 / o.value, -1 / o.value**2, 2 / o.value**3)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Exact:
        return self * -1

    def __sub__(self, other: Any) -> Exact:
        return self + -_exact(other)

    def __rsub__(self, other: Any) -> Exact:
        return _exact(other) - self

    def __rtruediv__(self, other: Any) -> Exact:
        return _exact(other) / self

    def __pow__(self, other: Any) -> Exact:
        if isinstance(other, Exact):
            return (other * self.log()).exp()
        n, v = mpmath.mpf(float(other)), self.value
        exponents = (n, n - 1, n - 2)
        powers = [v ** (int(k) if k == int(k) else k) if v or k > 0 else mpmath.mpf(k == 0)
                  for k in exponents]  # fmt: skip
        return self._through(powers[0], n * powers[1], n * (n - 1) * powers[2])

    def __abs__(self) -> Exact:
        return self if self.value >= 0 else -self

    def square(self) -> Exact:
        return self * self

    def exp(self) -> Exact:
        e = mpmath.exp(min(max(self.value, -LARGEST_EXPONENT), LARGEST_EXPONENT))
        return self._through(e, e, e)

    def log(self) -> Exact:
        return self._through(mpmath.log(self.value), 1 / self.value, -1 / self.value**2)

    def sqrt(self) -> Exact:
        return self**0.5

    def sinh(self) -> Exact:
        sinh, cosh = mpmath.sinh(self.value), mpmath.cosh(self.value)
        return self._through(sinh, cosh, sinh)

    def cosh(self) -> Exact:
        sinh, cosh = mpmath.sinh(self.value), mpmath.cosh(self.value)
        return self._through(cosh, sinh, cosh)

    def tanh(self) -> Exact:
        tanh, slope = mpmath.tanh(self.value), mpmath.sech(self.value) ** 2
        return self._through(tanh, slope, -2 * tanh * slope)

    def arctan(self) -> Exact:
        slope = 1 / (1 + self.value**2)
        return self._through(mpmath.atan(self.value), slope, -2 * self.value * slope**2)


def _exact(value: Any) -> Exact:
    return value if isinstance(value, Exact) else Exact(float(value))


def exact_derivatives(function: Function, points: Sequence[Any]) -> dict[str, list[Any]]:
    """The value ("", then "0", "1", ... by each operand, "01" by two of them), row by row."""
    count = len(points)
    found: dict[str, list[Any]] = {}
    with mpmath.workdps(60):
        for row in zip(*points, strict=True):
            for i in range(count):
                for j in range(i, count):
                    operands = [Exact(float(x), k == i, k == j) for k, x in enumerate(row)]
                    out = _exact(function(*(np.array(x, dtype=object)[()] for x in operands)))
                    if i == j:
                        found.setdefault(str(i), []).append(out.s)
                    if i == j == 0:
                        found.setdefault("", []).append(out.value)
                    found.setdefault(f"{i}{j}", []).append(out.st)
    return found
