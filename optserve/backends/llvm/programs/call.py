"""A program as Python calls it: a table of addresses, and as little else as possible.

What a call costs beside the native code decides how fast small problems are. So small arrays are
copied into cells that the table names once and for all, which takes a tenth of the time of finding
the address of an array; and the address of a large array is remembered while it is the same one.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import ref

import numpy as np

from optserve.backends.llvm.ir.exceptions import Failed
from optserve.backends.llvm.ir.types import storage
from optserve.graph.aval import Array, Aval, DType, resolve_shape
from optserve.graph.graph import Graph

__all__ = ["SIGNATURE", "BoundProgram"]

SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)

Native = Callable[[int], int]
"""The function of a program; see ``writer``."""

COPIED = 64
"""Entries up to which an array is copied in or out."""
ALIGNMENT = 64


class BoundProgram:
    """A program for arguments of one set of shapes, with memory of its own: for one call at once.

    ``tables`` are the names of the row counts that the program is given, ``rows`` their values.
    """

    def __init__(
        self, function: Native, graph: Graph, tables: Sequence[str], rows: Mapping[str, int]
    ) -> None:
        inputs = [_in_numbers(variable.aval, rows) for variable in graph.inputs]
        outputs = [_in_numbers(atom.aval, rows) for atom in graph.outputs]
        counts = [rows[name] for name in tables]
        size = len(inputs) + len(outputs) + len(counts) + 1
        self._function = function
        self._table = (ctypes.c_int64 * size)()
        self._address = ctypes.addressof(self._table)
        for position, count in enumerate(counts, len(inputs) + len(outputs)):
            self._table[position] = count
        self._scratch = np.empty(function(self._address) + ALIGNMENT, np.uint8)
        self._table[size - 1] = -(-address_of(self._scratch) // ALIGNMENT) * ALIGNMENT

        self._cells: list[tuple[int, Array]] = []
        self._large: list[tuple[int, _Address]] = []
        for position, (shape, dtype) in enumerate(inputs):
            if math.prod(shape) <= COPIED:
                self._cells.append((position, self._cell(position, shape, dtype)))
            else:
                self._large.append((position, _Address(dtype)))
        self._takes: list[tuple[Callable[[Any], Any], Any]] = []
        self._fresh: list[tuple[int, tuple[int, ...], DType]] = []
        for position, (shape, dtype) in enumerate(outputs, len(inputs)):
            if math.prod(shape) > COPIED:
                self._fresh.append((position, shape, dtype))
                continue
            cell = self._cell(position, shape, dtype)
            take = (cell.copy, "C") if shape else (cell.__getitem__, ())
            self._takes.append(take)
        self._first = len(inputs)

    def __call__(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """The outputs, which belong to the caller."""
        for position, cell in self._cells:
            cell[...] = arguments[position]
        table = self._table
        kept = []
        for position, address in self._large:
            table[position], array = address.of(arguments[position])
            kept.append(array)
        if not self._fresh:
            self._call()
            return tuple([take(how) for take, how in self._takes])
        made = []
        for position, shape, dtype in self._fresh:
            result = np.empty(shape, dtype)
            table[position] = address_of(result)
            made.append((position - self._first, result))
        self._call()
        results = [take(how) for take, how in self._takes]
        for position, result in made:
            results.insert(position, result)
        return tuple(results)

    def _call(self) -> None:
        if self._function(self._address):
            raise Failed

    def _cell(self, position: int, shape: tuple[int, ...], dtype: DType) -> Array:
        cell = np.zeros(shape, dtype)
        self._table[position] = cell.ctypes.data
        return cell


class _Address:
    """The address of an argument, remembered while it is the same array.

    An array that is referred to, weakly too, does not move.
    """

    def __init__(self, dtype: DType) -> None:
        self._dtype = dtype
        self._known: Callable[[], Any] = lambda: None
        self._address = 0

    def of(self, argument: Any) -> tuple[int, Array]:
        """The address, and the array that has to be kept while it is used."""
        if self._known() is argument:
            return self._address, argument
        array = np.ascontiguousarray(argument, self._dtype)
        address = address_of(array)
        if array is argument:
            self._known, self._address = ref(array), address
        return address, array


def address_of(array: Array) -> int:
    """Where the entries of an array with some entries begin."""
    if array.flags.writeable:  # a quarter of the time
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    return int(array.ctypes.data)


def _in_numbers(aval: Aval, rows: Mapping[str, int]) -> tuple[tuple[int, ...], DType]:
    storage(aval.dtype)  # raises for what has no native form
    return resolve_shape(aval.shape, rows), aval.dtype
