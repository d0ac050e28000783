"""What is written in a config, as names and as expressions."""

from __future__ import annotations

from keyword import iskeyword

from optserve.config.expressions import Expression, Text, parse_expression, parse_signature
from optserve.config.nodes import Node, ScalarNode
from optserve.config.traps import refuse_comment_inside
from optserve.errors import ConfigError

__all__ = ["before_brackets", "name_of", "parsed", "text_of"]


def parsed(node: Node, *, texts: bool = False) -> Expression:
    """The checked tree of an expression of the config, in which ``texts`` may be compared."""
    assert isinstance(node, ScalarNode)
    refuse_comment_inside(node)
    return parse_expression(text_of(node), texts=texts)


def name_of(key: ScalarNode, *, dotted: bool = True) -> str:
    """The name that ``key`` declares, where names of values stand."""
    if iskeyword(key.text):
        raise ConfigError(
            f"'{key.text}' is a word of Python, and no name",
            place=key.place,
            expected="a name",
            remedy=f"write '{key.text}_'",
            code="wrong-name",
        )
    if key.text[:1].isdigit():
        raise ConfigError(
            f"'{key.text}' begins with a digit, and no name does",
            place=key.place,
            expected="a name: a letter or `_`, then letters, digits and `_`",
            remedy=f"write 'p{key.text}'" if f"p{key.text}".isidentifier() else "",
            code="wrong-name",
        )
    signature = parse_signature(text_of(key))
    if signature.parameters is not None:
        raise ConfigError(
            f"'{signature}' is not the name of a value",
            place=key.place,
            expected="a name",
            code="wrong-name",
        )
    if not dotted and "." in signature.name:
        raise ConfigError(
            f"'{signature.name}' has a dot",
            place=key.place,
            expected="a name without dots",
            code="wrong-name",
        )
    return signature.name


def before_brackets(key: str) -> str:
    """The name that a key declares, whatever is wrong behind it."""
    return key.partition("(")[0].strip()


def text_of(scalar: ScalarNode) -> Text:
    """The text of a scalar, which knows where each part of it is written."""
    return Text(scalar.text, scalar.pieces())
