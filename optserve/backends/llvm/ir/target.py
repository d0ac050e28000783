"""What some processors do in one instruction and others in several, as functions of the module.

The text of a kernel calls them by name; the engine, which knows the processor, adds a definition of
each that is called, and has it written out there. Every definition gives the same bits.

>>> text = "%y = call <8 x double> @target.scaled.v8f64(...)"
>>> "llvm.x86" in definitions(text, "x86_64-pc-linux-gnu", "+sse2,+avx512f,+avx512vl")
True
>>> "llvm.x86" in definitions(text, "aarch64-unknown-linux-gnu", "")
False
"""

from __future__ import annotations

import re

from optserve.backends.llvm.ir.builder import Builder, IRValue, element, lanes_of, vector
from optserve.backends.llvm.mathematics.exponentials import scaled_by_bits
from optserve.backends.llvm.mathematics.lanes import FORMATS, Lanes

__all__ = ["definitions"]

_CALL = re.compile(r"@target\.scaled\.v(\d+)f(\d+)\(")
_SCALARS = {"64": "double", "32": "float"}


def definitions(text: str, triple: str, features: str) -> str:
    """The functions that ``text`` calls, for a processor with ``features``."""
    known = features.split(",")
    wide = triple.startswith("x86_64") and "+avx512f" in known and "+avx512vl" in known
    called = sorted(set(_CALL.findall(text)))
    return "\n".join(_scaled(vector(_SCALARS[size], int(n)), wide) for n, size in called)


def _scaled(type_: str, wide: bool) -> str:
    """p 2**n, rounded once; ``bits`` are integers that end in n plus twice the bias."""
    b = Builder()
    scalar, lanes = element(type_), lanes_of(type_)
    form = FORMATS[scalar]
    integers = vector(form.integer, lanes)
    p, n, bits = IRValue("%p", type_), IRValue("%n", type_), IRValue("%bits", integers)
    width = lanes * form.size
    if wide and width in (256, 512):
        suffix, mask = "pd" if scalar == "double" else "ps", "i16" if lanes == 16 else "i8"
        name = f"llvm.x86.avx512.mask.scalef.{suffix}.{width}"
        rounding = ", i32 4" if width == 512 else ""  # to nearest, as everywhere
        given = f"{type_} {p}, {type_} {n}, {type_} zeroinitializer, {mask} -1{rounding}"
        result = b.emit(f"call {type_} @{name}({given})", type_)
        types = f"{type_}, {type_}, {type_}, {mask}" + (", i32" if rounding else "")
        b.declarations[name] = f"declare {type_} @{name}({types})"
    else:
        result = scaled_by_bits(Lanes(b, p), Lanes(b, bits)).value
    name = f"target.scaled.v{lanes}f{form.size}"
    parameters = f"{type_} {p}, {type_} {n}, {integers} {bits}"
    function = b.definition(name, parameters, "internal", "alwaysinline", result)
    return "\n".join([*b.declarations.values(), function])
