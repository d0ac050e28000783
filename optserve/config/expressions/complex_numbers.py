"""Complex numbers in expressions: pairs of real values. No graph holds a complex one.

``1j`` is the imaginary unit. What takes complex numbers is listed here; whatever else is given one
refuses it. A part that is the number 0 leaves no operation behind.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Shape, broadcast_shapes
from optserve.graph.trace import Tracer
from optserve.primitives.sums import broadcast_to

__all__ = [
    "FUNCTIONS",
    "Complex",
    "as_complex",
    "binary",
    "each_part",
    "no_complex",
    "parts_of",
    "stacked_parts",
]

Part: TypeAlias = Tracer | float
"""A real or an imaginary part: an array of floats, or a number."""

LARGEST_POWER = 16
"""Whole exponents up to this are products, which are exact where polar forms round."""


@dataclass(frozen=True)
class Complex:
    """A complex number, or an array of them, by its parts, which broadcast together."""

    re: Part
    im: Part

    @property
    def shape(self) -> Shape:
        return broadcast_shapes(*(getattr(part, "shape", ()) for part in (self.re, self.im)))

    @property
    def number(self) -> complex | None:
        """The number that it is, where it does not depend on anything."""
        if isinstance(self.re, Tracer) or isinstance(self.im, Tracer):
            return None
        return complex(self.re, self.im)


def as_complex(value: Any) -> Complex:
    """A real value as a complex one.

    >>> as_complex(2j), as_complex(3)
    (Complex(re=0.0, im=2.0), Complex(re=3.0, im=0.0))
    """
    if isinstance(value, Complex):
        return value
    if isinstance(value, Tracer):
        return Complex(
            value if value.dtype.kind == "f" else value * value.trace.precision.type(1), 0.0
        )
    number = complex(value)
    return Complex(number.real, number.imag)


def each_part(z: Complex, function: Callable[[Part], Any]) -> Complex:
    """What ``function``, which is linear, makes of both parts, each of the shape of both."""
    re, im = (function(_full(part, z)) for part in (z.re, z.im))
    return Complex(*(one.item() if isinstance(one, np.generic) else one for one in (re, im)))


def _full(part: Part, z: Complex) -> Part:
    """A part with the shape of both."""
    if isinstance(part, Tracer):
        return broadcast_to(part, z.shape) if part.shape != z.shape else part
    other = next((one for one in (z.re, z.im) if isinstance(one, Tracer)), None)
    return part if other is None else broadcast_to(other.trace.lift(part), z.shape)


def no_complex(what: str, *, remedy: str = "") -> ShapeError:
    """The error for ``what``, which takes real numbers only."""
    return ShapeError(
        f"{what} takes real numbers, and is given complex ones",
        expected="real(z), imag(z), abs(z) or angle(z)",
        remedy=remedy,
        code="wrong-operand",
    )


def _is_zero(x: Part) -> bool:
    return not isinstance(x, Tracer) and x == 0.0


def _real(ufunc: Callable[..., Any], *parts: Part) -> Part:
    with np.errstate(all="ignore"):
        value = ufunc(*parts)
    return value if isinstance(value, Tracer) else float(value)


def _plus(x: Part, y: Part) -> Part:
    return y if _is_zero(x) else x if _is_zero(y) else _real(np.add, x, y)


def _minus(x: Part, y: Part) -> Part:
    if _is_zero(y):
        return x
    return _real(np.negative, y) if _is_zero(x) else _real(np.subtract, x, y)


def _times(x: Part, y: Part) -> Part:
    return 0.0 if _is_zero(x) or _is_zero(y) else _real(np.multiply, x, y)


def _over(x: Part, y: Part) -> Part:
    return 0.0 if _is_zero(x) and not _is_zero(y) else _real(np.divide, x, y)


def _product(z: Complex, w: Complex, ufunc: Callable[..., Any] = np.multiply) -> Complex:
    def times(x: Part, y: Part) -> Part:
        return 0.0 if _is_zero(x) or _is_zero(y) else _real(ufunc, x, y)

    return Complex(
        _minus(times(z.re, w.re), times(z.im, w.im)),
        _plus(times(z.re, w.im), times(z.im, w.re)),
    )


def _quotient(z: Complex, w: Complex) -> Complex:
    if _is_zero(w.im):
        return Complex(_over(z.re, w.re), _over(z.im, w.re))
    if _is_zero(w.re):
        return Complex(_over(z.im, w.im), _minus(0.0, _over(z.re, w.im)))
    size = _size(w)  # no square of it may overflow
    turned = _product(z, Complex(_over(w.re, size), _minus(0.0, _over(w.im, size))))
    return Complex(_over(turned.re, size), _over(turned.im, size))


def _power(z: Complex, w: Complex) -> Complex:
    exponent = w.number
    if exponent == 0.5:
        return _sqrt(z)
    if exponent is not None and exponent.imag == 0.0 and exponent.real.is_integer():
        count = int(exponent.real)
        if abs(count) <= LARGEST_POWER:
            raised = _raised(z, abs(count))
            return raised if count >= 0 else _quotient(Complex(1.0, 0.0), raised)
    if _is_zero(w.im):
        size, angle = _real(np.power, _size(z), w.re), _times(w.re, _angle(z))
        return _polar(size, angle)
    return _exp(_product(w, _log(z)))


def _raised(z: Complex, count: int) -> Complex:
    result = Complex(1.0, 0.0)
    for bit in f"{count:b}":
        result = _product(result, result)
        result = _product(result, z) if bit == "1" else result
    return result


def _size(z: Complex) -> Part:
    if _is_zero(z.im) or _is_zero(z.re):
        return _real(np.abs, z.re if _is_zero(z.im) else z.im)
    return _real(np.hypot, z.re, z.im)


def _angle(z: Complex) -> Part:
    return _real(np.arctan2, z.im, z.re)


def _polar(size: Part, angle: Part) -> Complex:
    return Complex(_times(size, _real(np.cos, angle)), _times(size, _real(np.sin, angle)))


def _exp(z: Complex) -> Complex:
    if _is_zero(z.im):
        return Complex(_real(np.exp, z.re), 0.0)
    return _polar(_real(np.exp, z.re), z.im)


def _log(z: Complex) -> Complex:
    return Complex(_real(np.log, _size(z)), _angle(z))


def _sqrt(z: Complex) -> Complex:
    number = z.number
    if number is not None:
        return as_complex(cmath.sqrt(number))
    return _polar(_real(np.sqrt, _size(z)), _times(0.5, _angle(z)))


def _sinh(z: Complex) -> Complex:
    sine, cosine = _real(np.sin, z.im), _real(np.cos, z.im)
    return Complex(_times(_real(np.sinh, z.re), cosine), _times(_real(np.cosh, z.re), sine))


def _cosh(z: Complex) -> Complex:
    sine, cosine = _real(np.sin, z.im), _real(np.cos, z.im)
    return Complex(_times(_real(np.cosh, z.re), cosine), _times(_real(np.sinh, z.re), sine))


def _tanh(z: Complex) -> Complex:
    sine, cosine, t = _real(np.sin, z.im), _real(np.cos, z.im), _real(np.tanh, z.re)
    below = _plus(_times(cosine, cosine), _times(_times(t, t), _times(sine, sine)))
    rest = _times(_minus(1.0, t), _plus(1.0, t))  # 1 / cosh**2
    return Complex(_over(t, below), _over(_times(rest, _times(sine, cosine)), below))


def _turned(function: Callable[[Complex], Complex], back: complex) -> Callable[[Complex], Complex]:
    """A function of angles by the hyperbolic one of i z."""
    return lambda z: _product(as_complex(back), function(_product(as_complex(1j), z)))


FUNCTIONS: Mapping[str, Callable[[Complex], Complex | Part]] = {
    "real": lambda z: _full(z.re, z),
    "imag": lambda z: _full(z.im, z),
    "conj": lambda z: Complex(z.re, _minus(0.0, z.im)),
    "abs": _size,
    "angle": _angle,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "square": lambda z: _product(z, z),
    "reciprocal": lambda z: _quotient(Complex(1.0, 0.0), z),
    "negative": lambda z: _product(Complex(-1.0, 0.0), z),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "sin": _turned(_sinh, -1j),
    "cos": _turned(_cosh, 1),
    "tan": _turned(_tanh, -1j),
}
"""What takes one complex number."""

_BINARY: Mapping[str, Callable[[Complex, Complex], Complex]] = {
    "+": lambda z, w: Complex(_plus(z.re, w.re), _plus(z.im, w.im)),
    "-": lambda z, w: Complex(_minus(z.re, w.re), _minus(z.im, w.im)),
    "*": _product,
    "/": _quotient,
    "**": _power,
    "@": lambda z, w: _product(z, w, np.matmul),
}


def binary(symbol: str, left: Any, right: Any) -> Complex:
    """``left symbol right``, one of which is complex, or both.

    >>> binary("*", as_complex(2j), 3.0)
    Complex(re=0.0, im=6.0)
    """
    if symbol not in _BINARY:
        remedy = "compare their parts" if symbol in {"==", "!="} else ""
        raise no_complex(symbol, remedy=remedy)
    return _BINARY[symbol](as_complex(left), as_complex(right))


def parts_of(values: Sequence[Any]) -> tuple[list[Part], list[Part]]:
    """The real parts of several values, and the imaginary ones."""
    pairs = [as_complex(value) for value in values]
    return [_full(one.re, one) for one in pairs], [_full(one.im, one) for one in pairs]


def stacked_parts(values: Sequence[Any], stacked: Callable[[Sequence[Any]], Any]) -> Complex:
    """What ``stacked`` makes of the real parts of several values, and of the imaginary ones."""
    real, imaginary = parts_of(values)
    return Complex(stacked(real), stacked(imaginary))
