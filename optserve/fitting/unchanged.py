"""Whether a function does what it did before: by its code, and all the values that it reads.

A function that was traced once need not be traced again where nothing can have changed: where it
reads constants, NumPy, and functions of this kind. One that reads an array, a list or an object,
whose content may be another by now, is traced at every call.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Hashable, Iterator
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Unchanged", "unchanged"]

MODULES = frozenset({"math", "numpy", "numpy.linalg", "optserve", "scipy.special"})
"""Modules whose functions always do the same."""

BUILTINS = frozenset(
    {
        *("abs", "all", "any", "bool", "divmod", "enumerate", "float", "int", "isinstance", "len"),
        *("list", "map", "max", "min", "pow", "range", "reversed", "round", "sorted", "sum"),
        *("tuple", "zip"),
    }
)
"""Functions of Python's own that change nothing and ask nobody."""

CONSTANTS = frozenset({type(None), bool, int, float, complex, str, bytes})

ONCE = frozenset(
    {
        *("random", "datetime64", "lib", "ctypeslib", "DataSource"),
        *("load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap"),
    }
)
"""What modules hold that may give something else every time: drawn, asked or read from a file."""

WRITES = ("IMPORT_", "STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "DELETE_")
DEEPEST = 8
"""Functions that call functions."""


class Unchanged(NamedTuple):
    """What a function depends on: values, and objects that are told apart by identity. Two
    functions for which both are the same do the same."""

    values: Hashable
    objects: tuple[object, ...]


def unchanged(function: Any) -> Unchanged | None:
    """What ``function`` depends on; ``None`` where that may change unseen.

    >>> rate = 2.0
    >>> def model(x, a):
    ...     return a * np.exp(-rate * x)
    >>> def with_table(x, a, table=[1.0]):
    ...     return a * x + table[0]
    >>> model.__module__ = with_table.__module__ = "mine"
    >>> unchanged(model) == unchanged(model), unchanged(with_table) is None
    (True, True)
    """
    try:
        values, objects = zip(*_parts(function, DEEPEST), strict=True)
    except _UntoldError:
        return None
    return Unchanged(values, tuple(one for one in objects if one is not None))


class _UntoldError(Exception):
    """Something may change."""


def _parts(value: Any, deepest: int) -> Iterator[tuple[Hashable, object]]:
    """What a value is, each part as a hashable value or as an object with an identity."""
    if type(value) in CONSTANTS:
        yield (type(value), repr(value)), None
    elif isinstance(value, np.number):
        yield (type(value), value.tobytes()), None
    elif _is_of_library(value):
        yield "library", value
    elif type(value) is tuple:
        yield ("tuple", len(value)), None
        for one in value:
            yield from _parts(one, deepest)
    elif type(value) is FunctionType and deepest and not value.__dict__:
        yield from _of_function(value, deepest - 1)
    else:
        raise _UntoldError


def _of_function(function: FunctionType, deepest: int) -> Iterator[tuple[Hashable, object]]:
    reads = _reads(function.__code__)
    if reads is None or function.__kwdefaults__:
        raise _UntoldError
    yield "code", function.__code__
    yield from _parts(function.__defaults__, deepest)
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:
            raise _UntoldError from None
        yield from _parts(content, deepest)
    for name in reads.names:
        if name not in function.__globals__:
            if name not in BUILTINS:
                raise _UntoldError
            continue
        value = function.__globals__[name]
        yield from _parts(value, deepest)
        if isinstance(value, ModuleType):
            yield from _of_module(value, reads.attributes, deepest)


def _of_module(
    module: ModuleType, attributes: tuple[str, ...], deepest: int
) -> Iterator[tuple[Hashable, object]]:
    """What is read of a module: anybody may set an attribute of it."""
    for name in attributes:
        if hasattr(module, name):
            value = getattr(module, name)
            yield from _parts(value, deepest)
            if isinstance(value, ModuleType):
                yield from _of_module(value, attributes, deepest)


def _is_of_library(value: Any) -> bool:
    """Whether it is a module, or a function of one, that always does the same."""
    if isinstance(value, ModuleType):
        return value.__name__ in MODULES
    if isinstance(value, type):  # float64, dtype, ndarray
        return value.__module__ == "numpy"
    if getattr(value, "__name__", "") in ONCE:  # under another name
        return False
    if isinstance(value, BuiltinFunctionType):  # else of an object: a generator's, a list's
        return isinstance(value.__self__, ModuleType) and value.__self__.__name__ in MODULES
    home = str(getattr(value, "__module__", "")).partition(".")[0]
    if isinstance(value, FunctionType):  # one with a closure was made of another function
        return home in ("numpy", "optserve") and value.__closure__ is None
    if isinstance(value, np.ufunc):  # else of a Python function, by np.frompyfunc
        modules = (sys.modules.get(name) for name in MODULES)
        return any(getattr(one, value.__name__, None) is value for one in modules)
    return isinstance(value, type(np.dot))


class _Reads(NamedTuple):
    """The ``names`` of the globals that code reads, and all ``attributes`` of anything."""

    names: tuple[str, ...]
    attributes: tuple[str, ...]


@lru_cache(maxsize=256)
def _reads(code: CodeType) -> _Reads | None:
    """What it reads; ``None`` where it may change or ask for something beyond its arguments."""
    names: dict[str, None] = {}
    attributes: dict[str, None] = {}
    for one in dis.get_instructions(code):
        if one.opname.startswith(WRITES) or one.argval in ONCE:
            return None
        if one.opname == "STORE_DEREF" and one.argval in code.co_freevars:
            return None
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names[one.argval] = None
        elif one.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes[one.argval] = None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _reads(constant)
            if inner is None:
                return None
            names.update(dict.fromkeys(inner.names))
            attributes.update(dict.fromkeys(inner.attributes))
    return _Reads(tuple(names), tuple(attributes))
