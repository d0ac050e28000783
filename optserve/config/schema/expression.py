"""What is written in the expression language, or names something with options."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import NamedTuple

from optserve.config import nodes
from optserve.config.nodes import Mapping, Node, Scalar, Sequence, kind_of
from optserve.config.schema.decode import wrong_kind
from optserve.config.traps import refuse_comment_inside
from optserve.errors import Place

__all__ = ["Expression", "Named"]


class Expression(NamedTuple):
    """An expression as written, not yet parsed."""

    written: Scalar

    @property
    def place(self) -> Place:
        return self.written.place

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "an expression"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Anything but null; ``from_node`` explains what cannot be one."""
        return not isinstance(node, Scalar) or node.value is not None

    @classmethod
    def from_node(cls, node: Node) -> Expression:
        """The expression in ``node``; refuses what YAML took apart or reads as something else."""
        if isinstance(node, Scalar) and type(node.value) in (str, int, float):
            refuse_comment_inside(node)
            return cls(node)
        raise wrong_kind(node, cls.describe(), _trap(node))


def _trap(node: Node) -> str:
    if isinstance(node, Sequence):
        return "quote an expression that begins with `[` or `-`"
    if isinstance(node, nodes.Mapping):
        return "quote an expression that holds `: ` or begins with `{`"
    return "write 1 or 0" if node.value is not None else "write it after the `:`"


class Named(NamedTuple):
    """Something that a name stands for, with its options: ``adam``, ``{normal: {std: 0.1}}``."""

    name: str
    key: Scalar
    options: Node | None = None

    @property
    def place(self) -> Place:
        return self.key.place

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "a name"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Texts, and mappings."""
        return isinstance(node, Mapping) or isinstance(getattr(node, "value", None), str)

    @classmethod
    def from_node(cls, node: Node) -> Named:
        """The name and its options in ``node``."""
        several = cls.several(node)
        if len(several) != 1:
            raise wrong_kind(node, cls.describe(), got=f"a mapping of {len(several)}")
        return several[0]

    @classmethod
    def several(cls, node: Node) -> tuple[Named, ...]:
        """Names and their options, in order."""
        if isinstance(node, Mapping):
            entries: MappingOf[str, nodes.Entry] = node.entries
            return tuple(cls(name, entry.key, entry.value) for name, entry in entries.items())
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return (cls(node.text, node),)
        raise wrong_kind(node, cls.describe(), got=kind_of(node))
