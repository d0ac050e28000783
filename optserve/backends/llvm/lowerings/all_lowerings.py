"""All lowerings that ship with optserve."""

from __future__ import annotations

from collections.abc import Iterable

from optserve.backends.llvm.lowerings import (
    control,
    elementwise,
    gathers,
    linear_algebra,
    moves,
    ordering,
    products,
    reductions,
)
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.lowering import Lowering

__all__ = ["lowerings_with"]


def lowerings_with(contributed: Iterable[Lowering]) -> Lowerings:
    """Ours, and those that plugins contribute."""
    modules = (
        control,
        elementwise,
        gathers,
        linear_algebra,
        moves,
        ordering,
        products,
        reductions,
    )
    own = [lowering for module in modules for lowering in module.LOWERINGS]
    return Lowerings(own, contributed)
