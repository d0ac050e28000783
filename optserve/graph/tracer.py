"""``Tracer``, a stand-in for a value, and ``Entries``, what becomes a value of a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval, DType, aval_like, aval_of, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Literal, Var
from optserve.graph.meaning import Meaning
from optserve.graph.numpy_protocols import NumpyProtocols
from optserve.graph.operands import check_dtype, plain_array, same_bits
from optserve.graph.primitive import Primitive, Value
from optserve.graph.promotion import are_whole, target_dtypes

__all__ = ["LARGEST_CONSTANT", "Entries", "Tracer"]

LARGEST_CONSTANT = 1024
"""Entries up to which an array met in an abstract trace stands in the graph, not as an input."""


class Tracer(NumpyProtocols):
    """Stands for the value of ``atom`` while its trace records what happens to it.

    ``known_value`` is the value itself where the trace is concrete, else ``None``; ``varies`` says
    whether it depends on an input.
    """

    __slots__ = ("atom", "known_value", "trace", "varies")

    def __init__(
        self, trace: Any, atom: Atom, value: Value | None = None, varies: bool = False
    ) -> None:
        self.trace = trace
        self.atom = atom
        self.known_value = value
        self.varies = varies

    @property
    def aval(self) -> Aval:
        return self.atom.aval

    def __repr__(self) -> str:
        shown = f" = {self.known_value}" if self.known_value is not None else ""
        return f"Tracer({self.aval}{shown})"


class Entries:
    """What enters a trace: its inputs, literals, and values from outside, which are captured."""

    def __init__(self, meaning: Meaning, precision: DType, concrete: bool) -> None:
        self.meaning = meaning
        self.precision = precision
        self.concrete = concrete
        self.inputs: list[Var] = []
        self.captured: list[Value] = []
        self.nested = False
        """Whether a value that is known is traced itself, by another trace."""
        self._captured_inputs: list[Tracer] = []
        self._captures: dict[Any, tuple[Value, Tracer]] = {}
        self._constants: dict[Any, Tracer] = {}

    def bind(
        self,
        primitive: Primitive,
        operands: Sequence[Value],
        attributes: dict[str, Any],
        frame: FrameType | None = None,
    ) -> Value:
        """Record one equation; returns the tracer of its result (a tuple where it has several)."""
        raise NotImplementedError

    def input(self, aval: Aval, name: str = "", value: Value | None = None) -> Tracer:
        """A new input of the graph; ``value`` is required where the trace is concrete."""
        check_dtype(aval.dtype)
        variable = Var(aval, name)
        self.inputs.append(variable)
        self.nested = self.nested or isinstance(value, Tracer)
        return Tracer(self, variable, value, is_float(aval.dtype))

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

    def captures(self) -> Iterator[tuple[Atom, Value]]:
        """Each input that stands for a value from outside, and that value."""
        atoms = (tracer.atom for tracer in self._captured_inputs)
        return zip(atoms, self.captured, strict=True)

    def _capture(self, value: Value) -> Tracer:
        """``value`` as an input; of an array a copy, since it may change after it was used."""
        is_array = isinstance(value, np.ndarray)
        key: Any = id(value)
        if is_array:  # two views of the same entries are one
            own = value.base is None  # where it begins takes as long to tell as a small product
            begin = key if own else value.__array_interface__["data"][0]
            key = own, begin, value.shape, value.strides, value.dtype
        known = self._captures.get(key)
        if known is not None and (not is_array or same_bits(value, known[0])):
            return known[1]
        if is_array:
            kept = value.copy("K")
            aval = aval_like(kept.shape, kept.dtype)
        else:
            self.nested, kept, aval = True, value, aval_of(value)
        tracer = Tracer(self, Var(aval), kept if self.concrete else None)
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

    def _lifted(self, primitive: Primitive, operands: Sequence[Value]) -> list[Tracer]:
        """The operands as tracers of this trace, of the dtypes that the primitive takes."""
        call = primitive.call
        if not call.promotes and len(operands) == 1 and type(operands[0]) is Tracer:
            return [self.lift(operands[0])]
        whole = not call.floating and are_whole(operands)
        lifted = [self.lift(one, whole=whole) for one in operands]
        return self._promoted(primitive, lifted) if call.promotes else lifted

    def _alike(self, operands: Sequence[Value]) -> list[Tracer] | None:
        """The operands, where it is seen at once that they are of one floating dtype: values of
        this trace, and Python's numbers, which take that of the others."""
        dtype = None
        for one in operands:
            if type(one) is Tracer and one.trace is self and type(one.atom) is Var:
                dtype = one.atom.aval.dtype
                break
        if dtype is None or dtype.kind != "f":
            return None
        if len(operands) == 1:
            return [operands[0]]
        tracers: list[Tracer] = []
        for one in operands:
            kind = type(one)
            if kind is float or kind is int:
                number = dtype.type(one)
                literal = Literal(number, aval_like((), dtype))
                tracers.append(Tracer(self, literal, number if self.concrete else None))
            elif kind is Tracer and one.trace is self and one.atom.aval.dtype == dtype:
                tracers.append(one)
            elif kind is np.ndarray and one.dtype == dtype:
                is_input = self.concrete and one.ndim
                tracers.append(self._capture(one) if is_input else self.lift(one))
            else:
                return None
        return tracers

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
