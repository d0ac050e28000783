"""The built-in vocabulary: every primitive of this package, and NumPy's names for them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.primitive import Primitive, Value
from optserve.graph.vocabulary import Vocabulary
from optserve.primitives import (
    along_axis,
    arithmetic,
    bits,
    composition,
    constants,
    elementary,
    indexing,
    loops,
    losses,
    numpy_products,
    numpy_reductions,
    numpy_shapes,
    ordering,
    products,
    reductions,
    scaled,
    selection,
    shaping,
    special,
    whole,
)
from optserve.primitives.rewritings import REWRITINGS

__all__ = ["builtin_macros", "builtin_primitives", "builtin_vocabulary", "vocabulary_of"]

_MODULES = (
    arithmetic,
    elementary,
    selection,
    reductions,
    ordering,
    shaping,
    indexing,
    along_axis,
    products,
    constants,
    composition,
    losses,
    special,
    scaled,
    whole,
)


def builtin_primitives() -> tuple[Primitive, ...]:
    """Every primitive that a module of this package lists in its ``__all__``."""
    listed = (getattr(module, name) for module in _MODULES for name in module.__all__)
    return tuple(entry for entry in listed if isinstance(entry, Primitive))


def builtin_macros() -> Mapping[str, Callable[..., Any]]:
    """Functions over primitives that expressions may call."""
    macros: tuple[Callable[..., Any], ...] = (
        constants.zeros,
        constants.ones,
        constants.full,
        constants.linspace,
        loops.scan,
        loops.cond,
    )
    return MappingProxyType({macro.__name__: macro for macro in macros})


@functools.cache
def builtin_vocabulary() -> Vocabulary:
    """The vocabulary of optserve itself, without plugins."""
    return vocabulary_of(builtin_primitives())


def vocabulary_of(primitives: Iterable[Primitive]) -> Vocabulary:
    """A sealed vocabulary of ``primitives``; NumPy's functions mean the built-in ones."""
    names = {primitive.name: primitive for primitive in primitives}
    return Vocabulary(
        primitives=MappingProxyType(names),
        macros=builtin_macros(),
        ufuncs=_UFUNCS,
        reductions=numpy_reductions.REDUCTIONS,
        accumulations=numpy_reductions.ACCUMULATIONS,
        rewritings=REWRITINGS,
        functions=MappingProxyType(
            {
                **numpy_reductions.FUNCTIONS,
                **numpy_shapes.FUNCTIONS,
                **numpy_products.FUNCTIONS,
            }
        ),
    )


def _positive(x: Value) -> Value:
    return x


_UFUNCS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        **{
            primitive.impl: primitive
            for primitive in builtin_primitives()
            if isinstance(primitive.impl, np.ufunc)
        },
        np.reciprocal: arithmetic.reciprocal,
        np.fabs: arithmetic.absolute,
        np.positive: _positive,
        **bits.UFUNCS,
    }
)
