"""``held``: the options of a method are held to the limits that its signature states."""

from __future__ import annotations

import inspect
import math
import operator
import types
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin

from optserve.errors import ConfigError

__all__ = ["LIMITS", "held"]

P = ParamSpec("P")
R = TypeVar("R")

LIMITS = types.MappingProxyType(
    {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
)
"""The limits of a number in words, by the names that ``annotated_types`` and pydantic give them."""

_HOLDS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
_NOUNS = {int: "a whole number", float: "a number", bool: "true or false", type(None): "None"}


def held(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which raises ``ConfigError`` for an option beyond what its annotation allows.

    A config is held to the same annotations before; this is for calls from Python.

    >>> from annotated_types import Gt, Le
    >>> @held
    ... def decay(factor: Annotated[float, Gt(0), Le(1)] = 0.5) -> float:
    ...     return factor
    >>> decay(0.25)
    0.25
    >>> decay(2.0)
    Traceback (most recent call last):
    optserve.errors.ConfigError: decay: factor is 2.0
      expected: a number above 0 and of at most 1
      remedy: the default is 0.5
    """

    @wraps(function)
    def checked(*arguments: P.args, **options: P.kwargs) -> R:
        if arguments or options:
            signature = inspect.signature(function, eval_str=True)
            for name, value in signature.bind(*arguments, **options).arguments.items():
                parameter = signature.parameters[name]
                words = _broken(value, parameter.annotation)
                if words:
                    default = parameter.default is not parameter.empty
                    raise ConfigError(
                        f"{function.__name__}: {name} is {value!r}",
                        expected=words,
                        remedy=f"the default is {parameter.default}" if default else "",
                        code="wrong-value",
                    )
        return function(*arguments, **options)

    return checked


def _broken(value: Any, annotation: Any) -> str:
    """What ``annotation`` asks for, where ``value`` is something else; or nothing."""
    union = get_origin(annotation) in (Union, types.UnionType)
    members = get_args(annotation) if union else (annotation,)
    words = [_asked(value, member) for member in members]
    return "" if "" in words else " or ".join(words)


def _asked(value: Any, member: Any) -> str:
    """What one member of a union asks for, where ``value`` is something else; or nothing."""
    kind, *notes = get_args(member) if get_origin(member) is Annotated else (member,)
    limits = {name: getattr(note, name) for note in notes for name in LIMITS if hasattr(note, name)}
    number = type(value) is int or (type(value) is float and math.isfinite(value))
    right = number if kind is float else type(value) is kind
    if right and all(_HOLDS[name](value, limit) for name, limit in limits.items()):
        return ""
    noun = _NOUNS.get(kind, f"a {kind.__name__}")
    told = " and ".join(f"{LIMITS[name]} {limit:g}" for name, limit in limits.items())
    return f"{noun} {told}".rstrip()
