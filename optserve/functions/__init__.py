"""The vocabulary from Python: each function that expressions know, by its name there.

They work on arrays, where they compute, and on traced values, where they are recorded: what NumPy
has under another name, or not at all (``sigmoid``, ``logsumexp``, ``softmax``, densities).
``optserve primitives`` lists them.

>>> import numpy as np
>>> import optserve
>>> from optserve.functions import normal_logpdf, sigmoid
>>> sigmoid(np.array([0.0, 1.0])).round(3)
array([0.5  , 0.731])
>>> optserve.grad(lambda mean: np.sum(normal_logpdf(np.array([1.0, 3.0]), mean, 1.0)))(0.0)
np.float64(4.0)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

__all__: tuple[
    str, ...
] = ()  # the names of the vocabulary, which are looked up when they are asked for


def __getattr__(name: str) -> Callable[..., Any]:
    if not name.startswith("_"):
        for known in (_everyday, _densities):  # which take longer to import
            found = known().get(name)
            if found is not None:
                return found
    raise AttributeError(f"module 'optserve.functions' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*_everyday(), *_densities()})


@functools.cache
def _everyday() -> Mapping[str, Callable[..., Any]]:
    from optserve.primitives.vocabulary import builtin_macros, everyday_primitives

    return {**builtin_macros(), **_written(everyday_primitives())}


@functools.cache
def _densities() -> Mapping[str, Callable[..., Any]]:
    from optserve.primitives.vocabulary import density_primitives

    return _written(density_primitives())


def _written(primitives: Any) -> dict[str, Callable[..., Any]]:
    """Those that a person may write, by their names."""
    return {one.name: one for one in primitives if not one.call.internal}
