"""What NumPy's functions mean on traced values: our primitives, whatever plugins contribute."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.meaning import Meaning
from optserve.graph.primitive import Primitive
from optserve.primitives import (
    arithmetic,
    bits,
    comparisons,
    constants,
    elementary,
    hyperbolic,
    numpy_choices,
    numpy_everyday,
    numpy_linalg,
    numpy_parts,
    numpy_products,
    numpy_reductions,
    numpy_series,
    numpy_shapes,
    numpy_ufuncs,
    products,
    shaping,
)
from optserve.primitives.numpy_refused import REFUSED
from optserve.primitives.rewritings import REWRITINGS
from optserve.primitives.scipy_ufuncs import of_scipy

__all__ = ["MEANING"]


_UFUNCS: Mapping[Any, Any] = MappingProxyType(
    {
        **numpy_ufuncs.UFUNCS,
        **{
            primitive.impl: primitive
            for module in (arithmetic, elementary, hyperbolic, comparisons, products)
            for primitive in vars(module).values()
            if isinstance(primitive, Primitive) and isinstance(primitive.impl, np.ufunc)
        },
        np.reciprocal: arithmetic.reciprocal,
        np.fabs: arithmetic.absolute,
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
            **numpy_ufuncs.FUNCTIONS,
            **numpy_parts.FUNCTIONS,
            **numpy_choices.FUNCTIONS,
            **numpy_series.FUNCTIONS,
        }
    ),
    refused=REFUSED,
    further=of_scipy,
    rewritings=REWRITINGS,
    constant=constants.constant,
    size=constants.size,
    cast=shaping.cast,
)
"""The one that every trace of optserve has."""
