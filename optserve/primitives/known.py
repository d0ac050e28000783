"""What of a traced value is known: where a function needs numbers to say which shape it has.

While a gradient is taken the numbers are at hand, as ``if`` sees them; what they decide is constant
around the point. Where only shapes are known, in compiled code, there are none.
"""

from __future__ import annotations

from typing import Any

from optserve.errors import TraceError
from optserve.graph.aval import Array, is_traced
from optserve.graph.operands import plain_array
from optserve.graph.primitive import Value

__all__ = ["known", "numbers_of"]


def numbers_of(value: Value) -> Array | None:
    """``value`` as an array of numbers; ``None`` where only its shape is known.

    >>> numbers_of([1, 2])
    array([1, 2])
    """
    found: Any = value
    while is_traced(found):
        found = found.known_value
    return None if found is None else plain_array(found)


def known(value: Value, what: str, remedy: str = "") -> Array:
    """``value`` as an array of numbers; raises ``TraceError`` where only its shape is known."""
    found = numbers_of(value)
    if found is None:
        raise TraceError(
            f"{what} that are computed give a value whose shape is not known beforehand",
            expected="an array, or a traced value whose numbers are known",
            remedy=remedy or "use np.where, which keeps the shape",
        )
    return found
