"""``Buffers``: memory of arrays, used again once nobody refers to it."""

from __future__ import annotations

import math
import sys
from threading import Lock

import numpy as np

from optserve.graph.aval import Array, DType

__all__ = ["Buffers"]

_IDLE = 3
"""What ``sys.getrefcount`` tells of an array that only the list and the loop over it refer to."""


class Buffers:
    """Arrays whose memory was that of others before; any number of threads may take some.

    An array that is gone, with every view of it, gives its memory to the next. New memory would
    have to be cleared by the system page by page, which takes longer than to fill it.

    >>> buffers = Buffers()
    >>> first = buffers.array((2, 3), np.dtype(np.float64))
    >>> address = first.ctypes.data
    >>> second = buffers.array((2, 3), np.dtype(np.float64))
    >>> second.ctypes.data == address
    False
    >>> del first
    >>> buffers.array((3,), np.dtype(np.float64)).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._held: list[Array] = []
        self._lock = Lock()

    def array(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """An array whose entries may be anything yet."""
        size = math.prod(shape) * dtype.itemsize
        with self._lock:
            memory = self._idle(size)
            return memory[:size].view(dtype).reshape(shape)

    def _idle(self, size: int) -> Array:
        """Memory of so many bytes that nobody uses; what is too small and idle is dropped."""
        kept, found = [], None
        for memory in self._held:
            idle = sys.getrefcount(memory) <= _IDLE
            if idle and found is None and memory.size >= size:
                found = memory
            if not idle or memory is found or memory.size >= size:
                kept.append(memory)
        if found is None:
            found = np.empty(size, np.uint8)
            kept.append(found)
        self._held = kept
        return found
