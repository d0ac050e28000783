"""The forms of ``define``: an expression, a body of locals, a composition of functions."""

from __future__ import annotations

from typing import NamedTuple

from optserve.config.nodes import Entry, Mapping, Node, Scalar, Sequence
from optserve.config.schema.decode import unknown_key, wrong_kind
from optserve.config.schema.expression import Expression, Named
from optserve.errors import ConfigError

__all__ = ["Body", "Composition", "Definition", "Definitions", "Stage"]


class Body(NamedTuple):
    """Locals in order; the last of them is called ``return``."""

    locals: tuple[tuple[Scalar, Expression], ...]


class Stage(NamedTuple):
    """One function of a composition: ``exp``, or ``{add: 1}``, which is x + 1."""

    name: Scalar
    arguments: tuple[Expression, ...] = ()


class Composition(NamedTuple):
    """Functions applied one after another, outermost first unless ``innermost_first``."""

    stages: tuple[Stage, ...]
    innermost_first: bool


class Definition(NamedTuple):
    """A value or a function: ``key`` is ``mu`` or ``model(t, s)``."""

    key: Scalar
    body: Expression | Body | Composition


class Definitions(NamedTuple):
    """All of ``define``, in order."""

    definitions: tuple[Definition, ...] = ()

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "a mapping of names, or f(a, b), to expressions"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Mappings."""
        return isinstance(node, Mapping)

    @classmethod
    def from_node(cls, node: Node) -> Definitions:
        """Each entry of ``node`` in whichever form it has."""
        assert isinstance(node, Mapping)
        entries = node.entries.values()
        return cls(tuple(Definition(entry.key, _body(entry)) for entry in entries))


def _body(entry: Entry) -> Expression | Body | Composition:
    node = entry.value
    if not isinstance(node, Mapping):
        return Expression.from_node(node)
    if "return" in node:
        entries = node.entries.values()
        return Body(tuple((local.key, Expression.from_node(local.value)) for local in entries))
    for form in ("compose", "pipe"):
        if form in node:
            others = [other.key for other in node.entries.values() if other.key.text != form]
            if others:
                raise unknown_key(others[0], [form])
            return _composition(node.entries[form].value, innermost_first=form == "pipe")
    raise ConfigError(
        f"`{node.path}` is a mapping that does not say what it defines",
        place=entry.key.place,
        expected="an expression; locals that end in `return`; `{compose: [...]}`, `{pipe: [...]}`",
        remedy="quote an expression that holds `: ` or begins with `{`",
    )


def _composition(node: Node, *, innermost_first: bool) -> Composition:
    if not isinstance(node, Sequence):
        raise wrong_kind(node, "a list of functions")
    return Composition(tuple(_stage(item) for item in node), innermost_first)


def _stage(node: Node) -> Stage:
    named = Named.from_node(node)
    match named.options:
        case None:
            return Stage(named.key)
        case Sequence() as several:
            return Stage(named.key, tuple(Expression.from_node(item) for item in several))
        case single:
            return Stage(named.key, (Expression.from_node(single),))
