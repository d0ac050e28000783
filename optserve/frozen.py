"""``frozen``: classes whose fields are set once, declared as dataclasses are and made much faster.

``dataclasses`` writes and compiles the text of five methods for every class, a millisecond each:
a third of the time that a small job takes to start. Here all classes share the same methods, and
type checkers see them as dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

__all__ = ["as_tree", "factory", "fields_of", "frozen", "replace"]

T = TypeVar("T")


class _Factory:
    """A default that is made anew for each instance."""

    __slots__ = ("default_factory",)

    def __init__(self, default_factory: Callable[[], Any]) -> None:
        self.default_factory = default_factory


def factory(*, default_factory: Callable[[], Any]) -> Any:
    """The default of a field that every instance has its own of, such as ``dict``."""
    return _Factory(default_factory)


@overload
def frozen(cls: type[T]) -> type[T]: ...
@overload
def frozen(
    *, eq: bool = True, kw_only: bool = False, repr: bool = True
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(factory,))
def frozen(
    cls: type[T] | None = None, *, eq: bool = True, kw_only: bool = False, repr: bool = True
) -> Any:
    """A class of values: fields from annotations, in order; equal where type and fields are.

    With ``eq=False`` an instance equals only itself. ``__post_init__`` is called where there is
    one.

    >>> @frozen
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(1.0) == Point(1.0, 0.0)
    (Point(x=1.0, y=0.0), True)
    """

    def made(cls: type[T]) -> type[T]:
        inherited: tuple[str, ...] = getattr(cls, "__fields__", ())
        own = [name for name, kind in _annotations(cls).items() if not kind.startswith("ClassVar")]
        fields = (*inherited, *(name for name in own if name not in inherited))
        namespace: dict[str, Any] = {
            "__fields__": fields,
            "__match_args__": fields,
            "_defaults": {name: getattr(cls, name) for name in fields if hasattr(cls, name)},
            "_positional": 0 if kw_only else len(fields),
            "__init__": _init,
            "__setattr__": _refuse,
            "__delattr__": _refuse,
        }
        if eq:
            namespace |= {"__eq__": _eq, "__hash__": _hash}
        if repr and "__repr__" not in cls.__dict__:
            namespace["__repr__"] = _repr
        for name, value in namespace.items():
            setattr(cls, name, value)
        return cls

    return made if cls is None else made(cls)


def replace(value: T, **changes: Any) -> T:
    """``value`` with some fields changed.

    >>> @frozen
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> replace(Point(1.0), y=2.0)
    Point(x=1.0, y=2.0)
    """
    fields: tuple[str, ...] = value.__fields__  # type: ignore[attr-defined]
    kept = {name: getattr(value, name) for name in fields if name not in changes}
    return type(value)(**kept, **changes)


def fields_of(cls: type) -> tuple[str, ...]:
    """The names of the fields of a frozen class, in order."""
    names: tuple[str, ...] = cls.__fields__  # type: ignore[attr-defined]
    return names


def as_tree(value: Any) -> Any:
    """``value`` with frozen classes as mappings, and tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {key: as_tree(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_tree(entry) for entry in value]
    fields = getattr(type(value), "__fields__", None)
    if fields is None:
        return value
    return {name: as_tree(getattr(value, name)) for name in fields}


def _annotations(cls: type) -> dict[str, str]:
    own = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - inspect takes its time
    return {name: str(kind) for name, kind in own.items()}


def _init(self: Any, *values: Any, **named: Any) -> None:
    fields: tuple[str, ...] = self.__fields__
    own = self.__dict__
    if len(values) > self._positional:
        raise TypeError(
            f"{type(self).__name__}() takes {self._positional} positional arguments, "
            f"got {len(values)}"
        )
    own.update(zip(fields, values, strict=False))
    for name in named:
        if name in own or name not in fields:
            problem = "got twice" if name in own else "does not take"
            raise TypeError(f"{type(self).__name__}() {problem} the argument '{name}'")
    own.update(named)
    if len(own) < len(fields):
        defaults = self._defaults
        for name in fields:
            if name in own:
                continue
            if name not in defaults:
                raise TypeError(f"{type(self).__name__}() is missing the argument '{name}'")
            value = defaults[name]
            own[name] = value.default_factory() if type(value) is _Factory else value
    post_init = getattr(self, "__post_init__", None)
    if post_init is not None:
        post_init()


def _refuse(self: Any, name: str, *_value: Any) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} is set once")


def _values(value: Any) -> tuple[Any, ...]:
    own = value.__dict__
    return tuple([own[name] for name in value.__fields__])


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__fields__)
    return f"{type(self).__qualname__}({shown})"
