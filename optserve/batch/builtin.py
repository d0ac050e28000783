"""The executors that ship with optserve, contributed through the hook of every plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from optserve.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from optserve.batch.executor import Executor

__all__ = ["dask", "optserve_executors"]


def dask(address: str = "", workers: int = 1) -> Executor:
    """Jobs run on the workers of the Dask scheduler at ``address``, such as ``tcp://host:8786``,
    or ``tls://host:8786`` with the certificates of Dask's configuration; where there is none, on
    so many ``workers``, processes of this machine."""
    from optserve.batch.on_dask import on_dask

    return on_dask(address, workers)


@hookimpl
def optserve_executors() -> Sequence[Callable[..., Executor]]:
    """Where ``--on NAME`` runs the jobs of a batch."""
    return [dask]
