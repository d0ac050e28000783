"""Parameters as a person declares them, and the transforms that keep them where they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array

__all__ = ["Parameter", "ParameterTransform", "log"]


@dataclass(frozen=True)
class ParameterTransform:
    """A smooth bijection from the optimizer's coordinates to the natural scale.

    ``forward`` maps free coordinates to natural values and is traced; ``inverse`` maps natural
    values to coordinates and runs on arrays once. ``contains`` says whether natural values may be
    transformed at all; ``domain`` is the words for it in an error.
    """

    name: str
    forward: Callable[[Any], Any]
    inverse: Callable[[Array], Array]
    contains: Callable[[Array], bool]
    domain: str


def log() -> ParameterTransform:
    """Positive parameters: the optimizer descends in log(p), so p = exp(u)."""
    return ParameterTransform(
        name="log",
        forward=np.exp,
        inverse=np.log,
        contains=lambda value: bool(np.all(value > 0)),
        domain="positive",
    )


@dataclass(frozen=True)
class Parameter:
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
