"""Text of LLVM IR, one instruction at a time.

Values are strings (``%7`` or a constant) that know their type. All arithmetic is strict: no
fast-math flag is ever written, and a fused multiply-add is an explicit call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["LANES", "Builder", "IRValue", "constant", "vector"]

LANES = 8
"""Logical lanes of a vector, whatever the width of the machine's registers."""


class IRValue(str):
    """The spelling of a value, with its type."""

    __slots__ = ("type",)
    type: str

    def __new__(cls, text: str, type_: str) -> IRValue:
        value = super().__new__(cls, text)
        value.type = type_
        return value


def vector(scalar: str, lanes: int = LANES) -> str:
    """The type of ``lanes`` scalars; of one, the scalar itself."""
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def element(type_: str) -> str:
    """The scalar type of a vector type."""
    return type_.split(" x ")[1].rstrip(">") if type_.startswith("<") else type_


def lanes_of(type_: str) -> int:
    """The number of lanes of a type; 1 for a scalar."""
    return int(type_[1:].split(" x ")[0]) if type_.startswith("<") else 1


def _size(type_: str) -> int:
    """Bytes of one lane in memory."""
    return {"double": 8, "float": 4, "i64": 8, "i32": 4, "i8": 1, "ptr": 8}[element(type_)]


def constant(number: float | int | bool, type_: str) -> IRValue:
    """A constant, splat over the lanes of a vector type; floats by bit pattern."""
    scalar = element(type_)
    if scalar == "double":
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(number)))[0]:016X}"
    elif scalar == "float":  # LLVM spells a float as the double of the same value
        rounded = struct.unpack("<f", struct.pack("<f", float(number)))[0]
        text = f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"
    elif scalar == "i1":
        text = "true" if number else "false"
    else:
        text = str(int(number))
    lanes = lanes_of(type_)
    if lanes > 1:
        text = "<" + ", ".join([f"{scalar} {text}"] * lanes) + ">"
    return IRValue(text, type_)


class Builder:
    """Instructions of one function, in blocks; declarations that they need are collected."""

    def __init__(self) -> None:
        self.entry: list[str] = []
        self.lines: list[str] = []
        self.declarations: dict[str, str] = {}
        self._count = 0
        self._failed: IRValue | None = None

    def fresh(self) -> str:
        self._count += 1
        return f"%t{self._count}"

    def label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def emit(self, text: str, type_: str) -> IRValue:
        """``%n = text``."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return IRValue(name, type_)

    def binary(self, operation: str, x: IRValue, y: IRValue) -> IRValue:
        """``fadd``, ``fmul``, ``and``, ``shl``, ... of two values of one type."""
        return self.emit(f"{operation} {x.type} {x}, {y}", x.type)

    def fneg(self, x: IRValue) -> IRValue:
        return self.emit(f"fneg {x.type} {x}", x.type)

    def fma(self, x: IRValue, y: IRValue, z: IRValue) -> IRValue:
        """x * y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def intrinsic(self, name: str, *operands: IRValue) -> IRValue:
        """A call of ``llvm.NAME`` whose operands and result have one type."""
        type_ = operands[0].type
        suffix = {"double": "f64", "float": "f32"}.get(element(type_), element(type_))
        lanes = lanes_of(type_)
        full = f"llvm.{name}." + (f"v{lanes}{suffix}" if lanes > 1 else suffix)
        types = ", ".join([type_] * len(operands))
        self.declarations[full] = f"declare {type_} @{full}({types})"
        given = ", ".join(f"{type_} {operand}" for operand in operands)
        return self.emit(f"call {type_} @{full}({given})", type_)

    def compare(self, predicate: str, x: IRValue, y: IRValue) -> IRValue:
        """``olt``, ``oeq``, ``une``, ``uno`` of floats; ``slt``, ``eq``, ``ne`` of integers."""
        operation = "fcmp" if element(x.type) in ("double", "float") else "icmp"
        result = vector("i1", lanes_of(x.type))
        return self.emit(f"{operation} {predicate} {x.type} {x}, {y}", result)

    def select(self, condition: IRValue, x: IRValue, y: IRValue) -> IRValue:
        return self.emit(f"select {condition.type} {condition}, {x.type} {x}, {y.type} {y}", x.type)

    def cast(self, operation: str, x: IRValue, type_: str) -> IRValue:
        """``bitcast``, ``sitofp``, ``fptosi``, ``fptrunc``, ``fpext``, ``zext``, ``trunc``."""
        return self.emit(f"{operation} {x.type} {x} to {type_}", type_)

    def splat(self, x: IRValue, lanes: int = LANES) -> IRValue:
        """A scalar in every lane."""
        type_ = vector(x.type, lanes)
        if lanes == 1:
            return x
        one = self.emit(f"insertelement {type_} poison, {x.type} {x}, i64 0", type_)
        mask = f"<{lanes} x i32> zeroinitializer"
        return self.emit(f"shufflevector {type_} {one}, {type_} poison, {mask}", type_)

    def shuffle(self, x: IRValue, y: IRValue, picks: list[int]) -> IRValue:
        """Lanes of x (0, 1, ...) and y (after them) in a new order."""
        mask = f"<{len(picks)} x i32> <" + ", ".join(f"i32 {pick}" for pick in picks) + ">"
        result = vector(element(x.type), len(picks))
        return self.emit(f"shufflevector {x.type} {x}, {y.type} {y}, {mask}", result)

    def insert(self, x: IRValue, value: IRValue, index: int) -> IRValue:
        """``x`` with another value in one lane."""
        return self.emit(f"insertelement {x.type} {x}, {value.type} {value}, i64 {index}", x.type)

    def lane(self, x: IRValue, index: int) -> IRValue:
        return self.emit(f"extractelement {x.type} {x}, i64 {index}", element(x.type))

    def alloca(self, type_: str, count: int = 1, align: int = 64) -> IRValue:
        """Memory on the stack, for the whole function."""
        name = self.fresh()
        self.entry.append(f"  {name} = alloca {type_}, i64 {count}, align {align}")
        return IRValue(name, "ptr")

    def at(self, base: IRValue, type_: str, index: IRValue | int) -> IRValue:
        """The address of entry ``index`` of an array of ``type_``."""
        return self.emit(f"getelementptr {type_}, ptr {base}, i64 {index}", "ptr")

    def load(self, address: IRValue, type_: str) -> IRValue:
        return self.emit(f"load {type_}, ptr {address}, align {_size(type_)}", type_)

    def store(self, value: IRValue, address: IRValue) -> None:
        align = _size(value.type)
        self.lines.append(f"  store {value.type} {value}, ptr {address}, align {align}")

    def masked_load(self, address: IRValue, type_: str, mask: IRValue) -> IRValue:
        """Lanes where ``mask`` holds from memory, 0 elsewhere; nothing else is touched."""
        scalar, lanes = element(type_), lanes_of(type_)
        suffix = {"double": "f64", "float": "f32"}.get(scalar, scalar)
        name = f"llvm.masked.load.v{lanes}{suffix}.p0"
        self.declarations[name] = f"declare {type_} @{name}(ptr, i32, {mask.type}, {type_})"
        zero = constant(0, type_)
        align = _size(scalar)
        return self.emit(
            f"call {type_} @{name}(ptr {address}, i32 {align}, {mask.type} {mask}, {type_} {zero})",
            type_,
        )

    def masked_store(self, value: IRValue, address: IRValue, mask: IRValue) -> None:
        scalar, lanes = element(value.type), lanes_of(value.type)
        suffix = {"double": "f64", "float": "f32"}.get(scalar, scalar)
        name = f"llvm.masked.store.v{lanes}{suffix}.p0"
        self.declarations[name] = f"declare void @{name}({value.type}, ptr, i32, {mask.type})"
        align = _size(scalar)
        self.lines.append(
            f"  call void @{name}({value.type} {value}, ptr {address}, i32 {align}, "
            f"{mask.type} {mask})"
        )

    def prefetch(self, address: IRValue, *, write: bool = False, level: int = 1) -> None:
        """Bring what is at an address into the cache of this level; the address may be any."""
        name = "llvm.prefetch.p0"
        self.declarations[name] = f"declare void @{name}(ptr, i32, i32, i32)"
        self.lines.append(
            f"  call void @{name}(ptr {address}, i32 {int(write)}, i32 {4 - level}, i32 1)"
        )

    @contextmanager
    def loop(
        self, start: IRValue | int, stop: IRValue | int, step: IRValue | int = 1
    ) -> Iterator[IRValue]:
        """``for (i = start; i < stop; i += step)``; yields the counter, an ``i64``."""
        counter = self.alloca("i64", align=8)
        head, body, done = self.label(), self.label(), self.label()
        self.lines += [
            f"  store i64 {start}, ptr {counter}",
            f"  br label %{head}",
            f"{head}:",
        ]
        index = self.load(counter, "i64")
        more = self.emit(f"icmp slt i64 {index}, {stop}", "i1")
        self.lines += [f"  br i1 {more}, label %{body}, label %{done}", f"{body}:"]
        yield index
        following = self.emit(f"add nsw i64 {index}, {step}", "i64")
        self.lines += [
            f"  store i64 {following}, ptr {counter}",
            f"  br label %{head}",
            f"{done}:",
        ]

    def any_lane(self, condition: IRValue) -> IRValue:
        """Whether a condition holds in some lane, an ``i1``."""
        lanes = lanes_of(condition.type)
        if lanes == 1:
            return condition
        name = f"llvm.vector.reduce.or.v{lanes}i1"
        self.declarations[name] = f"declare i1 @{name}({condition.type})"
        return self.emit(f"call i1 @{name}({condition.type} {condition})", "i1")

    def rarely(
        self,
        condition: IRValue,
        usual: Sequence[IRValue],
        otherwise: Callable[[], Sequence[IRValue]],
    ) -> list[IRValue]:
        """``usual``, or ``otherwise()`` where the condition holds in some lane: a branch."""
        before, inside, after, done = (self.label() for _ in range(4))
        any_lane = self.any_lane(condition)
        weights = '!prof !{!"branch_weights", i32 1, i32 100000}'
        self.lines += [
            f"  br label %{before}",
            f"{before}:",
            f"  br i1 {any_lane}, label %{inside}, label %{done}, {weights}",
            f"{inside}:",
        ]
        computed = otherwise()
        self.lines += [
            f"  br label %{after}",
            f"{after}:",
            f"  br label %{done}",
            f"{done}:",
        ]
        return [
            self.emit(f"phi {x.type} [ {x}, %{before} ], [ {y}, %{after} ]", x.type)
            for x, y in zip(usual, computed, strict=True)
        ]

    def function(self, name: str, parameters: str) -> str:
        """The finished function, which says whether it failed, and the declarations it needs."""
        definition = self.definition(name, parameters, result=self.failed())
        declarations = "\n".join(self.declarations.values())
        return f"{declarations}\n{definition}\nattributes #0 = {{ nounwind }}\n"

    def subroutine(self, name: str, parameters: str, body: Builder) -> None:
        """A function beside this one, called where work is rare."""
        self.declarations.update(body.declarations)
        self.declarations[name] = body.definition(name, parameters, "internal", "cold noinline")

    def fail_where(self, bad: IRValue) -> None:
        """Note that the function has failed where a condition holds in some lane."""
        self.fail_with(self.cast("zext", self.any_lane(bad), "i64"))

    def fail_with(self, failed: IRValue) -> None:
        """Note that the function has failed where a number, that of another one, is not 0."""
        if self._failed is None:
            self._failed = self.alloca("i64", align=8)
            self.entry.append(f"  store i64 0, ptr {self._failed}")
        before = self.load(self._failed, "i64")
        self.store(self.binary("or", before, failed), self._failed)

    def failed(self) -> IRValue:
        """What the function returns: not 0 where it has failed."""
        return constant(0, "i64") if self._failed is None else self.load(self._failed, "i64")

    def call(self, name: str, *arguments: IRValue) -> None:
        """A call of a subroutine."""
        given = ", ".join(f"{argument.type} {argument}" for argument in arguments)
        self.lines.append(f"  call void @{name}({given})")

    def outlined(self, name: str, operation: Callable[..., IRValue], *operands: IRValue) -> IRValue:
        """``operation`` as a call of a function beside this one, which is written once."""
        type_ = operands[0].type
        full = f"{name}_{lanes_of(type_)}_{element(type_)}"
        if full not in self.declarations:
            body = Builder()
            given = [IRValue(f"%x{i}", operand.type) for i, operand in enumerate(operands)]
            result = operation(body, *given)
            assert result.type == type_
            parameters = ", ".join(f"{x.type} {x}" for x in given)
            self.declarations.update(body.declarations)
            self.declarations[full] = body.definition(
                full, parameters, "internal", "noinline", result
            )
        arguments = ", ".join(f"{operand.type} {operand}" for operand in operands)
        return self.emit(f"call {type_} @{full}({arguments})", type_)

    def definition(
        self,
        name: str,
        parameters: str,
        linkage: str = "",
        attributes: str = "",
        result: IRValue | None = None,
    ) -> str:
        """The finished function alone, with the attributes ``#0``."""
        returned = "void" if result is None else result.type
        lines = [
            f"define {linkage} {returned} @{name}({parameters}) {attributes} #0 {{",
            "entry:",
            *self.entry,
            *self.lines,
            "  ret void" if result is None else f"  ret {returned} {result}",
            "}",
        ]
        return "\n".join(lines)
