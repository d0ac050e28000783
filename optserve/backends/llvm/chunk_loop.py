"""The native loop over chunks: threads take the next number from one counter until none is left.

A thread that came back to Python after each chunk would need the interpreter's lock every time, and
wait for others that hold it; here each takes it once a pass.
"""

from __future__ import annotations

import ctypes

__all__ = ["SIGNATURE", "looped", "text"]

SIGNATURE = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
)
"""The counter; how many chunks there are; their bounds, two whole numbers each; operands; outputs
of the first chunk; bytes from one chunk's outputs to the next one's; scratch."""


def looped(name: str) -> str:
    """The name of the loop that calls ``name``.

    >>> looped("kernel")
    'kernel_chunks'
    """
    return f"{name}_chunks"


def text(name: str) -> str:
    """The text of the loop that calls ``name``, which is defined beside it.

    >>> "call void @kernel(" in text("kernel")
    True
    """
    return f"""
define void @{looped(name)}(
  ptr %counter, i64 %count, ptr %bounds, ptr %operands, ptr %outputs, i64 %step, ptr %scratch
) #0 {{
entry:
  br label %next
next:
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
  call void @{name}(i64 %first, i64 %last, ptr %operands, ptr %written, ptr %scratch) #1
  br label %next
done:
  ret void
}}
attributes #1 = {{ noinline }}
"""
