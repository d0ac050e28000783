"""The densities that ship with optserve: imported where a config names one of them."""

from __future__ import annotations

from collections.abc import Sequence

from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import density_primitives
from optserve.registry.hookspecs import hookimpl

__all__ = ["optserve_primitives"]


@hookimpl
def optserve_primitives() -> Sequence[Primitive]:
    """Log densities, and logarithms of distribution functions."""
    return density_primitives()
