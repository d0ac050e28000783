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
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from optserve.errors import OptserveError, Place, ShapeError, TraceError
from optserve.graph.aval import Array, Aval, DType, aval_of, precision_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.makers import MAKERS
from optserve.graph.meaning import Meaning
from optserve.graph.numpy_protocols import NotAMethod, NumpyProtocols
from optserve.graph.operands import check_dtype, plain_array, same_bits
from optserve.graph.places import place_of_error, place_of_frame
from optserve.graph.primitive import Primitive, Value
from optserve.graph.promotion import are_whole, target_dtypes

__all__ = ["Made", "Trace", "TracedFunction", "Tracer", "body_of", "result_avals", "trace"]

LARGEST_CONSTANT = 1024
"""Entries up to which an array met in an abstract trace stands in the graph, not as an input."""

# Only the order of two traces matters (a later one is nested in an earlier one), never the number.
_serials = itertools.count()


class Tracer(NumpyProtocols):
    """Stands for the value of ``atom`` while its trace records what happens to it.

    ``known_value`` is the value itself where the trace is concrete, else ``None``.
    """

    __slots__ = ("atom", "known_value", "trace")

    def __init__(self, trace: Trace, atom: Atom, value: Value | None = None) -> None:
        self.trace = trace
        self.atom = atom
        self.known_value = value

    @property
    def aval(self) -> Aval:
        return self.atom.aval

    def __repr__(self) -> str:
        shown = f" = {self.known_value}" if self.known_value is not None else ""
        return f"Tracer({self.aval}{shown})"


class Made(NamedTuple):
    """How a value was made: by which primitive of what, where, and as which of its results."""

    primitive: Primitive
    operands: tuple[Tracer, ...]
    attributes: Mapping[str, Any]
    place: Place | None
    result: int


class Trace(NotAMethod):
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
        self.meaning = meaning
        self.precision = precision
        self.concrete = concrete
        self.rewrites = rewrites
        self.serial = next(_serials)
        self.place: Place | None = None
        self.escape: TraceError | None = None
        """What was raised where a value was asked for its number, should NumPy hide it."""
        self.inputs: list[Var] = []
        self.equations: list[Equation] = []
        self.captured: list[Value] = []
        self.values: dict[Var, Value] = {}
        """What each result is, where the trace is concrete."""
        self._captured_inputs: list[Tracer] = []
        self._captures: dict[Any, tuple[Value, Tracer]] = {}
        self._constants: dict[Any, Tracer] = {}
        self._made: dict[Var, Made] = {}
        self._superseded: set[Atom] = set()
        self._closed = False

    def input(self, aval: Aval, name: str = "", value: Value | None = None) -> Tracer:
        """A new input of the graph; ``value`` is required where the trace is concrete."""
        check_dtype(aval.dtype)
        variable = Var(aval, name)
        self.inputs.append(variable)
        return Tracer(self, variable, value)

    @contextmanager
    def at(self, place: Place | None) -> Iterator[None]:
        """Record ``place`` on the equations made inside; an error made inside gets it too."""
        before, self.place = self.place, place or self.place
        try:
            yield
        except OptserveError as error:
            raise error.at(place) from None
        finally:
            self.place = before

    def here(self) -> Place | None:
        """Where what happens now was written: the place that is set, else the Python line."""
        return self.place or place_of_frame(sys._getframe(1))

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
        self, primitive: Primitive, operands: Sequence[Value], attributes: dict[str, Any]
    ) -> Value:
        """Record one equation; returns the tracer of its result (a tuple where it has several)."""
        self.check_open()
        place = self.here()
        try:
            whole = not primitive.call.floating and are_whole(operands)
            tracers = self._promoted(primitive, [self.lift(one, whole=whole) for one in operands])
            avals = result_avals(
                primitive, [tracer.aval for tracer in tracers], attributes, self.meaning
            )
        except OptserveError as error:
            raise error.at(place) from None
        rewritten = self._rewritten(primitive, tracers, attributes, place)
        if rewritten is not None:
            return rewritten
        results = tuple(Var(aval) for aval in avals)
        atoms = tuple(tracer.atom for tracer in tracers)
        self.equations.append(Equation(primitive, atoms, attributes, results, place))
        values: Sequence[Value | None] = [None] * len(results)
        if self.concrete:
            known = [tracer.known_value for tracer in tracers]
            nested = any(isinstance(one, Tracer) for one in known)
            value = (primitive.bind if nested else primitive.impl)(*known, **attributes)
            values = value if len(results) > 1 else [value]
            self.values.update(zip(results, values, strict=True))
        made = [Tracer(self, result, value) for result, value in zip(results, values, strict=True)]
        for i, result in enumerate(results):
            self._made[result] = Made(primitive, tuple(tracers), attributes, place, i)
        return tuple(made) if len(made) > 1 else made[0]

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
        atom = value.atom
        return self._made.get(atom) if isinstance(atom, Var) else None

    def seal(self, value: Tracer) -> None:
        """Let no rewriting look into ``value``: what is made of it stays as it is composed."""
        if isinstance(value.atom, Var):
            self._made.pop(value.atom, None)

    def _rewritten(
        self,
        primitive: Primitive,
        tracers: Sequence[Tracer],
        attributes: dict[str, Any],
        place: Place | None,
    ) -> Tracer | None:
        """What stands for the primitive of these operands, if there is something better."""
        if not self.rewrites:
            return None
        for rewriting in self.meaning.rewritings.get(primitive, ()):
            before, outer = len(self.equations), self.place
            self.rewrites, self.place = False, place or outer
            try:  # not `with self.at(place)`: most rules only look
                instead: Tracer | None = rewriting.rule(*tracers, **attributes)
            except OptserveError as error:
                raise error.at(place) from None
            finally:
                self.rewrites, self.place = True, outer
            if instead is not None:
                self._superseded.update(tracer.atom for tracer in tracers)
                if len(self.equations) > before:
                    label = f"{rewriting.written} is computed as {rewriting.computed}"
                    self.equations[-1] = replace(self.equations[-1], rewriting=label)
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

    def lift(self, value: Value, *, whole: bool = False) -> Tracer:
        """``value`` as a tracer of this trace: its own, a literal, or a captured input.
        A row count is a number of its precision, or an integer where ``whole`` says so."""
        if isinstance(value, Tracer):
            value.trace.check_open()
            return value if value.trace is self else self._capture(value)
        if isinstance(value, Dim):
            dtype = np.dtype(np.int64) if whole else self.precision
            size: Tracer = self.bind(self.meaning.size, (), {"size": value, "dtype": dtype})
            return size
        array = plain_array(value)
        if array.ndim:
            small = array.size <= LARGEST_CONSTANT and not self.concrete
            return self._constant(array) if small else self._capture(array)
        literal = Literal(array)
        return Tracer(self, literal, literal.value if self.concrete else None)

    def graph(self, outputs: Sequence[Value]) -> Graph:
        """The finished graph. Inputs are those asked for, then one for each captured value."""
        atoms = tuple(self.lift(output).atom for output in outputs)
        self.close()
        captured = tuple(tracer.atom for tracer in self._captured_inputs)
        inputs = (*self.inputs, *(atom for atom in captured if isinstance(atom, Var)))
        return Graph(inputs, self._read(atoms), atoms)

    def captures(self) -> Iterator[tuple[Atom, Value]]:
        """Each input that stands for a value from outside, and that value."""
        atoms = (tracer.atom for tracer in self._captured_inputs)
        return zip(atoms, self.captured, strict=True)

    def _capture(self, value: Value) -> Tracer:
        """``value`` as an input; of an array a copy, since it may change after it was used."""
        is_array = isinstance(value, np.ndarray)
        key: Any = id(value)  # of a tracer, which is kept
        if is_array:  # two views of the same entries are one
            key = value.__array_interface__["data"][0], value.shape, value.strides, value.dtype.str
        known = self._captures.get(key)
        if known is not None and (not is_array or same_bits(value, known[0])):
            return known[1]
        kept = np.array(value) if is_array else value
        tracer = Tracer(self, Var(aval_of(kept)), kept if self.concrete else None)
        self._captures[key] = kept, tracer
        self.captured.append(kept)
        self._captured_inputs.append(tracer)
        return tracer

    def _constant(self, array: Array) -> Tracer:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            attributes = {"dtype": array.dtype, "shape": array.shape, "data": array.tobytes()}
            self._constants[key] = self.bind(self.meaning.constant, (), attributes)
        return self._constants[key]

    def _promoted(self, primitive: Primitive, tracers: list[Tracer]) -> list[Tracer]:
        targets = target_dtypes(primitive, [tracer.atom for tracer in tracers], self.precision)
        return [
            tracer if dtype is None else self._cast(tracer, dtype)
            for tracer, dtype in zip(tracers, targets, strict=True)
        ]

    def _cast(self, tracer: Tracer, dtype: DType) -> Tracer:
        if isinstance(tracer.atom, Literal):
            literal = Literal(np.asarray(tracer.atom.value).astype(dtype))
            return Tracer(self, literal, literal.value if self.concrete else None)
        cast: Tracer = self.bind(self.meaning.cast, (tracer,), {"dtype": dtype})
        return cast


@dataclass(frozen=True)
class TracedFunction:
    """A graph, the values it captured (for its last inputs), and whether it gave one output.

    ``values`` are those of all results where the trace was concrete.
    """

    graph: Graph
    captured: tuple[Value, ...]
    single: bool
    values: Mapping[Var, Value]


def trace(
    function: Callable[..., Value],
    *operands: Any,
    meaning: Meaning,
    precision: DType = np.dtype(np.float64),  # noqa: B008 - a dtype is immutable
    concrete: bool = False,
    names: Sequence[str] = (),
    rewrites: bool = True,
) -> TracedFunction:
    """Run ``function`` on stand-ins for ``operands`` and return the graph of what it did.

    ``operands`` are avals, arrays, or tracers of an outer trace; a concrete trace needs values.
    The function returns a value or a tuple of values.
    """
    recorder = Trace(meaning, precision=precision, concrete=concrete, rewrites=rewrites)
    named = itertools.chain(names, itertools.repeat(""))
    stand_ins = [
        recorder.input(aval_of(operand), name, operand if concrete else None)
        for operand, name in zip(operands, named, strict=False)
    ]
    try:
        with MAKERS.lent(), np.errstate(all="ignore" if concrete else None):
            outputs = function(*stand_ins)
        single = not isinstance(outputs, tuple | list)
        graph = recorder.graph([outputs] if single else outputs)
    except (TypeError, ValueError) as error:  # NumPy's words for `a[0] = t`; ours say more
        escape = recorder.escape
        if escape is None or escape.place != place_of_error(error):
            raise
        raise escape from error
    finally:
        recorder.close()
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
