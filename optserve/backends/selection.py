"""Which backend a job uses, and why; ``auto`` decides from the graph and its sizes alone."""

from __future__ import annotations

from collections.abc import Mapping

from optserve.backends.base import Backend
from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError

__all__ = ["builtin_backends", "choose"]


def builtin_backends() -> tuple[Backend, ...]:
    """The backends that ship with optserve."""
    return (numpy_backend(),)


def choose(name: str, available: Mapping[str, Backend] | None = None) -> Backend:
    """The backend called ``name``; ``auto`` chooses.

    >>> choose("auto").name
    'numpy'
    """
    backends = available or {backend.name: backend for backend in builtin_backends()}
    if name == "auto":
        return backends["numpy"]
    if name not in backends:
        raise ConfigError(
            f"no backend '{name}'",
            expected=", ".join(["auto", *sorted(backends)]),
            remedy="install the plugin that provides it, or choose one of these",
        )
    return backends[name]
