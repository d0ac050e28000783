"""Where the text of a scalar stands: every character that is not blank is found in the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.config.nodes import MappingNode, ScalarNode, SequenceNode, plain, texts
from optserve.config.parse_yaml import parse
from optserve.config.source import Source

SCALARS = {
    "plain": "a: x + y # z",
    "plain over lines": "a: sum(x\n    + y)\n  # end\n",
    "quoted": "a: 'it''s  x'",
    "quoted over lines": "a: 'x +\n\n   y'",
    "double quotes": 'a: "x + y"',
    "folded": "a: >-\n  x +\n    y\n\n  - z\n",
    "folded with a comment": "a: >  # why\n   x +\n   y\n",
    "literal": "a: |\n  half: s\n   + t\n",
    "with windows line ends": "a: >-\r\n  x +\r\n  y\r\n",
    "with a backslash": "a: x \\ y",
    "quoted with a backslash": "a: 'x \\n y'",
    "in a list": "a: [f(x), 'y']",
}


def scalar_of(text: str) -> ScalarNode:
    tree = parse(Source("fit.yaml", text))
    assert isinstance(tree, MappingNode)
    node = tree.entries["a"].value
    while not isinstance(node, ScalarNode):
        node = next(iter(node))  # type: ignore[arg-type]
    return node


def character_at(scalar: ScalarNode, offset: int) -> str:
    """The character of the file where ``scalar.text[offset]`` is said to stand."""
    start, place = max(piece for piece in scalar.pieces() if piece[0] <= offset)
    return place.excerpt[place.column - 1 + offset - start]


def check_pieces(scalar: ScalarNode) -> None:
    for offset, character in enumerate(scalar.text):
        if not character.isspace():
            assert character_at(scalar, offset) == character


@pytest.mark.parametrize("text", SCALARS.values(), ids=SCALARS)
def test_every_character_is_found(text: str) -> None:
    scalar = scalar_of(text)
    assert len(scalar.text) > 2
    check_pieces(scalar)


def test_characters_after_an_escape_are_found() -> None:
    scalar = scalar_of('a: "x \\u00b1 y\\\n   z"')
    assert scalar.text == "x \u00b1 yz"
    assert character_at(scalar, 4) == "y"
    assert character_at(scalar, 5) == "z"
    assert scalar.pieces()[-1][1].line == 2


def test_an_empty_text_has_a_place() -> None:
    [(offset, place)] = scalar_of("a: ''").pieces()
    assert (offset, str(place)) == (0, "fit.yaml:1:4")


words = st.lists(st.text("xyz+*()'", min_size=1, max_size=4), min_size=1, max_size=8)


@given(words, st.lists(st.sampled_from([" ", "\n  ", "\n\n  ", "\n    "]), min_size=8, max_size=8))
def test_folded_and_literal_texts_keep_their_places(parts: list[str], blanks: list[str]) -> None:
    body = "".join(part + blank for part, blank in zip(parts, blanks, strict=False)).rstrip()
    for style in (">-", "|-", ">", "|"):
        check_pieces(scalar_of(f"a: {style}\n  {body}\nb: 1\n"))
    check_pieces(scalar_of("a: '" + body.replace("'", "''") + "'\nb: 1\n"))


def test_plain_and_texts() -> None:
    tree = parse(Source("fit.yaml", "{a: [1, {b: c}], d: null}"))
    assert plain(tree) == {"a": [1, {"b": "c"}], "d": None}
    assert texts(tree) == {"a", "1", "b", "c", "d", "null"}


def test_a_place_knows_its_key_path() -> None:
    tree = parse(Source("fit.yaml", "{a: [1, {b: c}]}"))
    assert isinstance(tree, MappingNode)
    items = tree.entries["a"].value
    assert isinstance(items, SequenceNode)
    inner = items.items[1]
    assert isinstance(inner, MappingNode)
    assert inner.entries["b"].value.place.path == "a[1].b"
