"""Places of expressions in plain, quoted, folded and literal scalars map back to the file."""

from __future__ import annotations

import pytest

from optserve.config.expressions import Text, parse_expression
from optserve.config.nodes import MappingNode, ScalarNode
from optserve.config.parse_yaml import parse as parse_yaml
from optserve.config.source import Source
from optserve.errors import ConfigError, Place

PLAIN = "loss: a + 2 b\n"
INDENTED = "define:\n  mu: a + 2 b\n"
SINGLE = "loss: 'a + 2 b'\n"
DOUBLE = 'loss: "a \\u002B 2 b"\n'
OVER_TWO_LINES = "loss: a\n  + 2 b\n"
FOLDED = "loss: >\n  a\n  + 2 b\n"
LITERAL = "loss: |\n  a + 2 b\n"
BRACKETED_LITERAL = "loss: |\n  (a\n    + 2 b)\n"
UNICODE = "loss: θ + 2 b\n"
FLOW = "define: {mu: a + 2 b}\n"


@pytest.mark.parametrize(
    "source",
    [
        PLAIN,
        INDENTED,
        SINGLE,
        DOUBLE,
        OVER_TWO_LINES,
        FOLDED,
        LITERAL,
        BRACKETED_LITERAL,
        UNICODE,
        FLOW,
    ],
)
def test_an_error_points_at_its_word_in_the_file(source: str) -> None:
    with pytest.raises(ConfigError, match="'b' follows '2'") as caught:
        parse_expression(text_of(source))
    place = caught.value.place
    assert place is not None
    lines = source.splitlines()
    row = next(i for i, line in enumerate(lines) if "2 b" in line)
    assert (place.line, place.column) == (row + 1, lines[row].index("2 b") + 3)
    assert place.excerpt[place.column - 1] == "b"


def test_a_caret_ends_with_its_line() -> None:
    parsed = parse_expression(text_of("loss: >\n  exp(a\n  + b)\n"))
    assert (parsed.place.line, parsed.place.column, parsed.place.width) == (2, 3, 5)


def test_a_caret_keeps_to_the_expression() -> None:
    text = Text.at("ab", Place("fit.yaml", 1, 7, excerpt="loss: ab  # comment"))
    assert text.place_at(1, 1).width == 1
    assert text.place_at(0, 99).width <= len("ab  # comment")


def text_of(source: str) -> Text:
    """The first scalar value in the YAML ``source``."""
    node = parse_yaml(Source("fit.yaml", source))
    while isinstance(node, MappingNode):
        node = next(iter(node.entries.values())).value
    assert isinstance(node, ScalarNode)
    return Text(node.text, node.pieces())
