"""Has the C library's allocator use memory again while a table is streamed, in one place."""

from __future__ import annotations

import contextlib
import ctypes
import sys

__all__ = ["hold_little"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
LARGE = 1 << 25
"""Bytes from which on an array has memory of its own, which the system has to clear: the most that
glibc allows. The columns of a row group are smaller, as a rule."""
IDLE = 1 << 26
"""Bytes of free memory up to which none of it goes back to the system."""


def hold_little() -> None:
    """One arena for all threads, in which what one column needed serves the next.

    glibc reserves 64 MiB of address space for each thread that allocates, and gives an array of
    128 KiB or more memory of its own at first: the system clears every page of it, for each column
    of each piece anew, which takes several times as long as to decode it. Elsewhere nothing is
    done.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        set_option = ctypes.CDLL(None).mallopt
        set_option(_ARENA_MAX, 1)
        set_option(_MMAP_THRESHOLD, LARGE)
        set_option(_TRIM_THRESHOLD, IDLE)
