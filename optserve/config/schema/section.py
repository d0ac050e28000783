"""``Section``: what the keys of a mapping mean, declared as annotations of a class.

The schema is made of plain classes and not of pydantic models: a config is decoded at every start,
and importing ``pydantic.BaseModel`` and building twenty models takes as long as everything else
that a small job does. The same declarations give the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, NoReturn, get_type_hints

from optserve.config import nodes
from optserve.config.nodes import Node
from optserve.errors import Place
from optserve.registry.hookspecs import Kind

__all__ = ["AtLeast", "Key", "NameOf", "Section", "keys_of"]


class Section:
    """Base of what a mapping of the config becomes, frozen; its annotations are the keys.

    The name of an attribute is the key, without a trailing underscore (``as_`` is ``as``). Its
    annotation says what the key holds, ``Annotated`` adds a sentence for the JSON Schema, and
    limits; its value is the default, and without one the key must be there.

    ``sugar`` names the key that stands for the whole: ``b1: 250`` is ``b1: {init: 250}``. ``later``
    names the keys that are part of the language and not built yet. ``rest`` says that further keys
    are kept, in ``options``, for somebody else to decode. ``node`` is what was decoded.
    """

    sugar: ClassVar[str] = ""
    later: ClassVar[tuple[str, ...]] = ()
    rest: ClassVar[bool] = False

    node: Node | None = None
    options: Mapping[str, nodes.Entry] = MappingProxyType({})

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} is frozen")

    @property
    def place(self) -> Place | None:
        return self.node.place if self.node is not None else None

    def place_of(self, key: str) -> Place | None:
        """Where the value of ``key`` is written; the place of the section where it is not."""
        if isinstance(self.node, nodes.Mapping) and key in self.node:
            return self.node.entries[key].value.place
        return self.place

    def keys_in(self, key: str) -> Mapping[str, nodes.Scalar]:
        """The keys of the mapping that is the value of ``key``, as they are written."""
        assert isinstance(self.node, nodes.Mapping)
        inner = self.node.entries[key].value if key in self.node else None
        entries = inner.entries if isinstance(inner, nodes.Mapping) else {}
        return {name: entry.key for name, entry in entries.items()}


class AtLeast(NamedTuple):
    """A lower limit of a number; ``above`` it where the limit itself is not allowed."""

    limit: float
    above: bool = False

    def holds(self, number: float) -> bool:
        return number > self.limit if self.above else number >= self.limit

    def __str__(self) -> str:
        return f"{'above' if self.above else 'of at least'} {self.limit:g}"


class NameOf(NamedTuple):
    """The text, or the ``Named``, names a contribution of this kind; for the JSON Schema."""

    kind: Kind
    also: tuple[str, ...] = ()


class Key(NamedTuple):
    """A key of a section: the attribute that holds it, its type, whether it must be there."""

    attribute: str
    annotation: Any
    required: bool


def keys_of(section: Any) -> Mapping[str, Key]:
    """The keys of a section, in the order declared."""
    return _keys_of(section)


@cache
def _keys_of(section: Any) -> Mapping[str, Key]:
    hints = get_type_hints(section, include_extras=True)
    return {
        name.removesuffix("_"): Key(name, annotation, not hasattr(section, name))
        for name, annotation in hints.items()
        if name not in Section.__annotations__
    }
