"""The function that a program becomes: its builder, its memory, and the sizes known at run time.

``i64 program(ptr table)``: the table holds the addresses of the inputs and of the outputs, the row
counts, and the address of scratch memory. Without scratch memory (a null pointer) the function
returns how many bytes of it a call needs, for these row counts. With it, what it returns is not 0
where it failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optserve.backends.llvm.ir.builder import Builder, IRValue
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View, contiguous_strides
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.programs.size import SizePlan
from optserve.graph.aval import DType, Shape, shape_size
from optserve.graph.dim import Dim, Size

__all__ = ["FUNCTION", "Writer"]

FUNCTION = "program"
ALIGNMENT = 64


class Writer:
    """The text of one program, whose table has so many inputs and outputs, and these row counts."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        tables: Sequence[str],
        plan: SizePlan,
        lowerings: Lowerings,
    ) -> None:
        self.b = Builder()
        self.plan = plan
        self.lowerings = lowerings
        self.kernels = 0
        self._start: list[str] = []
        self._table = IRValue("%table", "ptr")
        self._counts: dict[str, IRValue] = {}
        self._numbers: dict[Dim, IRValue] = {}
        self._fixed_bytes = 0
        self._counted: list[tuple[IRValue, Shape, int]] = []
        self.inputs = [self._entry(i, "ptr") for i in range(inputs)]
        self.outputs = [self._entry(inputs + i, "ptr") for i in range(outputs)]
        first = inputs + outputs
        for position, name in enumerate(tables):
            self._counts[name] = self._entry(first + position, "i64")
        self._scratch = self._entry(first + len(tables), "ptr")

    def number(self, size: Size) -> IRValue | int:
        """A size as a number of the code."""
        if isinstance(size, int):
            return size
        if size not in self._numbers:
            self._numbers[size] = self._polynomial(size)
        return self._numbers[size]

    def room(self, shape: Shape, dtype: DType) -> View:
        """Memory for an array, which no other value shares."""
        entry = _bytes(dtype)
        size = shape_size(shape)
        if isinstance(size, int):
            address = self.raw(entry * size)
        else:
            address = IRValue(f"%room{len(self._counted)}", "ptr")
            self._counted.append((address, shape, entry))
        return View(address, dtype, shape, contiguous_strides(shape))

    def cells(self, shape: tuple[int, ...], dtype: DType) -> View:
        """Memory for a few entries on the stack."""
        address = self.b.alloca(f"[{math.prod(shape)} x {storage(dtype)}]")
        return View(address, dtype, shape, contiguous_strides(shape))

    def raw(self, size: int) -> IRValue:
        """The address of so many bytes of memory."""
        address = self.b.at(self._scratch, "i8", self._fixed_bytes)
        self._fixed_bytes += -(-size // ALIGNMENT) * ALIGNMENT
        return address

    def text(self) -> str:
        """The finished module."""
        b = self.b
        sizes = {
            address: self.number(shape_size(shape) * entry + (ALIGNMENT - 1))
            for address, shape, entry in self._counted
        }
        with self._at_the_start():
            total: IRValue | int = self._fixed_bytes
            for address, size in sizes.items():
                b.lines.append(f"  {address} = getelementptr i8, ptr {self._scratch}, i64 {total}")
                rounded = b.emit(f"and i64 {size}, -{ALIGNMENT}", "i64")
                total = b.emit(f"add i64 {total}, {rounded}", "i64")
            asked = b.emit(f"icmp eq ptr {self._scratch}, null", "i1")
            b.lines += [
                f"  br i1 {asked}, label %size, label %run",
                "size:",
                f"  ret i64 {total}",
                "run:",
            ]
        b.entry += self._start
        definition = b.definition(FUNCTION, "ptr %table", result=b.failed())
        declarations = "\n".join(b.declarations.values())
        return f"{declarations}\n{definition}\nattributes #0 = {{ nounwind }}\n"

    @contextmanager
    def _at_the_start(self) -> Iterator[None]:
        """What is written inside is computed once, before all else."""
        b = self.b
        b.lines, self._start = self._start, b.lines
        try:
            yield
        finally:
            b.lines, self._start = self._start, b.lines

    def _entry(self, position: int, type_: str) -> IRValue:
        with self._at_the_start():
            return self.b.load(self.b.at(self._table, "i64", position), type_)

    def _polynomial(self, size: Dim) -> IRValue:
        if not size.names <= self._counts.keys():
            raise Unsupported(f"the row count {size}, which no argument shows")
        b = self.b
        total = IRValue("0", "i64")
        with self._at_the_start():
            for monomial, coefficient in size.terms:
                term = IRValue(str(coefficient), "i64")
                for name in monomial:
                    term = b.binary("mul", term, self._counts[name])
                total = b.binary("add", total, term)
        return total


def _bytes(dtype: DType) -> int:
    storage(dtype)  # raises for what has no native form
    return dtype.itemsize
