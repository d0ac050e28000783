"""What NumPy's functions mean on traced values: our primitives, whatever plugins contribute."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.meaning import Meaning
from optserve.graph.primitive import Primitive, Value
from optserve.primitives import (
    arithmetic,
    bits,
    constants,
    elementary,
    hyperbolic,
    numpy_everyday,
    numpy_linalg,
    numpy_products,
    numpy_reductions,
    numpy_shapes,
    products,
    selection,
    shaping,
)
from optserve.primitives.rewritings import REWRITINGS

__all__ = ["MEANING"]


def _positive(x: Value) -> Value:
    return x


_UFUNCS: Mapping[Any, Any] = MappingProxyType(
    {
        **{
            primitive.impl: primitive
            for module in (arithmetic, elementary, hyperbolic, selection, products)
            for primitive in vars(module).values()
            if isinstance(primitive, Primitive) and isinstance(primitive.impl, np.ufunc)
        },
        np.reciprocal: arithmetic.reciprocal,
        np.fabs: arithmetic.absolute,
        np.positive: _positive,
        **bits.UFUNCS,
    }
)

MEANING = Meaning(
    ufuncs=_UFUNCS,
    reductions=numpy_reductions.REDUCTIONS,
    accumulations=numpy_reductions.ACCUMULATIONS,
    functions=MappingProxyType(
        {
            **numpy_reductions.FUNCTIONS,
            **numpy_shapes.FUNCTIONS,
            **numpy_products.FUNCTIONS,
            **numpy_linalg.FUNCTIONS,
            **numpy_everyday.FUNCTIONS,
        }
    ),
    rewritings=REWRITINGS,
    constant=constants.constant,
    size=constants.size,
    cast=shaping.cast,
)
"""The one that every trace of optserve has."""
