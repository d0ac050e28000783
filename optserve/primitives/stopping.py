"""A value that derivatives take for a constant."""

from __future__ import annotations

from optserve.primitives.constructors import elementwise

__all__ = ["stopped"]

stopped = elementwise(
    "stop_gradient",
    lambda x: x,
    partials=lambda out, x: (None,),
    floating=False,
    promotes=False,
    internal=True,
    doc="Its operand, as a constant to all derivatives.",
)
