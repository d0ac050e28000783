"""Keeps the C library's allocator from holding on to memory while a table is streamed."""

from __future__ import annotations

import contextlib
import ctypes
import sys

__all__ = ["hold_little"]

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # of glibc's malloc.h
LARGE = 1 << 20
"""Bytes from which on memory is given back to the system as soon as it is free."""


def hold_little() -> None:
    """One arena for all threads, and memory of its own for each large array.

    glibc reserves 64 MiB of address space for each thread that allocates, and moves the size from
    which on arrays have memory of their own up to 32 MiB, where blocks of all sizes leave gaps.
    Elsewhere nothing is done.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        set_option = ctypes.CDLL(None).mallopt
        set_option(_ARENA_MAX, 1)
        set_option(_MMAP_THRESHOLD, LARGE)
