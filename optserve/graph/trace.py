"""Tracing: run ordinary NumPy code on stand-ins and record a graph.

A ``Tracer`` stands for a value. It answers NumPy's protocols (see ``numpy_protocols``), so a person
writes ``np.exp(x)``, ``x @ w``, ``x.sum(axis=0)`` and it works on arrays and traced values alike. A
``Trace`` collects the equations; what NumPy's functions mean and the precision are values of it, so
there is no global state to set. Traces nest: an operation belongs to the innermost trace that has
an operand, and whatever else it meets (arrays, tracers of an outer trace) is captured as an input.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from optserve.errors import OptserveError, Place, ShapeError, TraceError
from optserve.graph.aval import Aval, DType, aval_of, is_float, precision_of
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.graph.made import Made
from optserve.graph.makers import MAKERS
from optserve.graph.meaning import Meaning
from optserve.graph.numpy_protocols import NotAMethod
from optserve.graph.places import (
    Executed,
    place_of,
    place_of_error,
    place_of_frame,
    written_from,
)
from optserve.graph.primitive import Primitive, Value
from optserve.graph.tracer import Entries, Tracer

__all__ = ["Trace", "TracedFunction", "Tracer", "body_of", "result_avals", "run", "trace"]

# Only the order of two traces matters (a later one is nested in an earlier one), never the number.
_serials = itertools.count()


class Trace(NotAMethod, Entries):
    """Equations in the making.

    Parameters
    ----------
    meaning:
        What NumPy's functions mean.
    precision:
        The floating dtype that literals and integers take where nothing else decides.
    concrete:
        Whether tracers hold values, so that Python's ``if`` and ``for`` can look at them. Such a
        trace describes one path only: it is never cached and never compiled.
    rewrites:
        Whether its rewritings apply: to what people write, and not to what is derived
        from it.
    """

    def __init__(
        self,
        meaning: Meaning,
        *,
        precision: DType = np.dtype(np.float64),  # noqa: B008 - a dtype is immutable
        concrete: bool = False,
        rewrites: bool = True,
    ) -> None:
        super().__init__(meaning, precision, concrete)
        self.rewrites = rewrites
        self.looked_at = meaning.looked_at
        self.serial = next(_serials)
        self.place: Executed = None
        self.escape: TraceError | None = None
        """What was raised where a value was asked for its number, should NumPy hide it."""
        self.made: list[Made] = []
        self.noted: dict[Atom, bool] = {}
        """What rewritings have found out about values, so that they look at each once."""
        self._makers: dict[Atom, Made] = {}
        self._equations: list[Equation] = []
        self._superseded: set[Atom] = set()
        self._closed = False

    @property
    def equations(self) -> Sequence[Equation]:
        """What was recorded until now."""
        self._equations += [made.equation for made in self.made[len(self._equations) :]]
        return self._equations

    @property
    def values(self) -> Mapping[Var, Value]:
        """What each result is, where the trace is concrete."""
        results = (result for made in self.made for result in made.results)
        return {one.atom: one.known_value for one in results if isinstance(one.atom, Var)}

    @contextmanager
    def at(self, place: Executed) -> Iterator[None]:
        """Record ``place`` on the equations made inside; an error made inside gets it too."""
        before, self.place = self.place, place or self.place
        try:
            yield
        except OptserveError as error:
            raise error.at(place_of(place)) from None
        finally:
            self.place = before

    def here(self) -> Place | None:
        """Where what happens now was written: the place that is set, else the Python line."""
        return place_of(self.place or written_from(sys._getframe(1)))

    def close(self) -> None:
        """End the trace: from now on its values stand for nothing."""
        self._closed = True

    def check_open(self) -> None:
        """Raise where the trace has ended: its values stand for nothing any more."""
        if self._closed:
            raise TraceError(
                "a traced value was kept after its trace had ended",
                place=place_of_frame(sys._getframe(1)),
                remedy="return it from the traced function instead of storing it",
            )

    def bind(
        self,
        primitive: Primitive,
        operands: Sequence[Value],
        attributes: dict[str, Any],
        frame: FrameType | None = None,
    ) -> Value:
        """Record one equation; returns the tracer of its result (a tuple where it has several).

        ``frame`` is that from which on outwards the line is looked for that a person wrote.
        """
        if self._closed:
            self.check_open()
        frame = frame or sys._getframe(1)
        value: Value | None = None
        try:
            tracers = self._alike(operands) if primitive.takes_alike else None
            if tracers is None:
                tracers = self._lifted(primitive, operands)
            alone = primitive.is_elementwise and len(tracers) == 1  # of any shape
            looks = self.rewrites and primitive in self.looked_at
            if looks and alone:  # before it is computed, which may be for nothing
                rewritten = self._rewritten(primitive, tracers, attributes, frame)
                if rewritten is not None:
                    return rewritten
            if (alone or primitive.is_strict) and self.concrete and not self.nested:
                value = self._applied(primitive, tracers, attributes)
            told = tracers and value is not None
            aval = primitive.told(value, tracers[0].atom.aval) if told else None
            if aval is None:
                given = [one.aval for one in tracers]
                avals = result_avals(primitive, given, attributes, self.meaning)
        except OptserveError as error:
            raise error.at(self.here()) from None
        if looks and not alone:
            rewritten = self._rewritten(primitive, tracers, attributes, frame)
            if rewritten is not None:
                return rewritten
        written = self.place or written_from(frame)
        if aval is None:
            if value is None and self.concrete:
                known = [tracer.known_value for tracer in tracers]
                value = (primitive.bind if self.nested else primitive.impl)(*known, **attributes)
            if len(avals) > 1:
                return self._several(primitive, tuple(tracers), attributes, written, avals, value)
            [aval] = avals
        varies = False
        if aval.dtype.kind == "f":
            for tracer in tracers:
                varies = varies or tracer.varies
        atom = Var(aval)
        result = Tracer(self, atom, value, varies)
        made = Made(primitive, tuple(tracers), attributes, written, (result,))
        self.made.append(made)
        self._makers[atom] = made
        return result

    def _applied(
        self, primitive: Primitive, tracers: Sequence[Tracer], attributes: dict[str, Any]
    ) -> Value:
        """What a primitive gives that raises where its shape rule does, which says it better."""
        try:
            if len(tracers) == 1:
                return primitive.evaluate(tracers[0].known_value, **attributes)
            return primitive.evaluate(*[tracer.known_value for tracer in tracers], **attributes)
        except (IndexError, TypeError, ValueError):
            result_avals(primitive, [tracer.aval for tracer in tracers], attributes, self.meaning)
            raise

    def _several(
        self,
        primitive: Primitive,
        tracers: tuple[Tracer, ...],
        attributes: dict[str, Any],
        written: Executed,
        avals: Sequence[Aval],
        values: Sequence[Value] | None,
    ) -> tuple[Tracer, ...]:
        """The results of an operation that has several, of which it is kept how they were made."""
        varies = any(tracer.varies for tracer in tracers)
        results = tuple(
            Tracer(self, Var(aval), value, varies and is_float(aval.dtype))
            for aval, value in zip(avals, values or [None] * len(avals), strict=True)
        )
        for i, result in enumerate(results):
            made = Made(primitive, tracers, attributes, written, results, i)
            self._makers[result.atom] = made
        self.made.append(self._makers[results[0].atom])
        return results

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Record what happens inside without rewriting it."""
        before, self.rewrites = self.rewrites, False
        try:
            yield
        finally:
            self.rewrites = before

    def maker(self, value: Tracer) -> Made | None:
        """How a traced value was made; of an input, a literal or a sealed value that is unknown."""
        return self._makers.get(value.atom)

    def seal(self, value: Tracer) -> None:
        """Let no rewriting look into ``value``: what is made of it stays as it is composed."""
        self._makers.pop(value.atom, None)

    def _rewritten(
        self,
        primitive: Primitive,
        tracers: Sequence[Tracer],
        attributes: dict[str, Any],
        frame: FrameType,
    ) -> Tracer | None:
        """What stands for the primitive of these operands, if there is something better."""
        makers = []
        for one in tracers:
            how = self._makers.get(one.atom)
            if how is not None:
                makers.append(how.primitive)
        wanted = self.looked_at[primitive]
        if wanted is not None and wanted.isdisjoint(makers):
            return None
        place: Executed = None
        for rewriting in self.meaning.rewritings[primitive]:
            if rewriting.of and rewriting.of.isdisjoint(makers):
                continue
            before, outer = len(self.made), self.place
            place = place or outer or written_from(frame)
            self.rewrites, self.place = False, place
            try:  # not `with self.at(place)`: most rules only look
                instead: Tracer | None = rewriting.rule(*tracers, **attributes)
            except OptserveError as error:
                raise error.at(place_of(place)) from None
            finally:
                self.rewrites, self.place = True, outer
            if instead is not None:
                self._superseded.update([tracer.atom for tracer in tracers])
                if len(self.made) > before:
                    self.made[-1].rewriting = rewriting
                    del self._equations[len(self.made) - 1 :]
                return instead
        return None

    def _read(self, outputs: Sequence[Atom]) -> tuple[Equation, ...]:
        """All equations but those that a rewriting has made superfluous."""
        read, kept = set(outputs), []
        for equation in reversed(self.equations):
            if read.isdisjoint(equation.results) and not self._superseded.isdisjoint(
                equation.results
            ):
                self._superseded.update(equation.operands)
            else:
                kept.append(equation)
                read.update(equation.operands)
        return tuple(reversed(kept))

    def graph(self, outputs: Sequence[Value]) -> Graph:
        """The finished graph. Inputs are those asked for, then one for each captured value."""
        atoms = [self.lift(output).atom for output in outputs]
        self.close()
        return self.graph_of(atoms)

    def graph_of(self, outputs: Sequence[Atom]) -> Graph:
        """The graph of what was recorded that gives ``outputs``."""
        captured = tuple(tracer.atom for tracer in self._captured_inputs)
        inputs = (*self.inputs, *(atom for atom in captured if isinstance(atom, Var)))
        return Graph(inputs, self._read(outputs), tuple(outputs))

    def release(self) -> None:
        """Forget what was recorded: values are freed at once then, and no collector is needed."""
        self.made.clear()
        self._makers.clear()
        self._captures.clear()
        self._captured_inputs.clear()


@dataclass(frozen=True)
class TracedFunction:
    """A graph, the values it captured (for its last inputs), and whether it gave one output.

    ``values`` are those of all results where the trace was concrete.
    """

    graph: Graph
    captured: tuple[Value, ...]
    single: bool
    values: Mapping[Var, Value]


def run(
    function: Callable[..., Value],
    *operands: Any,
    meaning: Meaning,
    precision: DType = np.dtype(np.float64),  # noqa: B008 - a dtype is immutable
    concrete: bool = False,
    names: Sequence[str] = (),
    rewrites: bool = True,
) -> tuple[Trace, list[Tracer], bool]:
    """Run ``function`` on stand-ins for ``operands``; the trace of what it did, the outputs, and
    whether it gave one.

    ``operands`` are avals, arrays, or tracers of an outer trace; a concrete trace needs values.
    The function returns a value or a tuple of values. Who asks for a concrete trace sees to it that
    infinities and NaN come without a warning.
    """
    recorder = Trace(meaning, precision=precision, concrete=concrete, rewrites=rewrites)
    named = [*names, *[""] * (len(operands) - len(names))]
    stand_ins = [
        recorder.input(aval_of(operand), name, operand if concrete else None)
        for operand, name in zip(operands, named, strict=True)
    ]
    try:
        with MAKERS.lent():
            outputs = function(*stand_ins)
        single = not isinstance(outputs, tuple | list)
        lifted = [recorder.lift(output) for output in ([outputs] if single else outputs)]
    except (TypeError, ValueError) as error:  # NumPy's words for `a[0] = t`; ours say more
        escape = recorder.escape
        if escape is None or escape.place != place_of_error(error):
            raise
        raise escape from error
    finally:
        recorder.close()
    return recorder, lifted, single


def trace(function: Callable[..., Value], *operands: Any, **options: Any) -> TracedFunction:
    """The graph of what ``function`` does; the arguments are those of ``run``."""
    with np.errstate(all="ignore" if options.get("concrete") else None):
        recorder, outputs, single = run(function, *operands, **options)
    graph = recorder.graph_of([output.atom for output in outputs])
    return TracedFunction(graph, tuple(recorder.captured), single, recorder.values)


def body_of(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any], meaning: Meaning
) -> TracedFunction:
    """The body of a composite (or of an elementwise primitive) as a graph."""
    assert primitive.body is not None
    return trace(
        functools.partial(primitive.body, **attributes),
        *avals,
        meaning=meaning,
        precision=precision_of(avals),
        rewrites=False,
    )


def result_avals(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any], meaning: Meaning
) -> tuple[Aval, ...]:
    """The avals of the results, always as a tuple; without a shape rule, those of the body."""
    try:
        if primitive.shape is None:
            return _avals_of_body(primitive, tuple(avals), tuple(attributes.items()), meaning)
        results = primitive.shape(*avals, **attributes)
    except ShapeError as error:
        if not error.message.startswith(primitive.name):
            error.message = f"{primitive.name}: {error.message}"
        raise
    return results if isinstance(results, tuple) else (results,)


@functools.lru_cache(maxsize=1024)
def _avals_of_body(
    primitive: Primitive,
    avals: tuple[Aval, ...],
    attributes: tuple[tuple[str, Any], ...],
    meaning: Meaning,
) -> tuple[Aval, ...]:
    outputs = body_of(primitive, avals, dict(attributes), meaning).graph.outputs
    return tuple(atom.aval for atom in outputs)
