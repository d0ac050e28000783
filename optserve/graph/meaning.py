"""``Meaning``: what the functions and values that a trace meets become in a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optserve.graph.primitive import Primitive

__all__ = ["Meaning", "Rewriting"]


@dataclass(frozen=True)
class Rewriting:
    """A spelling, and what is recorded in its place because it is the same, and better far out.

    ``rule(*operands, **attributes)`` is called with the traced operands of the outermost primitive
    of the spelling. It looks at how they were made (``Trace.maker``) and gives the traced value to
    take, or ``None``, before it has recorded anything, where they are not what it is for. It is
    only asked where one of ``of`` made an operand; where ``of`` is empty, always.
    """

    written: str
    computed: str
    rule: Callable[..., Any]
    of: frozenset[Primitive] = frozenset()


@dataclass(frozen=True, eq=False)
class Meaning:
    """What NumPy's functions mean on a tracer, and which primitives the tracer itself needs.

    ``ufuncs`` maps a ufunc, ``reductions`` what its ``reduce`` means, ``accumulations`` its
    ``accumulate``, and ``further`` looks up those of other libraries; ``functions`` maps functions
    such as ``np.sum`` (and ``operator.getitem``) to callables of the same signature, and
    ``refused`` those without a meaning to what may be written instead. ``rewritings`` are tried
    in order where their outermost primitive is recorded. ``constant`` makes a small array, ``size``
    a row count and ``cast`` another dtype.
    """

    ufuncs: Mapping[Any, Callable[..., Any]]
    reductions: Mapping[Any, Callable[..., Any]]
    accumulations: Mapping[Any, Callable[..., Any]]
    functions: Mapping[Any, Callable[..., Any]]
    refused: Mapping[Any, str]
    rewritings: Mapping[Primitive, Sequence[Rewriting]]
    further: Callable[[Any], Callable[..., Any] | None]
    constant: Primitive
    size: Primitive
    cast: Primitive

    @cached_property
    def recorded(self) -> Mapping[Any, Primitive]:
        """The ufuncs that are recorded as they stand: each a primitive that it computes."""
        return {
            ufunc: primitive
            for ufunc, primitive in self.ufuncs.items()
            if isinstance(primitive, Primitive) and primitive.is_ufunc
        }

    @cached_property
    def looked_at(self) -> Mapping[Primitive, frozenset[Primitive] | None]:
        """For each outermost primitive of a rewriting those of which one must have made an operand,
        for any of its rewritings to be asked; ``None`` where one of them always is."""
        return {
            outermost: frozenset().union(*(one.of for one in listed))
            if all(one.of for one in listed)
            else None
            for outermost, listed in self.rewritings.items()
        }
