"""Derivatives as a caller wants them: ``stop_gradient``, ``custom_vjp`` and ``checkpoint``."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from optserve.errors import DerivativeError, ShapeError, TraceError
from optserve.graph.aval import aval_of, is_traced, precision_of
from optserve.graph.graph import Graph
from optserve.graph.interpret import applied
from optserve.graph.primitive import Primitive, Value
from optserve.graph.trace import Tracer
from optserve.graph.trees import form_of, leaves, rebuilt
from optserve.primitives.constructors import composite
from optserve.primitives.stopping import stopped
from optserve.primitives.tracing import trace

__all__ = ["checkpoint", "custom_vjp", "stop_gradient"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def stop_gradient(x: T) -> T:
    """``x``, an array or a tree of arrays, as a constant: no derivative passes through it.

    >>> from optserve import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    constant: T = rebuilt(x, [stopped(one) if is_traced(one) else one for one in leaves(x)])
    return constant


class custom_vjp(Generic[P, R]):  # noqa: N801 - a decorator, named as in JAX
    """A function with a pullback of its own, in place of the derivative of its body.

    ``defvjp(forward, backward)``: ``forward(*arguments)`` gives the value and what to keep;
    ``backward(kept, cotangent)`` gives a cotangent for each argument, ``None`` for none. All three
    are written in NumPy. Arguments and value are arrays, or trees of arrays.

    The Jacobian by forward mode is the transpose of ``backward``; second derivatives differentiate
    ``forward`` and ``backward``. Where a fit uses it, ``backward`` is certified like the rule of a
    plugin: it must be the derivative there.

    >>> from optserve import grad
    >>> @custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda kept, ct: (np.clip(ct, -1.0, 1.0),))
    >>> import numpy as np
    >>> grad(lambda x: clipped(x) ** 2)(30.0)
    np.float64(1.0)
    """

    def __init__(self, function: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.forward: Callable[..., tuple[Any, Any]] | None = None
        self.backward: Callable[..., Sequence[Any]] | None = None

    def defvjp(
        self, forward: Callable[..., tuple[Any, Any]], backward: Callable[..., Sequence[Any]]
    ) -> None:
        """State the derivative."""
        self.forward, self.backward = forward, backward

    def __call__(self, *arguments: P.args, **keywords: P.kwargs) -> R:
        name = getattr(self.function, "__name__", "custom_vjp")
        if keywords:
            raise ShapeError(
                f"{name} was given {next(iter(keywords))}=...",
                expected="arguments by position: each has a cotangent",
                remedy="give what is no array to the function by functools.partial or a closure",
            )
        function: Callable[..., R] = self.function
        forward, backward = self.forward, self.backward
        if forward is None or backward is None:
            raise DerivativeError(
                f"{name} has no derivative yet", remedy=f"call {name}.defvjp(forward, backward)"
            )
        given = leaves(arguments)
        if not any(is_traced(value) for value in given):
            return self.function(*arguments, **keywords)
        returned: list[Any] = []

        def body(*values: Value) -> Any:
            returned.append(function(*rebuilt(arguments, values)))
            return _results(leaves(returned[-1]))

        def rule(*values: Value) -> tuple[Value, Callable[[Value], tuple[Value | None, ...]]]:
            value, kept = forward(*rebuilt(arguments, values))

            def pullback(cts: Value) -> tuple[Value | None, ...]:
                listed = leaves(value)
                cotangent = rebuilt(value, cts if len(listed) > 1 else [cts])
                return _back(name, backward(kept, cotangent), arguments)

            return _results(leaves(value)), pullback

        _check_closed(name, body, given)
        out = composite(name, body, rule=rule).bind(*given)
        result: R = rebuilt(returned[0], out if isinstance(out, tuple) else [out])
        return result


def checkpoint(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, of which reverse mode keeps the arguments alone: what it computed on the way is
    computed again where the derivative needs it.

    It takes less memory for one more evaluation, where a function is called many times on the way
    to a loss. The function is traced on values of which only the shape is known (use ``np.where``
    or ``cond`` for ``if``). Compiled code plans its own memory.

    >>> import numpy as np
    >>> from optserve import grad
    >>> grad(lambda x: np.sum(checkpoint(np.sin)(x) ** 2))(np.array([0.5])).round(6)
    array([0.841471])
    """

    @functools.wraps(function)
    def checkpointed(*arguments: P.args, **keywords: P.kwargs) -> R:
        given = leaves((arguments, keywords))
        traced_at = [i for i, value in enumerate(given) if is_traced(value)]
        if not traced_at:
            return function(*arguments, **keywords)
        returned: list[Any] = []

        def of_traced(*values: Value) -> Any:
            full = list(given)
            for i, value in zip(traced_at, values, strict=True):
                full[i] = value
            listed, named = rebuilt((arguments, keywords), full)
            returned.append(function(*listed, **named))
            return leaves(returned[0])

        operands = [given[i] for i in traced_at]
        avals = [aval_of(one) for one in operands]
        traced = trace(of_traced, *avals, precision=precision_of(avals))
        out = _again(traced.graph).bind(*operands, *traced.captured)
        result: R = rebuilt(returned[0], out if isinstance(out, tuple) else [out])
        return result

    return checkpointed


def _again(graph: Graph) -> Primitive:
    """A primitive that evaluates ``graph``, and has the derivative of its body."""
    return composite(
        "checkpoint",
        lambda *values: _results(applied(graph, *values)),
        promotes=False,
        floating=False,
        internal=True,
        doc="A function whose values on the way are computed again for its derivative.",
    )


def _results(listed: Sequence[Value]) -> Value:
    return listed[0] if len(listed) == 1 else tuple(listed)


def _check_closed(name: str, body: Callable[..., Any], given: Sequence[Value]) -> None:
    """Refuse a function that uses traced values which are no arguments: they had no cotangent."""
    avals = [aval_of(value) for value in given]
    traced = trace(body, *avals, precision=precision_of(avals))
    if any(isinstance(value, Tracer) for value in traced.captured):
        raise TraceError(
            f"{name} uses a traced value that is none of its arguments",
            expected="a function whose derivative is stated for all that varies",
            remedy="make it an argument",
        )


def _back(name: str, cotangents: Any, arguments: Sequence[Any]) -> tuple[Value | None, ...]:
    """The cotangents of all leaves of the arguments, in order."""
    if not isinstance(cotangents, tuple | list) or len(cotangents) != len(arguments):
        raise DerivativeError(
            f"the backward of {name} gave {_said(cotangents)}",
            expected=f"a tuple of {len(arguments)} cotangents, one for each argument",
        )
    back: list[Value | None] = []
    for number, (cotangent, argument) in enumerate(zip(cotangents, arguments, strict=True)):
        if cotangent is None:
            back += itertools.repeat(None, len(leaves(argument)))
        elif form_of(cotangent) != form_of(argument):
            raise DerivativeError(
                f"the cotangent of argument {number} of {name} has another form than the argument",
                expected="the same tuples, lists, dicts and keys",
            )
        else:
            back += leaves(cotangent)
    return tuple(back)


def _said(value: Any) -> str:
    return f"{len(value)} of them" if isinstance(value, tuple | list) else type(value).__name__
