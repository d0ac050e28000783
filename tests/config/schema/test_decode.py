from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest

from optserve.config.nodes import Node
from optserve.config.parse import parse
from optserve.config.schema.decode import decode, decode_section
from optserve.config.schema.section import AtLeast, Section
from optserve.config.source import Source
from optserve.errors import ConfigError


class Inner(Section):
    """Something small."""

    sugar: ClassVar[str] = "size"
    later: ClassVar[tuple[str, ...]] = ("colour",)

    size: Annotated[int, AtLeast(1)]
    as_: Literal["a", "b"] = "a"


class Outer(Section):
    """Something larger."""

    rest: ClassVar[bool] = True

    inner: Inner
    several: Mapping[str, Inner] = {}
    pair: tuple[float | None, float | None] = (None, None)


def node(text: str) -> Node:
    return parse(Source("fit.yaml", text))


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("1", float, 1.0),
        ("1", int, 1),
        ("x", str, "x"),
        ("true", bool, True),
        ("b", Literal["a", "b"], "b"),
        ("[1, 2.5]", tuple[float, ...], (1.0, 2.5)),
        ("[1, a]", tuple[int | str, ...], (1, "a")),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, null]", tuple[float | None, float | None], (1.0, None)),
        ("{a: 1}", Mapping[str, int], {"a": 1}),
        ("0", Annotated[int, AtLeast(0)], 0),
        ("5", Annotated[int, AtLeast(0)] | None, 5),
    ],
)
def test_values_are_decoded_by_their_annotation(text: str, annotation: Any, value: object) -> None:
    decoded = decode(node(text), annotation)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("true", float),
        ("true", int),
        ("1", bool),
        ("1.5", int),
        ("1", str),
        ("c", Literal["a", "b"]),
        ("[1]", tuple[float, float]),
        ("[a]", tuple[int, ...]),
        ("{a: x}", Mapping[str, int]),
        ("-1", Annotated[int, AtLeast(0)]),
        ("0", Annotated[float, AtLeast(0, above=True)]),
        ("{a: 1}", float),
        ("~", float),
    ],
)
def test_what_does_not_fit_is_refused(text: str, annotation: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(node(f" {text}"), annotation)
    assert caught.value.place is not None
    assert caught.value.expected


def test_null_stands_where_it_may() -> None:
    assert decode(parse(Source("fit.yaml", "[null]")), tuple[int | None, ...]) == (None,)


def test_a_section_has_its_defaults_and_its_places() -> None:
    outer = decode_section(node("{inner: {size: 3, as: b}, pair: [1, null], more: 7}"), Outer)
    assert (outer.inner.size, outer.inner.as_, outer.pair) == (3, "b", (1.0, None))
    assert (outer.several, list(outer.options)) == ({}, ["more"])
    assert str(outer.place_of("pair")) == "fit.yaml:1:33"
    assert outer.place_of("several") == outer.place
    with pytest.raises(AttributeError, match="frozen"):
        outer.pair = (0.0, 0.0)


def test_sugar_stands_for_the_whole() -> None:
    outer = decode_section(node("{inner: 3, several: {a: 4, b: {size: 5}}}"), Outer)
    assert outer.inner.size == 3
    assert [one.size for one in outer.several.values()] == [4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{inner: {size: 1, hue: 2}}", "no key `hue`"),
        ("{inner: {size: 1, colour: 2}}", "`colour` is not supported yet"),
        ("{inner: {as: a}}", "has no `size`"),
        ("{inner: {size: 0}}", r"`inner\.size` is the number 0"),
        ("{inner: 0}", "`inner` is the number 0"),
        ("{several: {}}", "has no `inner`"),
        ("[]", "is a list"),
    ],
)
def test_a_section_refuses_what_it_does_not_know(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        decode_section(node(text), Outer)


def test_what_only_the_caller_knows_is_decoded_by_the_caller() -> None:
    class Schedule:
        pass

    decoders = {Schedule: lambda node: (node.place.path, "decoded")}
    assert decode(node("0.5"), float | Schedule, decoders) == 0.5
    assert decode(node("{cosine: 1}"), float | Schedule, decoders) == ("", "decoded")
