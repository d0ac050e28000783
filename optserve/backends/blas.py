"""Products of matrices on one thread while our own threads share the rows.

Threads of the library below NumPy would contend with ours, and some of its products sum in an order
that depends on their number.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec

from optserve.graph.graph import Graph

__all__ = ["has_products", "one_thread"]

_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)


def has_products(graph: Graph) -> bool:
    """Whether NumPy calls BLAS for some equation of ``graph``."""
    return any(
        equation.primitive.name in ("matmul", "einsum", "sum") for equation in graph.equations
    ) or any(has_products(body) for _, body in graph.subgraphs())


def one_thread() -> AbstractContextManager[None]:
    """Within it, NumPy's products run on the thread that asks for them.

    >>> import numpy as np
    >>> with one_thread():
    ...     float(np.ones(100_000) @ np.ones(100_000))
    100000.0
    """
    return _pool()


class _Pool(AbstractContextManager[None]):
    """The threads of the library; several passes may run at once, and the last one restores."""

    def __init__(self, read: Callable[[], int], write: Callable[[int], object]) -> None:
        self.read = read
        self.write = write
        self.lock = threading.Lock()
        self.inside = 0
        self.before = 1

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                self.before = self.read()
                if self.before > 1:
                    self.write(1)
            self.inside += 1

    def __exit__(self, *_raised: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside and self.before > 1:
                self.write(self.before)


@functools.cache
def _pool() -> _Pool:
    """The pool of the library that NumPy is linked with, where it is one that can be asked."""
    import ctypes

    found = find_spec("numpy._core._multiarray_umath")
    library = ctypes.CDLL(found.origin) if found is not None and found.origin else None
    for read, write in _NAMES:
        if hasattr(library, read) and hasattr(library, write):
            return _Pool(getattr(library, read), getattr(library, write))
    return _Pool(lambda: 1, lambda count: None)
