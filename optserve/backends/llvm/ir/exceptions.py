"""Why native code is not there, or void."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optserve.graph.graph import Equation

__all__ = ["Failed", "Unsupported"]


class Unsupported(Exception):
    """There is no native form; the text says of what, and it runs on NumPy instead.

    ``equation`` is the one that has none, where it is known: in the body of a loop, say. ``within``
    is the equation of the outermost graph in which it stands.
    """

    equation: Equation | None = None
    within: Equation | None = None

    def of(self, equation: Equation) -> Unsupported:
        """This, of an equation, unless one is known already."""
        if self.equation is None:
            self.equation = equation
        return self


class Failed(Exception):
    """A whole number does not exist, so that what native code computed is void."""
