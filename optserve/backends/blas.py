"""Products of matrices on one thread while our own threads share the rows.

Threads of the library below NumPy would contend with ours, and some of its products sum in an order
that depends on their number.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from optserve.graph.graph import Equation, Graph
from optserve.primitives.sums import sum_

if TYPE_CHECKING:
    from ctypes import CDLL

__all__ = ["Gemm", "gemm", "has_products", "may_call_blas", "one_thread"]

_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)

_GEMM = (
    ("scipy_cblas_{}64_", 64),
    ("scipy_cblas_{}", 32),
    ("cblas_{}64_", 64),
    ("cblas_{}", 32),
)
"""How the product of matrices may be called, and the bits of the sizes that it takes."""


def has_products(graph: Graph) -> bool:
    """Whether NumPy calls BLAS for some equation of ``graph``."""
    return any(map(may_call_blas, graph.equations)) or any(
        has_products(body) for _, body in graph.subgraphs()
    )


def may_call_blas(equation: Equation) -> bool:
    """Whether NumPy may call BLAS for it: a product, a sum that is computed as one, a factor."""
    primitive = equation.primitive
    facts = primitive.facts
    return facts.contraction is not None or facts.lapack or primitive is sum_


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
    library = _library()
    for read, write in _NAMES:
        if hasattr(library, read) and hasattr(library, write):
            return _Pool(getattr(library, read), getattr(library, write))
    return _Pool(lambda: 1, lambda count: None)


@dataclass(frozen=True)
class Gemm:
    """The products of matrices that NumPy calls: the addresses of ``cblas_sgemm`` and
    ``cblas_dgemm``, and the bits of the sizes that they take."""

    single: int
    double: int
    bits: int


@functools.cache
def gemm() -> Gemm | None:
    """The products of the library that NumPy is linked with, where they are known by name."""
    import ctypes

    library = _library()
    for pattern, bits in _GEMM:
        names = [pattern.format(name) for name in ("sgemm", "dgemm")]
        if all(hasattr(library, name) for name in names):
            single, double = (
                ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names
            )
            return Gemm(single, double, bits)
    return None


@functools.cache
def _library() -> CDLL | None:
    """The library that NumPy is linked with, through the extension that is linked with it."""
    import ctypes

    found = find_spec("numpy._core._multiarray_umath")
    return ctypes.CDLL(found.origin) if found is not None and found.origin else None
