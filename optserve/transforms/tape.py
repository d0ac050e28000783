"""``Tape``: what happens to watched values is recorded, and differentiated when it is asked for."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import aval_of, is_float
from optserve.graph.makers import MAKERS
from optserve.graph.primitive import Value
from optserve.graph.trace import Tracer
from optserve.graph.trees import leaves, rebuilt
from optserve.primitives.tracing import new_trace
from optserve.transforms.chosen_arguments import ChosenArguments, own
from optserve.transforms.traced import TracedAt, filled, pullback_of

__all__ = ["Tape"]


class Tape:
    """Records NumPy code on the values that it watches, while it is entered.

    ``gradient`` may be asked any number of times, also afterwards. Tapes nest: an inner gradient of
    what an outer tape watches is recorded by that.

    >>> with Tape() as tape:
    ...     p = tape.watch({"a": 3.0, "b": np.array([1.0, 2.0])})
    ...     loss = p["a"] ** 2 + np.sum(p["b"] ** 3)
    >>> tape.gradient(loss, p)
    {'a': np.float64(6.0), 'b': array([ 3., 12.])}
    >>> tape.value(loss)
    np.float64(18.0)
    """

    def __init__(self) -> None:
        self._trace = new_trace(concrete=True)
        self._values: list[Value] = []
        self._entered = ExitStack()

    def __enter__(self) -> Tape:
        self._entered.enter_context(MAKERS.lent())
        self._entered.enter_context(np.errstate(all="ignore"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._trace.close()
        self._entered.close()

    def watch(self, value: Any) -> Any:
        """Traced values of ``value``, an array or a tree of arrays, in its form.

        Raises ``ShapeError`` where an array has no floating dtype.
        """
        self._trace.check_open()
        chosen = ChosenArguments.of((value,), [0])
        self._values += chosen.leaves
        made = [self._trace.input(aval_of(one), value=one) for one in chosen.leaves]
        [watched] = chosen.trees(made)
        return watched

    def gradient(self, of: Any, by: Any) -> Any:
        """The gradient of ``of``, one number, by watched values: in their form.

        Raises ``ShapeError`` where ``of`` is no number, ``TraceError`` where ``by`` is not watched.
        """
        trace, watched = self._trace, leaves(by)
        positions = {atom: i for i, atom in enumerate(trace.inputs)}
        if not all(isinstance(one, Tracer) and one.atom in positions for one in watched):
            raise TraceError(
                "a gradient by what this tape does not watch",
                expected="what tape.watch(...) gave, or a tree of it",
            )
        if not isinstance(of, Tracer) or of.trace is not trace:
            raise TraceError(
                "the gradient of a value that this tape did not record",
                expected="a value computed from watched ones while the tape was entered",
            )
        if of.size != 1:
            raise ShapeError(
                f"the gradient of a value of shape {of.shape}",
                expected="one number",
                remedy="sum or average it",
            )
        _, pullback = pullback_of(TracedAt(trace, [of], single=True), self._values)
        seed = np.reshape(of.dtype.type(1.0), (1,) * of.ndim)[()] if is_float(of.dtype) else None
        with np.errstate(all="ignore"):
            gradients = filled(pullback([seed], False), self._values)
        return rebuilt(by, [gradients[positions[one.atom]] for one in watched])

    def value(self, of: Any) -> Any:
        """The numbers of recorded values, as arrays in their form."""
        return rebuilt(
            of, [own(one.known_value) if isinstance(one, Tracer) else one for one in leaves(of)]
        )
