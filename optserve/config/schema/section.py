"""``Section``: a mapping of the config as a pydantic model, and the short forms of its values.

A short form (``250`` for ``{init: 250}``) is a branch of a union that is chosen by the kind of what
is written. The model holds what was written: nothing is put into another form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict, Discriminator, PrivateAttr, Strict, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from optserve.config.nodes import MappingEntry, MappingNode, Node, SequenceNode
from optserve.errors import Place
from optserve.registry.hookspecs import Kind

__all__ = [
    "ByKind",
    "ExpressionWritten",
    "Listed",
    "NamedWritten",
    "Nested",
    "Number",
    "Section",
    "Tolerance",
    "Words",
    "broken_rule",
    "installed",
    "kind",
]

T = TypeVar("T")


class Section(BaseModel):
    """A mapping of the config.

    ``sugar`` names the key that a short form stands for: ``b1: 250`` is ``b1: {init: 250}``.
    ``later`` names the keys that are part of the language and not built yet, and what to write
    until they are. A section that was read knows the node it was read from, and so where each of
    its keys is written.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        defer_build=True,
    )

    sugar: ClassVar[str] = ""
    later: ClassVar[Mapping[str, str]] = {}

    _node: Node | None = PrivateAttr(default=None)

    @classmethod
    def in_full(cls, written: Any, node: Node) -> Self:
        """``written``, which ``node`` holds, as a section where it is the short form of one."""
        if isinstance(written, cls):
            return written
        section = cls.model_construct(**{cls.sugar: written})
        section._node = node
        return section

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys, as they are written."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @property
    def place(self) -> Place | None:
        return self._node.place if self._node is not None else None

    def node_of(self, key: str) -> Node:
        """The value of ``key`` as it is written; the section itself where it is not."""
        assert self._node is not None, "a section that was not read from nodes"
        if isinstance(self._node, MappingNode) and key in self._node:
            return self._node.entries[key].value
        return self._node

    def place_of(self, key: str) -> Place | None:
        """Where the value of ``key`` is written; the place of the section where it is not."""
        return None if self._node is None else self.node_of(key).place

    def item_place(self, key: str, index: int) -> Place | None:
        """Where an item of a list is written, the value of ``key``."""
        if self._node is None:
            return None
        items = self.node_of(key)
        return (items.items[index] if isinstance(items, SequenceNode) else items).place

    def entries_of(self, key: str) -> Mapping[str, MappingEntry]:
        """The keys and values of the mapping that is the value of ``key``, as they are written."""
        inner = self.node_of(key)
        found = isinstance(inner, MappingNode) and inner is not self._node
        return inner.entries if found else {}  # type: ignore[union-attr]


def kind(value: Any) -> str:
    """What is written, in one word: the branch of a union by which it is read.

    >>> kind(250), kind("adam"), kind({"adam": {}})
    ('number', 'text', 'mapping')
    """
    match value:
        case bool():
            return "truth value"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
        case Mapping() | Section():
            return "mapping"
    return "nothing"


ByKind = Discriminator(kind)


class Words:
    """What a value may be, in the words of an error; ``unlike`` says what a mapping is instead."""

    def __init__(self, words: str, unlike: str = "") -> None:
        self.words = {"words": words, "unlike": unlike}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        schema = handler(source)
        schema["metadata"] = {**schema.get("metadata", {}), **self.words}
        return schema


def installed(kind: Kind, form: str, *also: str) -> WithJsonSchema:
    """The JSON Schema of a name of this kind, filled in with the names that are installed."""
    return WithJsonSchema({"installed": kind, "form": form, "also": also})


def broken_rule(
    message: str, key: str = "", expected: str = "", remedy: str = "", *, at_key: bool = False
) -> Exception:
    """The error for values that do not go together, told at the value of ``key``, or at the key."""
    told = {
        "message": message,
        "key": key,
        "expected": expected,
        "remedy": remedy,
        "at_key": at_key,
    }
    return PydanticCustomError("rule", "{message}", told)


Listed = Annotated[tuple[T, ...], Strict(False)]
"""A list or a tuple."""

Number = Annotated[int | float, Words("a number"), Tag("number")]
"""A number that stays whole where it is: ``x[1]`` is not ``x[1.0]``."""

ExpressionWritten = Annotated[Annotated[str, Tag("text")] | Number, ByKind, Words("an expression")]
"""What is written in the expression language."""

Nested = Annotated[float, Tag("number")] | Annotated[list[Any], Tag("list")]
"""A number, or a nested list of numbers."""

NamedWritten = Annotated[str, Tag("text")] | Annotated[dict[str, Any], Tag("mapping")]
"""A name, or a mapping of names to their options: ``adam``, ``{normal: {std: 0.1}}``."""

Tolerance = Annotated[float, Ge(0)]
