"""Where a value of a program is: its entries in registers, or in memory as a strided view."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.types import register_type
from optserve.graph.aval import Array, DType, Shape
from optserve.graph.dim import Size
from optserve.graph.graph import Literal

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = [
    "NativeValue",
    "Registers",
    "View",
    "as_literal",
    "constants",
    "contiguous_strides",
    "in_array",
]

Registers: TypeAlias = Array
"""An object array of ``IRValue``, one scalar an entry; truth values are ``i1``."""


@dataclass(frozen=True)
class View:
    """Entry (i, j, ...) is at ``address`` plus ``offset + i * strides[0] + j * strides[1] + ...``
    entries.

    Sizes and strides may be row counts, which are numbers only at run time. Truth values are bytes.
    """

    address: IRValue
    dtype: DType
    shape: Shape
    strides: Shape
    offset: Size = 0

    @property
    def is_contiguous(self) -> bool:
        """Whether the entries follow each other, the last axis fastest."""
        wanted = contiguous_strides(self.shape)
        return all(
            size == 1 or stride == step
            for size, stride, step in zip(self.shape, self.strides, wanted, strict=True)
        )

    def over(self, shape: Shape) -> Shape:
        """Strides along the axes of ``shape``, 0 where this view is broadcast to it."""
        own = [
            0 if size == 1 else stride
            for size, stride in zip(self.shape, self.strides, strict=True)
        ]
        return (*(0,) * (len(shape) - len(own)), *own)


NativeValue = Registers | View


def contiguous_strides(shape: Shape) -> Shape:
    """The strides of entries that follow each other, the last axis fastest.

    >>> contiguous_strides((4, 2, 3))
    (6, 3, 1)
    """
    strides: list[Size] = []
    step: Size = 1
    for size in reversed(shape):
        strides.append(step)
        step = step * size
    return tuple(reversed(strides))


def in_array(entries: Iterable[IRValue], shape: tuple[int, ...]) -> Registers:
    """An object array of ``shape`` with these entries."""
    array = np.empty(math.prod(shape), object)
    for i, entry in enumerate(entries):
        array[i] = entry
    return array.reshape(shape)


def constants(array: Array) -> Registers:
    """The entries of an array as constants of the code."""
    type_ = register_type(array.dtype)
    return in_array((constant(entry.item(), type_) for entry in array.flat), array.shape)


def as_literal(atom: Literal) -> Registers:
    """A literal as a constant of the code."""
    return constants(np.asarray(atom.value))
