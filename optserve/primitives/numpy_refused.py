"""NumPy's functions that have no meaning on traced values, each with what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["REFUSED"]

_CHANGED = "traced values are never changed: build the result with np.where or np.stack"
_FOURIER = (
    "complex numbers are not traced: multiply by np.cos(a) and np.sin(a) with "
    "a = 2 * np.pi * np.outer(k, n) / len(x), which gives the real and the imaginary part"
)
_OF_FOURIER = tuple(
    getattr(np.fft, one) for one in np.fft.__all__ if "freq" not in one and "shift" not in one
)
_HISTOGRAM = (
    "a count has no derivative: use np.bincount or np.searchsorted, or a smooth kernel, "
    "np.exp(-0.5 * ((x[:, None] - centres) / width) ** 2)"
)
_KEPT = "traced values live in their function only: return what is to be kept"
_MEMORY = "a traced value lies nowhere in memory: leave it out"
_PACKED = "they are for arrays of bytes: pack what is not traced"
_SETS = "np.isin tells which values occur, and np.unique keeps their derivatives"

REFUSED: Mapping[Any, str] = MappingProxyType(
    {
        **dict.fromkeys((np.copyto, np.place, np.put, np.put_along_axis, np.putmask), _CHANGED),
        **dict.fromkeys(_OF_FOURIER, _FOURIER),
        **dict.fromkeys((np.histogram, np.histogram2d, np.histogramdd), _HISTOGRAM),
        **dict.fromkeys((np.intersect1d, np.setdiff1d, np.setxor1d, np.union1d), _SETS),
        **dict.fromkeys((np.may_share_memory, np.shares_memory), _MEMORY),
        **dict.fromkeys((np.packbits, np.unpackbits), _PACKED),
        **dict.fromkeys((np.save, np.savetxt, np.savez, np.savez_compressed), _KEPT),
        **dict.fromkeys(
            (np.tril_indices_from, np.triu_indices_from, np.diag_indices_from),
            "give the size: np.tril_indices(len(x)), np.triu_indices, np.diag_indices",
        ),
        **dict.fromkeys(
            (np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values),
            "use np.unique, with return_inverse=True or return_counts=True",
        ),
        np.apply_over_axes: "call the function with axis=(0, 1)",
        np.fill_diagonal: "use np.where(np.eye(n, dtype=bool), value, a), which gives a new value",
        np.histogram_bin_edges: "use np.linspace(np.min(x), np.max(x), bins + 1)",
        np.ix_: "write the index out: a[i[:, None], j]",
        np.linalg.eig: "use np.linalg.eigh of a symmetric matrix; other eigenvalues may be complex",
        np.linalg.eigvals: "use np.linalg.eigvalsh of a symmetric matrix; others may be complex",
        np.poly: "multiply the factors by np.polymul",
        np.polydiv: "np.polyval(p, x) / np.polyval(q, x) is the value of the quotient",
        np.polyfit: "use np.linalg.lstsq(np.vander(x, degree + 1), y)[0]",
        np.roots: "a root may be complex: make it a parameter, and np.polyval(p, root) a residual",
        np.sort_complex: "use np.sort",
        np.trim_zeros: "cut it where you know that zeros are: x[1:-1]",
    }
)
