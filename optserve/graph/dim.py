"""``Dim``: a row count that is known by name and bound to a number only at run time.

Every data table owns one ``Dim``. Arithmetic on row counts (``x[1:]``, ``concatenate``, flattening)
gives a polynomial in the tables' row counts, which is again a ``Dim``; anything else is an error.
A ``Dim`` is recognized by its name and never by its size: a table with as many rows as a matrix has
columns stays distinct from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optserve.errors import ShapeError

__all__ = ["Dim", "Size", "quotient", "resolve_size"]

Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Dim:
    """A polynomial in row counts: ``terms`` maps each sorted tuple of names to its coefficient.

    >>> n = Dim.rows("data")
    >>> n, n - 1, 2 * n, (n * 6) // 3
    (data, data-1, 2*data, 2*data)
    >>> n - n
    0
    >>> (n + 1).value({"data": 14})
    15
    """

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def rows(name: str) -> Dim:
        """The row count of the table ``name``."""
        return Dim((((name,), 1),))

    @property
    def is_rows(self) -> bool:
        """Whether this is the row count of one table itself, not something computed from it."""
        return len(self.terms) == 1 and len(self.terms[0][0]) == 1 and self.terms[0][1] == 1

    @property
    def name(self) -> str:
        """The table's name; only for a ``Dim`` that ``is_rows``."""
        if not self.is_rows:
            raise ShapeError(f"{self} is computed from row counts and has no name of its own")
        return self.terms[0][0][0]

    @property
    def names(self) -> frozenset[str]:
        """The names of all tables whose row counts take part."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def value(self, rows: Mapping[str, int]) -> int:
        """The number for given row counts."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for name in monomial:
                product *= rows[name]
            total += product
        return total

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, coefficient in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _normal(terms)

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = tuple(sorted(left + right))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _normal(terms)

    def __sub__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return self + (-1 * other)

    def __rsub__(self, other: Size) -> Size:
        return -1 * self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return self * -1

    def __floordiv__(self, other: Size) -> Size:
        result = quotient(self, other)
        if result is None:
            raise ShapeError(f"{self} rows cannot be divided evenly by {other}")
        return result

    def __repr__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            if not monomial:
                factor = str(abs(coefficient))
            else:
                factor = "*".join(monomial)
                if abs(coefficient) != 1:
                    factor = f"{abs(coefficient)}*{factor}"
            sign = "-" if coefficient < 0 else "+" if text else ""
            text += sign + factor
        return text


Size = int | Dim


def quotient(left: Size, right: Size) -> Size | None:
    """``left / right`` where it is exact for every row count, else ``None``.

    >>> n = Dim.rows("data")
    >>> quotient(6 * n, n), quotient(n * n - 1, n - 1), quotient(7, 2)
    (6, data+1, None)
    """
    if right == 0:
        return None
    divisor, scale = _terms(right)[0]
    result: Size = 0
    rest = left
    while rest != 0:
        monomial, coefficient = _terms(rest)[0]
        factor = _without(monomial, divisor)
        if factor is None or coefficient % scale:
            return None
        term = _normal({factor: coefficient // scale})
        result, rest = result + term, rest - term * right
    return result


def resolve_size(size: Size, rows: Mapping[str, int]) -> int:
    """The number that ``size`` stands for, given the row counts."""
    return size.value(rows) if isinstance(size, Dim) else size


def _without(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    """``monomial / divisor``, or ``None`` where it is not a multiple of it."""
    rest = list(monomial)
    for name in divisor:
        if name not in rest:
            return None
        rest.remove(name)
    return tuple(rest)


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Dim) else (((), size),)


def _normal(terms: Mapping[Monomial, int]) -> Size:
    """Sorted, without zero terms, highest degree first; a plain ``int`` where no name is left."""
    kept = {monomial: coeff for monomial, coeff in terms.items() if coeff}
    if not any(kept):
        return kept.get((), 0)
    return Dim(tuple(sorted(kept.items(), key=lambda item: (-len(item[0]), item[0]))))
