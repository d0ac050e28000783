"""Every function of the vector mathematics as one native loop over arrays, to be measured."""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue, vector
from optserve.backends.llvm.ir.engine import engine
from optserve.backends.llvm.ir.operations import IROperation
from optserve.backends.llvm.mathematics import FUNCTIONS

__all__ = ["SCALARS", "NativeFunction", "compiled", "module"]

SCALARS: Mapping[str, str] = {"float64": "double", "float32": "float", "int64": "i64"}
"""The type of a lane for each dtype."""

_PARAMETERS = "i64 %count, ptr noalias %x, ptr noalias %y, ptr noalias %out"
_SIGNATURE = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


@dataclass(frozen=True)
class NativeFunction:
    """A function of one or two arrays."""

    name: str
    dtype: np.dtype[Any]
    arity: int
    lanes: int
    entry: Callable[..., None]

    def __call__(self, *operands: Any) -> NDArray[Any]:
        """The function at each entry of arrays of one length."""
        count = len(np.atleast_1d(operands[0]))
        padded = -(-count // self.lanes) * self.lanes
        arrays = [np.ones(padded, self.dtype) for _ in range(3)]
        for array, operand in zip(arrays, operands, strict=False):
            array[:count] = operand
        self.bound(*arrays)()
        return arrays[2][:count]

    def bound(self, x: NDArray[Any], y: NDArray[Any], out: NDArray[Any]) -> Callable[[], None]:
        """The call for some arrays: contiguous, with a length that is a multiple of the lanes."""
        return partial(self.entry, len(x), x.ctypes.data, y.ctypes.data, out.ctypes.data)


def compiled(
    dtypes: tuple[str, ...],
    names: tuple[str, ...] = tuple(FUNCTIONS),
    lanes: int = LANES,
    operations: Mapping[str, IROperation] = FUNCTIONS,
) -> dict[tuple[str, str], NativeFunction]:
    """The functions by name and dtype, in one module of code."""
    keys = [(name, dtype) for name in names for dtype in dtypes]
    code = engine().object_code(module(keys, lanes, operations))
    addresses = np.zeros(len(keys), np.uintp)
    table = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine().load(code, "addresses"))
    table(addresses.ctypes.data)
    return {
        (name, dtype): NativeFunction(
            name, np.dtype(dtype), arity(operations[name]), lanes, _SIGNATURE(int(address))
        )
        for (name, dtype), address in zip(keys, addresses, strict=True)
    }


def module(
    keys: Sequence[tuple[str, str]],
    lanes: int = LANES,
    operations: Mapping[str, IROperation] = FUNCTIONS,
) -> str:
    """The text of functions ``NAME_DTYPE``, and of one that writes their addresses."""
    declarations: dict[str, str] = {}
    loops = [
        _loop(operations[name], f"{name}_{dtype}", SCALARS[dtype], lanes, declarations)
        for name, dtype in keys
    ]
    attributes = "attributes #0 = { nounwind }"
    return "\n".join([*declarations.values(), *loops, _table(keys), attributes])


def arity(operation: IROperation) -> int:
    """The number of operands besides the builder."""
    return len(inspect.signature(operation).parameters) - 1


def _loop(
    operation: IROperation, name: str, scalar: str, lanes: int, declarations: dict[str, str]
) -> str:
    """``void NAME(i64 count, ptr x, ptr y, ptr out)``."""
    b = Builder()
    b.declarations = declarations
    type_ = vector(scalar, lanes)
    with b.loop(0, IRValue("%count", "i64"), lanes) as index:
        operands = [
            b.load(b.at(IRValue(operand, "ptr"), scalar, index), type_)
            for operand in ("%x", "%y")[: arity(operation)]
        ]
        b.store(operation(b, *operands), b.at(IRValue("%out", "ptr"), scalar, index))
    return b.definition(name, _PARAMETERS)


def _table(keys: Sequence[tuple[str, str]]) -> str:
    """``void addresses(ptr)`` writes where each function lies."""
    lines = ["define void @addresses(ptr %out) #0 {"]
    for position, (name, dtype) in enumerate(keys):
        lines.append(f"  %a{position} = getelementptr ptr, ptr %out, i64 {position}")
        lines.append(f"  store ptr @{name}_{dtype}, ptr %a{position}")
    return "\n".join([*lines, "  ret void", "}"])
