"""Code of plugins while a graph is made and evaluated: what it does wrong is told in its name.

A primitive of a plugin may raise, exit the process, or return something else than its shape rule
says, at any call. ``blamed`` turns what is raised into a ``PluginFailure``, ``guarded`` puts
primitives that look at what they return in place of those of plugins. Built-in primitives are left
as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure, OptserveError, PluginFailure
from optserve.graph.aval import Aval
from optserve.graph.graph import Equation, Graph
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import is_builtin

__all__ = ["Faults", "Watching", "blamed", "guarded", "is_foreign", "told"]


def is_foreign(primitive: Primitive) -> bool:
    """Whether the primitive does not ship with optserve.

    >>> from optserve.primitives.elementary import sin
    >>> is_foreign(sin)
    False
    """
    return primitive.kind != "control" and not is_builtin(primitive)


@contextmanager
def blamed(primitive: Primitive, part: str) -> Iterator[None]:
    """What ``part`` of a plugin's primitive raises inside becomes a ``PluginFailure``.

    Errors of ours pass: they tell that there is no derivative, or that a shape does not fit.
    """
    try:
        yield
    except OptserveError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or not is_foreign(primitive):
            raise
        raise PluginFailure(primitive, part, told(error)) from error


class Faults:
    """What plugins did wrong while a job ran; ``first`` is the first of it, if anything.

    ``interrupted`` tells whether somebody has asked the process to stop, so that a
    ``KeyboardInterrupt`` is not a plugin's.
    """

    def __init__(self, interrupted: Callable[[], bool] = lambda: True) -> None:
        self.interrupted = interrupted
        self.first: PluginFailure | None = None

    def note(self, failure: PluginFailure) -> PluginFailure:
        """Keep ``failure`` if it is the first; returns it."""
        self.first = self.first or failure
        return failure


def guarded(graph: Graph, faults: Faults) -> Graph:
    """``graph`` with primitives of plugins that look at what they return, at every call."""
    equations = tuple(_guarded(equation, faults) for equation in graph.equations)
    if all(new is old for new, old in zip(equations, graph.equations, strict=True)):
        return graph
    return Graph(graph.inputs, equations, graph.outputs)


def _guarded(equation: Equation, faults: Faults) -> Equation:
    attributes = {
        key: guarded(value, faults) if isinstance(value, Graph) else value
        for key, value in equation.attributes.items()
    }
    changed = any(attributes[key] is not value for key, value in equation.attributes.items())
    primitive = equation.primitive
    if is_foreign(primitive) and not isinstance(primitive.impl, np.ufunc):
        watching = Watching(equation, faults)
        primitive = replace(primitive, impl=watching, stands_for=primitive)
    elif not changed:
        return equation
    return replace(equation, primitive=primitive, attributes=attributes)


class Watching:
    """The implementation of a primitive in one equation, which looks at what it returns.

    Of each result it knows the number of axes, the entries of its shape that are numbers or the
    same as those of an operand, and the dtype: a few comparisons of integers a call.
    """

    def __init__(self, equation: Equation, faults: Faults) -> None:
        self.primitive = equation.primitive
        self.impl = equation.primitive.impl
        self.faults = faults
        operands = [atom.aval for atom in equation.operands]
        self.results = [_Expected(one.aval, operands) for one in equation.results]

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        try:
            out = self.impl(*operands, **attributes)
        except NumericalFailure:  # a result, and no fault
            raise
        except PluginFailure as failure:
            raise self.faults.note(failure) from None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.faults.interrupted():
                raise
            raise self._failure(told(error)) from error
        outs = out if isinstance(out, tuple) else (out,)
        if len(outs) != len(self.results):
            raise self._failure(f"gave {len(outs)} results in place of {len(self.results)}")
        for value, expected in zip(outs, self.results, strict=True):
            if not expected.fits(value, operands):
                raise self._failure(f"gave {_kind(value)} where {expected.aval} was promised")
        return out

    def _failure(self, what: str) -> PluginFailure:
        return self.faults.note(PluginFailure(self.primitive, "value", what))


class _Expected:
    """The shape and dtype of one result, as far as they are known from numbers and operands."""

    def __init__(self, aval: Aval, operands: Sequence[Aval]) -> None:
        self.aval = aval
        self.ndim = len(aval.shape)
        self.sizes: list[tuple[int, int]] = []
        self.same: list[tuple[int, int, int]] = []
        places = {
            size: (number, axis)
            for number, operand in enumerate(operands)
            for axis, size in enumerate(operand.shape)
            if not isinstance(size, int)
        }
        for axis, size in enumerate(aval.shape):
            if isinstance(size, int):
                self.sizes.append((axis, size))
            elif size in places:
                self.same.append((axis, *places[size]))

    def fits(self, value: Any, operands: Sequence[Any]) -> bool:
        """Whether ``value`` is what was to be expected of these operands."""
        if not isinstance(value, np.ndarray | np.generic):
            return self.ndim == 0 and isinstance(value, bool | int | float)
        shape = value.shape
        return (
            len(shape) == self.ndim
            and value.dtype == self.aval.dtype
            and all(shape[axis] == size for axis, size in self.sizes)
            and all(shape[axis] == operands[n].shape[other] for axis, n, other in self.same)
        )


def told(error: BaseException) -> str:
    """What a plugin did that ended in ``error``: raised it, or exited.

    >>> told(SystemExit(0)), told(ValueError("no root"))
    ('exited the process (SystemExit: 0)', 'raised ValueError: no root')
    """
    text = " ".join(str(error).split())
    named = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"exited the process ({named})" if isinstance(error, SystemExit) else f"raised {named}"


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype.name}{list(value.shape)}"
    return f"a {type(value).__name__}"
