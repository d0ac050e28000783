"""The types that NumPy's dtypes have in native code."""

from __future__ import annotations

from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.graph.aval import DType

__all__ = ["register_type", "storage"]


def storage(dtype: DType) -> str:
    """The type in memory of a NumPy dtype; truth values are bytes."""
    types = {"f8": "double", "f4": "float", "i8": "i64", "b1": "i8"}
    name = types.get(dtype.str[1:])
    if name is None:
        raise Unsupported(f"the dtype {dtype.name}")
    return name


def register_type(dtype: DType) -> str:
    """The type in a register of one entry of a dtype; truth values are bits."""
    return "i1" if dtype.kind == "b" else storage(dtype)
