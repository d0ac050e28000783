"""The readers and initializers that ship with optserve, contributed through the plugins' hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optserve.config.initializers import (
    Initializer,
    fill,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    normal,
    ones,
    orthogonal,
    truncated_normal,
    uniform,
    zeros,
)
from optserve.registry.hookspecs import hookimpl
from optserve.tables.csv import csv, dat, tsv, txt
from optserve.tables.frame import Reader
from optserve.tables.npy import npy
from optserve.tables.npz import npz
from optserve.tables.parquet import parquet

__all__ = ["optserve_initializers", "optserve_readers"]


@hookimpl
def optserve_readers() -> Sequence[Callable[..., Reader]]:
    """Readers of files; the name is the suffix."""
    return [csv, tsv, txt, dat, parquet, npy, npz]


@hookimpl
def optserve_initializers() -> Sequence[Callable[..., Initializer]]:
    """Initial values."""
    return [
        zeros,
        ones,
        fill,
        normal,
        truncated_normal,
        uniform,
        orthogonal,
        glorot_uniform,
        glorot_normal,
        he_uniform,
        he_normal,
    ]
