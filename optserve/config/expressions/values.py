"""What expressions compute with: traced values, numbers, row counts, tuples and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import e, inf, pi
from typing import Any, TypeAlias

from optserve.config.expressions.complex_numbers import FUNCTIONS, Complex, each_part
from optserve.errors import ConfigError, Place, ShapeError
from optserve.graph.aval import Shape
from optserve.graph.dim import Dim
from optserve.graph.trace import Trace, Tracer

__all__ = [
    "CONSTANTS",
    "Callback",
    "Number",
    "Value",
    "as_number",
    "attribute_of",
    "described",
    "shape_of",
    "source_at",
    "trace_of",
    "with_shapes",
]

Number: TypeAlias = Tracer | Dim | int | float | bool
"""What arithmetic takes. A row count stays exact until it meets something that is not a size."""

Value: TypeAlias = "Number | Complex | str | tuple[Value, ...] | Callback | None"
"""What an expression, or an argument of a call, can be."""

CONSTANTS: Mapping[str, float] = {"pi": pi, "e": e, "inf": inf}
"""Names with a value of their own, unless something is declared under them."""


@dataclass(frozen=True)
class Callback:
    """A function passed by name: what a primitive such as ``scan`` calls with traced values."""

    name: str
    call: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)


def described(value: Value) -> str:
    """What a value is, in the words of an error.

    >>> described(2.5), described((1, 2)), described(None)
    ('the number 2.5', 'a tuple of 2 values', 'None')
    """
    match value:
        case Tracer():
            return repr(value.aval)
        case Dim():
            return f"the row count {value}"
        case bool():
            return f"the truth value {value}"
        case int() | float():
            return f"the number {value}"
        case Complex():
            return "a complex number" if not value.shape else "an array of complex numbers"
        case tuple():
            return f"a tuple of {len(value)} values"
        case str():
            return "a string"
        case Callback():
            return f"the function '{value.name}'"
        case _:
            return "None"


def as_number(value: Value, place: Place) -> Number:
    """``value`` where arithmetic can take it; else ``ConfigError`` with what to do instead."""
    if isinstance(value, Tracer | Dim | bool | int | float):
        return value
    remedy = ""
    if isinstance(value, tuple):
        remedy = "take one of its values: [0]" if value else ""
    if isinstance(value, Complex):
        remedy = "real(z), imag(z), abs(z) and angle(z) are real numbers"
    if isinstance(value, Callback):
        remedy = f"call it: {value.name}(...)"
    raise ConfigError(
        f"{described(value)} stands where a value is expected",
        place=place,
        expected="a number or an array",
        remedy=remedy,
        code="wrong-operand",
    )


def shape_of(value: Value) -> Shape:
    """The shape of a value; numbers have none of any axis."""
    return value.shape if isinstance(value, Tracer | Complex) else ()


def trace_of(argument: Any) -> Trace | None:
    """The trace of a traced argument, or of the first of a tuple of them."""
    first = argument[0] if isinstance(argument, tuple) and argument else argument
    if isinstance(first, Complex):
        first = first.re if isinstance(first.re, Tracer) else first.im
    return first.trace if isinstance(first, Tracer) else None


def attribute_of(value: Value, attribute: str, place: Place) -> Value:
    """``value.T`` or ``value.shape``.

    >>> attribute_of(2.0, "shape", Place("fit.yaml"))
    ()
    """
    if isinstance(value, Complex) and attribute == "T":
        return each_part(value, lambda part: attribute_of(part, "T", place))
    if isinstance(value, Complex) and attribute == "shape":
        return value.shape
    number = as_number(value, place)
    if attribute == "shape":
        return shape_of(number)
    if attribute == "T":
        transposed: Number = number.T if isinstance(number, Tracer) else number
        return transposed
    raise ConfigError(
        f"no attribute '{attribute}'",
        place=place,
        expected=".T, .shape[k] or the dots of a declared name",
        remedy=f"it is a function: {attribute}(...)" if attribute in FUNCTIONS else "",
        code="wrong-operand",
    )


def source_at(place: Place) -> str:
    """The text that ``place`` underlines, for messages; "" where it is not known or too long."""
    start = max(0, place.column - 1)
    text = place.excerpt[start : start + place.width]
    return text if len(text) <= 40 else ""


def with_shapes(error: ShapeError, given: Iterable[tuple[Place, Value]]) -> ShapeError:
    """``error``, saying for each operand what was written and what it is."""
    shown: list[str] = []
    operands = list(given)
    for place, value in operands:
        text = source_at(place)
        if text and isinstance(value, Tracer) and f"{text} is {value.aval}" not in shown:
            shown.append(f"{text} is {value.aval}")
    if shown:
        error.message = f"{error.message}; here {' and '.join(shown)}"
    error.remedy = error.remedy or _of_rows([shape_of(value) for _, value in operands])
    return error


def _of_rows(shapes: Iterable[Shape]) -> str:
    """What to do where the rows of a table meet an axis that does not count them."""
    first = [shape[0] for shape in shapes if shape]
    tables = {size for size in first if isinstance(size, Dim) and str(size).isidentifier()}
    if len(tables) != 1 or not any(isinstance(size, int) and size > 1 for size in first):
        return ""
    [table] = tables
    return (
        f"x[row({table})] takes the entry of each row of an array x of shape [rows({table})]; "
        "`rows: false` makes a table one of constants"
    )
