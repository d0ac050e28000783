"""``Vocabulary``: the names, and the NumPy functions, that a trace understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optserve.frozen import factory, frozen
from optserve.graph.primitive import Primitive

__all__ = ["Vocabulary"]


@frozen
class Vocabulary:
    """A sealed value: primitives and macros by name, and what NumPy's functions mean on a tracer.

    ``macros`` are functions over primitives that leave no equation of their own name, such as
    ``zeros``. ``ufuncs`` maps a ufunc, ``reductions`` what its ``reduce`` means, ``accumulations``
    its ``accumulate``; ``functions`` maps functions such as ``np.sum`` (and ``operator.getitem``)
    to callables of the same signature.
    """

    primitives: Mapping[str, Primitive]
    macros: Mapping[str, Callable[..., Any]] = factory(default_factory=dict)
    ufuncs: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    reductions: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    accumulations: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    functions: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
