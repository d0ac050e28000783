"""The native loop over chunks: threads take the next number from one counter until none is left.

A thread that came back to Python after each chunk would need the interpreter's lock every time, and
wait for others that hold it; here each takes it once a pass.
"""

from __future__ import annotations

import ctypes

__all__ = ["SIGNATURE", "looped", "text"]

SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
)
"""The counter; how many chunks there are; their bounds, two whole numbers each; operands; outputs
of the first chunk; bytes from one chunk's outputs to the next one's; scratch. What is returned is
not 0 where a chunk failed."""


def looped(name: str) -> str:
    """The name of the loop that calls ``name``.

    >>> looped("kernel")
    'kernel_chunks'
    """
    return f"{name}_chunks"


def text(name: str) -> str:
    """The text of the loop that calls ``name``, which is defined beside it.

    >>> "call i64 @kernel(" in text("kernel")
    True
    """
    return f"""
define i64 @{looped(name)}(
  ptr %counter, i64 %count, ptr %bounds, ptr %operands, ptr %outputs, i64 %step, ptr %scratch
) #0 {{
entry:
  br label %next
next:
  %failed = phi i64 [ 0, %entry ], [ %either, %chunk ]
  %number = atomicrmw add ptr %counter, i64 1 acq_rel
  %more = icmp slt i64 %number, %count
  br i1 %more, label %chunk, label %done
chunk:
  %place = shl i64 %number, 1
  %bound = getelementptr i64, ptr %bounds, i64 %place
  %first = load i64, ptr %bound
  %behind = getelementptr i64, ptr %bound, i64 1
  %last = load i64, ptr %behind
  %offset = mul i64 %number, %step
  %written = getelementptr i8, ptr %outputs, i64 %offset
  %one = call i64 @{name}(i64 %first, i64 %last, ptr %operands, ptr %written, ptr %scratch) #1
  %either = or i64 %failed, %one
  br label %next
done:
  ret i64 %failed
}}
attributes #1 = {{ noinline }}
"""
