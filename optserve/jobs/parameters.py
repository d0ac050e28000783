"""Parameters as a person declares them, and the transforms that keep them where they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array

__all__ = ["JobParameter", "ParameterTransform"]


@dataclass(frozen=True)
class ParameterTransform:
    """A smooth map from the optimizer's coordinates onto the natural values of a parameter.

    ``forward`` maps free coordinates to natural values and is traced; ``inverse`` maps natural
    values to coordinates, of which there may be fewer, and runs on arrays once. ``contains`` says
    whether natural values may be transformed at all, and ``domain`` names them in an error
    ("positive values"). ``start`` gives the natural values, for a shape, at which a parameter
    starts that has no ``init``. ``mixes`` says that an entry is made of more than its own
    coordinate, so that entries have no bounds and cannot be fixed one by one. ``own`` gives, for a
    shape, the entries (a boolean array) that are not constants or copies of others, where there
    are such: of a symmetric matrix, its lower triangle.
    """

    name: str
    forward: Callable[[Any], Any]
    inverse: Callable[[Array], Array]
    contains: Callable[[Array], bool]
    domain: str
    start: Callable[[tuple[int, ...]], Array] = np.zeros
    mixes: bool = False
    own: Callable[[tuple[int, ...]], Array] | None = None


@dataclass(frozen=True)
class JobParameter:
    """One declared parameter; everything is on the natural scale and in the job's precision.

    ``init``, ``lower`` and ``upper`` have the parameter's shape (bounds are infinite where there
    are none); ``fixed`` is a boolean array of that shape.
    """

    name: str
    init: Array
    lower: Array
    upper: Array
    fixed: Array
    transform: ParameterTransform | None = None
    place: Place | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.init.shape
        return shape
