"""What one thread of the machine can: bandwidth of memory and the peak of multiply-adds.

Measured by native code of its own, so that nothing but the machine is in the way.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from optserve.backends.llvm.ir.engine import engine

__all__ = ["ROUNDS", "Ceiling", "best", "ceiling"]

ENTRIES = 1 << 23
"""Doubles in each array that bandwidth is measured with: 64 MiB, more than any cache holds."""
ROUNDS = 15
CHAINS = 16
"""Independent chains of multiply-adds: more than the latency of one times the units for them."""
TURNS = 1 << 18
"""Rounds of them."""


@dataclass(frozen=True)
class Ceiling:
    """What one thread of the machine can: bytes a second, operations a second by precision."""

    read: float
    triad: float
    peak: dict[str, float]


def ceiling() -> Ceiling:
    """Measured on one thread, the best of several rounds."""
    a, b, c = (np.full(ENTRIES, value) for value in (0.0, 1.0, 2.0))
    sums = np.zeros(8)
    triad = _function(_TRIAD, "triad", 4)
    read = _function(_READ, "read", 3)
    peak = {}
    for precision, type_, lanes in (("float64", "double", 8), ("float32", "float", 16)):
        chain = _function(_chains(type_, lanes), "chains", 2)
        room = np.ones(CHAINS * lanes, precision)
        seconds = best(partial(chain, TURNS, room.ctypes.data))
        peak[precision] = 2 * CHAINS * lanes * TURNS / seconds
    arrays = (a.ctypes.data, b.ctypes.data, c.ctypes.data)
    return Ceiling(
        b.nbytes / best(partial(read, ENTRIES, b.ctypes.data, sums.ctypes.data)),
        3 * a.nbytes / best(partial(triad, ENTRIES, *arrays)),
        peak,
    )


def best(work: Callable[[], object]) -> float:
    """Seconds, the least of ``ROUNDS`` runs."""
    work()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def _function(text: str, name: str, parameters: int) -> Callable[..., None]:
    """The native function of LLVM IR: a count, then addresses."""
    machine_ = engine()
    address = machine_.load(machine_.object_code(text), name)
    types = [ctypes.c_int64, *[ctypes.c_void_p] * (parameters - 1)]
    return ctypes.CFUNCTYPE(None, *types)(address)


_LOOP = """
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
"""
_END = """
  %next = add i64 %i, {step}
  %more = icmp ult i64 %next, %count
  br i1 %more, label %loop, label %done
done:
"""

_TRIAD = (
    "define void @triad(i64 %count, ptr %a, ptr %b, ptr %c) {"
    + _LOOP
    + """
  %pb = getelementptr double, ptr %b, i64 %i
  %pc = getelementptr double, ptr %c, i64 %i
  %pa = getelementptr double, ptr %a, i64 %i
  %x = load <8 x double>, ptr %pb, align 8
  %y = load <8 x double>, ptr %pc, align 8
  %s = fmul <8 x double> %y, splat (double 3.0)
  %z = fadd <8 x double> %s, %x
  store <8 x double> %z, ptr %pa, align 8
"""
    + _END.format(step=8)
    + "  ret void\n}\n"
)

_READ = (
    "define void @read(i64 %count, ptr %b, ptr %out) {\nentry:\n  br label %loop\nloop:\n"
    "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]\n"
    + "".join(
        f"  %s{k} = phi <8 x double> [ zeroinitializer, %entry ], [ %t{k}, %loop ]\n"
        for k in range(4)
    )
    + "".join(
        f"  %i{k} = add i64 %i, {8 * k}\n"
        f"  %p{k} = getelementptr double, ptr %b, i64 %i{k}\n"
        f"  %x{k} = load <8 x double>, ptr %p{k}, align 8\n"
        f"  %t{k} = fadd <8 x double> %s{k}, %x{k}\n"
        for k in range(4)
    )
    + _END.format(step=32)
    + "  %u = fadd <8 x double> %t0, %t1\n  %v = fadd <8 x double> %t2, %t3\n"
    "  %w = fadd <8 x double> %u, %v\n  store <8 x double> %w, ptr %out, align 8\n  ret void\n}\n"
)


def _chains(type_: str, lanes: int) -> str:
    """``CHAINS`` independent multiply-adds a round, begun and ended in memory."""
    vector, name = f"<{lanes} x {type_}>", f"v{lanes}f{64 if type_ == 'double' else 32}"
    lines = [f"declare {vector} @llvm.fma.{name}({vector}, {vector}, {vector})"]
    lines += ["define void @chains(i64 %count, ptr %room) {", "entry:"]
    for k in range(CHAINS):
        lines.append(f"  %p{k} = getelementptr {vector}, ptr %room, i64 {k}")
        lines.append(f"  %s{k} = load {vector}, ptr %p{k}, align 4")
    lines += ["  br label %loop", "loop:", "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]"]
    lines += [f"  %x{k} = phi {vector} [ %s{k}, %entry ], [ %y{k}, %loop ]" for k in range(CHAINS)]
    half = f"{vector} splat ({type_} 0.5)"
    lines += [
        f"  %y{k} = call {vector} @llvm.fma.{name}({vector} %x{k}, {half}, {half})"
        for k in range(CHAINS)
    ]
    lines.append(_END.format(step=1))
    lines += [f"  store {vector} %y{k}, ptr %p{k}, align 4" for k in range(CHAINS)]
    return "\n".join([*lines, "  ret void", "}"])
