"""NumPy's makers of arrays, which know traced values while a function is traced.

``np.array([a, b])`` asks no protocol: NumPy takes what it is given for numbers. So while a trace is
open the names in ``MADE`` stand in NumPy's module for functions that join traced values, and hand
everything else to NumPy's own. ADR 0035 says why.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from optserve.errors import TraceError
from optserve.graph.aval import is_traced

__all__ = ["MADE", "MAKERS", "Makers"]


def _asked_by_numpy() -> bool:
    """Whether the caller of a maker is NumPy itself, which expects an array."""
    caller: str = sys._getframe(2).f_globals.get("__name__", "")
    return caller.startswith("numpy.")


def _holds_traced(value: Any) -> bool:
    """Whether ``value`` is a traced value, or a list of such."""
    if isinstance(value, list | tuple):
        return any(map(_holds_traced, value))
    return is_traced(value)


def _joined(value: Any) -> Any:
    """Nested lists with traced values in them as one traced value."""
    if isinstance(value, list | tuple):
        parts = list(map(_joined, value))
        return np.stack(parts) if any(map(_holds_traced, parts)) else _ARRAY(value)
    return value if is_traced(value) else _ARRAY(value)


def _made(value: Any, dtype: Any = None, ndmin: int = 0) -> Any:
    joined = _joined(value)
    joined = joined if dtype is None else joined.astype(dtype)
    return joined[(None,) * (ndmin - joined.ndim)] if joined.ndim < ndmin else joined


def _array(object: Any, dtype: Any = None, *arguments: Any, ndmin: int = 0, **options: Any) -> Any:
    if not _holds_traced(object) or _asked_by_numpy():
        return _ARRAY(object, dtype, *arguments, ndmin=ndmin, **options)
    return _made(object, dtype, ndmin)


def _as_array(original: Callable[..., Any]) -> Callable[..., Any]:
    def converted(a: Any, dtype: Any = None, *arguments: Any, **options: Any) -> Any:
        if not _holds_traced(a) or _asked_by_numpy():
            return original(a, dtype, *arguments, **options)
        return _made(a, dtype)

    return converted


def _full(shape: Any, fill_value: Any, dtype: Any = None, *arguments: Any, **options: Any) -> Any:
    if not _holds_traced(fill_value):
        return _FULL(shape, fill_value, dtype, *arguments, **options)
    return np.broadcast_to(_made(fill_value, dtype), shape)


def _full_like(a: Any, fill_value: Any, dtype: Any = None, *rest: Any, **options: Any) -> Any:
    if _holds_traced(a) or not _holds_traced(fill_value):
        return _FULL_LIKE(a, fill_value, dtype, *rest, **options)
    wanted = _ARRAY(a).dtype if dtype is None else dtype
    return np.broadcast_to(_made(fill_value, wanted), options.get("shape", np.shape(a)))


class _Concatenator:
    """``np.r_`` or ``np.c_``, which joins along the first axis or columns along the last."""

    def __init__(self, original: Any, columns: bool) -> None:
        self.original = original
        self.columns = columns

    def __getitem__(self, key: Any) -> Any:
        entries = key if isinstance(key, tuple) else (key,)
        if not any(map(_holds_traced, entries)):
            return self.original[key]
        parts = []
        for entry in entries:
            if isinstance(entry, str):
                raise TraceError(
                    f"np.r_[{entry!r}, ...] is not defined on traced values",
                    remedy="use np.concatenate or np.stack",
                )
            part = self.original[entry] if isinstance(entry, slice) else _made(entry, ndmin=1)
            is_column = self.columns and np.ndim(part) == 1
            parts.append(np.reshape(part, (-1, 1)) if is_column else part)
        return np.concatenate(parts, axis=-1 if self.columns else 0)

    def __len__(self) -> int:
        return 0


_ARRAY, _FULL, _FULL_LIKE = np.array, np.full, np.full_like

MADE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "array": _array,
        "asarray": _as_array(np.asarray),
        "asanyarray": _as_array(np.asanyarray),
        "ascontiguousarray": _as_array(np.ascontiguousarray),
        "full": _full,
        "full_like": _full_like,
        "c_": _Concatenator(np.c_, columns=True),
        "r_": _Concatenator(np.r_, columns=False),
    }
)
"""What stands in NumPy's module while a trace is open."""


class Makers:
    """Lends ``MADE`` to NumPy's module while any trace is open, in whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._own = {name: getattr(np, name) for name in MADE}
        self._made = dict(MADE)  # of which a module takes its names quicker than of a view of it

    def lent(self) -> Makers:
        """While this is open the names stand for functions that know traced values.

        >>> own = np.array
        >>> with MAKERS.lent(), MAKERS.lent():
        ...     np.array is own
        False
        >>> np.array is own
        True
        """
        return self

    def __enter__(self) -> None:
        self._turn(1, self._made)

    def __exit__(self, *_error: object) -> None:
        self._turn(-1, self._own)

    def _turn(self, by: int, names: Mapping[str, Any]) -> None:
        with self._lock:
            before, self._open = self._open, self._open + by
            if 0 in (before, self._open):
                vars(np).update(names)


MAKERS: Final = Makers()
"""Those of this process."""
