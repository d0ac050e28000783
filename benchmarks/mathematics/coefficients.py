"""Writes the module of coefficients of the vector mathematics, fitted anew.

``python -m benchmarks.mathematics.coefficients > coefficients.py`` takes a minute, and writes what
``optserve/backends/llvm/mathematics/coefficients.py`` is, unless the list of fits has changed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import mpmath as mp

from benchmarks.mathematics.minimax import Function, Real, minimax

__all__ = ["TABLES", "Table", "source"]


def _one(z: Real) -> Real:
    return mp.mpf(1)


def _root(at_zero: Function, function: Function) -> Function:
    """A function of sqrt(z), and its limit at 0."""
    return lambda z: function(mp.sqrt(z)) if z else at_zero(z)


@dataclass(frozen=True)
class Table:
    """One function, as a polynomial of a degree for each precision.

    ``double`` and ``float`` are for lanes of that type; ``short`` is for float lanes that are
    computed as doubles.
    """

    name: str
    doc: str
    function: Function
    low: float
    high: float
    degrees: Mapping[str, int]
    weight: Function = _one

    def coefficients(self, precision: str) -> tuple[float, ...]:
        return minimax(
            self.function,
            self.degrees[precision],
            self.low,
            self.high,
            self.weight,
            single=precision == "float",
        )


EXP = (math.log(2.0) / 2.0) ** 2 * 1.0002
LOG = ((math.sqrt(2.0) - 1.0) / (math.sqrt(2.0) + 1.0)) ** 2 * 1.001
QUARTER = (math.pi / 4.0) ** 2 * 1.0001
EIGHTH = math.tan(math.pi / 8.0) ** 2 * 1.0001
ERFCX_CENTER = 3.5


def _log_series(s: Real) -> Real:
    return (mp.log((1 + s) / (1 - s)) / s - 2) / s**2


def _erfcx(t: Real) -> Real:
    a = ERFCX_CENTER * (1 + t) / (1 - t)
    return mp.erfc(a) * mp.exp(a * a) * (1 + 2 * a)


def _stirling(t: Real) -> Real:
    x = 1 / t
    half = mp.mpf(1) / 2
    return (mp.loggamma(x) - (x - half) * (mp.log(x) - 1) - (mp.log(2 * mp.pi) - 1) / 2) / t


def _digamma(y: Real) -> Real:
    x, root = y + mp.mpf("1.5"), mp.findroot(mp.digamma, 1.46)
    return mp.digamma(x) / (x - root) if x != root else mp.psi(1, root)


TABLES: tuple[Table, ...] = (
    Table(
        "EXP_EVEN",
        "(cosh(r) - 1) / r**2 in powers of r**2, for abs(r) <= log(2) / 2.",
        _root(lambda z: mp.mpf(1) / 2, lambda r: (mp.cosh(r) - 1) / r**2),
        0.0,
        EXP,
        {"double": 5, "float": 2},
    ),
    Table(
        "EXP_ODD",
        "(sinh(r) / r - 1) / r**2 in powers of r**2, for abs(r) <= log(2) / 2.",
        _root(lambda z: mp.mpf(1) / 6, lambda r: (mp.sinh(r) / r - 1) / r**2),
        0.0,
        EXP,
        {"double": 4, "float": 2},
    ),
    Table(
        "LOG",
        "(log((1 + s) / (1 - s)) / s - 2) / s**2 in powers of s**2; (1 + s) / (1 - s) <= sqrt(2).",
        _root(lambda z: mp.mpf(2) / 3, _log_series),
        0.0,
        LOG,
        {"double": 6, "float": 2, "short": 4},
    ),
    Table(
        "LOG_WIDE",
        "The same for (1 + s) / (1 - s) <= 2.",
        _root(lambda z: mp.mpf(2) / 3, _log_series),
        0.0,
        1.0 / 9.0,
        {"double": 9, "float": 4},
    ),
    Table(
        "LOG_REST",
        "((log((1 + s) / (1 - s)) / s - 2) / s**2 - 2 / 3) / s**2 in powers of s**2.",
        _root(lambda z: mp.mpf(2) / 5, lambda s: (_log_series(s) - mp.mpf(2) / 3) / s**2),
        0.0,
        LOG,
        {"double": 7},
    ),
    Table(
        "SINE",
        "(sin(r) / r - 1) / r**2 in powers of r**2, for abs(r) <= pi / 4.",
        _root(lambda z: -mp.mpf(1) / 6, lambda r: (mp.sin(r) / r - 1) / r**2),
        0.0,
        QUARTER,
        {"double": 5, "float": 2},
    ),
    Table(
        "COSINE",
        "(cos(r) - 1 + r**2 / 2) / r**4 in powers of r**2, for abs(r) <= pi / 4.",
        _root(lambda z: mp.mpf(1) / 24, lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4),
        0.0,
        QUARTER,
        {"double": 5, "float": 2},
    ),
    Table(
        "ARCTAN",
        "(arctan(t) / t - 1) / t**2 in powers of t**2, for abs(t) <= tan(pi / 8).",
        _root(lambda z: -mp.mpf(1) / 3, lambda t: (mp.atan(t) / t - 1) / t**2),
        0.0,
        EIGHTH,
        {"double": 10, "float": 4},
    ),
    Table(
        "ARCSIN",
        "(arcsin(s) / s - 1) / s**2 in powers of s**2, for abs(s) <= 1 / 2.",
        _root(lambda z: mp.mpf(1) / 6, lambda s: (mp.asin(s) / s - 1) / s**2),
        0.0,
        0.25,
        {"double": 12, "float": 5},
    ),
    Table(
        "INVERSE_CUBE_ROOT",
        "m**(-1/3) for m from sqrt(1/2) to sqrt(2), to 4.5e-5: where iterations start.",
        lambda m: m ** (-mp.mpf(1) / 3),
        math.sqrt(0.5) * 0.9999,
        math.sqrt(2.0) * 1.0001,
        {"double": 4, "float": 4},
        lambda m: m ** (mp.mpf(1) / 3),
    ),
    Table(
        "ERF",
        "erf(x) / x - 1 in powers of x**2, for abs(x) <= 1.",
        _root(lambda z: 2 / mp.sqrt(mp.pi) - 1, lambda x: mp.erf(x) / x - 1),
        0.0,
        1.0,
        {"double": 11, "float": 6},
    ),
    Table(
        "LOG_ERFC",
        "log(erfc(x)) in powers of x, as precise as 1 - erfc(x) needs it, for x from 1 to 6.",
        lambda x: mp.log(mp.erfc(x)),
        0.99,
        6.0,
        {"double": 17, "float": 7},
        mp.erfc,
    ),
    Table(
        "ERFCX",
        "exp(x**2) erfc(x) (1 + 2 x) in powers of (x - 3.5) / (x + 3.5), for x from 1 / 2 to 28.",
        _erfcx,
        (0.49 - ERFCX_CENTER) / (0.49 + ERFCX_CENTER),
        (28.0 - ERFCX_CENTER) / (28.0 + ERFCX_CENTER),
        {"double": 20, "float": 10},
        lambda t: 1 / _erfcx(t),
    ),
    Table(
        "LOG_GAMMA",
        "log(gamma(2 + y)) / y in powers of y, for y from -1 to 1 / 2.",
        lambda y: mp.loggamma(2 + y) / y if y else 1 - mp.euler,
        -1.0,
        0.5,
        {"double": 24, "short": 11},
    ),
    Table(
        "STIRLING",
        "(log(gamma(x)) - (x - 1/2) (log(x) - 1) - log(2 pi) / 2 + 1/2) x in powers of 1 / x,\n"
        "for x >= 5 / 2.",
        _stirling,
        1e-3,
        0.4,
        {"double": 13, "short": 4},
        lambda t: t,
    ),
    Table(
        "DIGAMMA",
        "digamma(x) / (x - root) in powers of x - 3 / 2, for x from 1 to 2.",
        _digamma,
        -0.5,
        0.5,
        {"double": 22, "short": 11},
        lambda y: 1 / _digamma(y),
    ),
    Table(
        "DIGAMMA_TAIL",
        "(log(x) - digamma(x)) x in powers of 1 / x, for x >= 2.",
        lambda t: (-mp.log(t) - mp.digamma(1 / t)) / t,
        1e-3,
        0.5,
        {"double": 16, "short": 6},
        lambda t: t,
    ),
)

HEADER = '''"""Minimax polynomials, lowest power first, by precision.

Written by ``python -m benchmarks.mathematics.coefficients``, where each is defined: no edits here.
``short`` ones are for float lanes that are computed as doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
{names}
]

# fmt: off
'''


def source() -> str:
    """The text of the module."""
    names = "\n".join(f'    "{name}",' for name in sorted(table.name for table in TABLES))
    return HEADER.replace("{names}", names) + "\n" + "\n".join(map(_text, TABLES))


def _text(table: Table) -> str:
    lines = [f"{table.name}: Mapping[str, tuple[float, ...]] = MappingProxyType({{"]
    for precision in table.degrees:
        coefficients = [f"{value!r}," for value in table.coefficients(precision)]
        lines.append(f'    "{precision}": (')
        for start in range(0, len(coefficients), 3):
            lines.append("        " + " ".join(coefficients[start : start + 3]))
        lines.append("    ),")
    closing = "\n" if "\n" in table.doc else ""
    return "\n".join([*lines, "})", f'"""{table.doc}{closing}"""', ""])


if __name__ == "__main__":
    sys.stdout.write(source())
