"""``Vocabulary``: the names, and the NumPy functions, that a trace understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optserve.frozen import factory, frozen
from optserve.graph.primitive import Primitive

__all__ = ["Rewriting", "Vocabulary"]


@frozen
class Rewriting:
    """A spelling, and what is recorded in its place because it is the same, and better far out.

    ``rule(*operands, **attributes)`` is called with the traced operands of the outermost primitive
    of the spelling. It looks at how they were made (``Trace.maker``) and gives the traced value to
    take, or ``None``, before it has recorded anything, where they are not what it is for.
    """

    written: str
    computed: str
    rule: Callable[..., Any]


@frozen
class Vocabulary:
    """A sealed value: primitives and macros by name, and what NumPy's functions mean on a tracer.

    ``macros`` are functions over primitives that leave no equation of their own name, such as
    ``zeros``. ``ufuncs`` maps a ufunc, ``reductions`` what its ``reduce`` means, ``accumulations``
    its ``accumulate``; ``functions`` maps functions such as ``np.sum`` (and ``operator.getitem``)
    to callables of the same signature. ``rewritings`` are tried in order where their outermost
    primitive is recorded.
    """

    primitives: Mapping[str, Primitive]
    macros: Mapping[str, Callable[..., Any]] = factory(default_factory=dict)
    ufuncs: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    reductions: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    accumulations: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    functions: Mapping[Any, Callable[..., Any]] = factory(default_factory=dict)
    rewritings: Mapping[Primitive, Sequence[Rewriting]] = factory(default_factory=dict)
