"""Models of pydantic from nodes: values, defaults, places, and errors with their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt
from pydantic import Field, Strict, Tag, ValidationError, create_model

from optserve.config.nodes import Node
from optserve.config.parse_yaml import parse
from optserve.config.schema.config import Config
from optserve.config.schema.parameter import Parameter
from optserve.config.schema.section import ByKind, Listed, Section
from optserve.config.schema.validation import validated
from optserve.config.source import Source
from optserve.errors import ConfigError, ConfigErrors


class Inner(Section):
    """Something small."""

    sugar: ClassVar[str] = "size"
    later: ClassVar[Mapping[str, str]] = {"colour": ""}

    size: Annotated[int, Ge(1)]
    as_: Annotated[Literal["a", "b"], Field(alias="as")] = "a"


Short = Annotated[
    Annotated[Annotated[int, Ge(1)], Tag("number")] | Annotated[Inner, Tag("mapping")], ByKind
]


class Outer(Section):
    """Something larger."""

    inner: Short
    several: dict[str, Short] = Field(default_factory=dict)
    pair: Annotated[tuple[float | None, float | None], Strict(False)] = (None, None)


def node(text: str) -> Node:
    return parse(Source("fit.yaml", text))


def value(text: str, annotation: Any) -> Any:
    """The value that the YAML ``text`` has where ``annotation`` says what it is."""
    model: Any = create_model("One", __base__=Section, one=(annotation, ...))
    return validated(model, node(f"one: {text}")).one


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("1", float, 1.0),
        ("1", int, 1),
        ("x", str, "x"),
        ("true", bool, True),
        ("b", Literal["a", "b"], "b"),
        ("[1, 2.5]", Listed[float], (1.0, 2.5)),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, null]", Annotated[tuple[float | None, float | None], Strict(False)], (1.0, None)),
        ("[null]", Listed[int | None], (None,)),
        ("{a: 1}", dict[str, int], {"a": 1}),
        ("0", Annotated[int, Ge(0)], 0),
        ("5", Annotated[int, Ge(0)] | None, 5),
    ],
)
def test_values_are_of_their_annotation(text: str, annotation: Any, expected: object) -> None:
    found = value(text, annotation)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("true", float),
        ("true", int),
        ("1", bool),
        ("1.5", int),
        ("1", str),
        ("c", Literal["a", "b"]),
        ("[1]", Annotated[tuple[float, float], Strict(False)]),
        ("[1, 2, 3]", Annotated[tuple[float, float], Strict(False)]),
        ("[a]", Listed[int]),
        ("{a: x}", dict[str, int]),
        ("-1", Annotated[int, Ge(0)]),
        ("0", Annotated[float, Gt(0)]),
        ("{a: 1}", float),
        ("~", float),
        ("[1]", float | str),  # a union of a plugin's, which has no tags
        ("{a: {b: 1}}", dict[str, dict[str, int | str] | None] | Literal[2]),
    ],
)
def test_what_does_not_fit_is_refused(text: str, annotation: Any) -> None:
    if annotation == dict[str, dict[str, int | str] | None] | Literal[2]:
        assert value(text, annotation) == {"a": {"b": 1}}
        text = "{a: {b: []}}"
    with pytest.raises(ConfigError) as caught:
        value(text, annotation)
    assert caught.value.place is not None
    assert caught.value.expected


def test_a_section_has_its_defaults_and_its_places() -> None:
    outer = validated(Outer, node("{inner: {size: 3, as: b}, pair: [1, null]}"))
    assert isinstance(outer.inner, Inner)
    assert (outer.inner.size, outer.inner.as_, outer.pair) == (3, "b", (1.0, None))
    assert outer.several == {}
    assert str(outer.place_of("pair")) == "fit.yaml:1:33"
    assert str(outer.inner.place_of("as")) == "fit.yaml:1:23"
    assert outer.place_of("several") == outer.place
    with pytest.raises(ValidationError, match="frozen"):
        outer.pair = (0.0, 0.0)


def test_a_short_form_is_kept_as_it_is_written() -> None:
    outer = validated(Outer, node("{inner: 3, several: {a: 4, b: {size: 5}}}"))
    assert outer.inner == 3
    in_full = Inner.in_full(outer.inner, outer.node_of("inner"))
    assert (in_full.size, in_full.as_, str(in_full.place)) == (3, "a", "fit.yaml:1:9")
    assert outer.several["a"] == 4
    assert isinstance(outer.several["b"], Inner)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{inner: {size: 1, hue: 2}}", "no key `hue`"),
        ("{inner: {size: 1, as_: b}}", "no key `as_`"),
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
        validated(Outer, node(text))


@pytest.mark.parametrize("name", ["number", "mapping", "text", "size", "[key]", "0"])
def test_a_name_may_be_that_of_a_tag(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validated(Outer, node(f"{{inner: 1, several: {{'{name}': {{size: 0}}}}}}"))
    assert caught.value.message == f"`several.{name}.size` is the number 0"
    with pytest.raises(ConfigError, match="is the number 0"):
        validated(Outer, node(f"{{inner: 1, several: {{'{name}': 0}}}}"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = (
        "version: 2\nparameters: {b: {init: true, bound: [0, 1]}}\nloss: [b]\n"
        "stop: {steps: many}\noptimiser: adam\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        validated(Config, node(text))
    assert [str(error.place) for error in caught.value.errors] == [
        "fit.yaml:1:10",
        "fit.yaml:2:24",
        "fit.yaml:2:30",
        "fit.yaml:3:7",
        "fit.yaml:4:15",
        "fit.yaml:5:1",
    ]
    assert caught.value.block().count("expected: ") == 6


@pytest.mark.parametrize("version", ["true", "1.0", "'1'", "null", "2"])
def test_there_is_one_version(version: str) -> None:
    with pytest.raises(ConfigError, match="`version` is"):
        validated(Config, node(f"{{version: {version}, parameters: {{b: 1}}, loss: b}}"))


def test_models_are_written_in_python_too() -> None:
    config = Config(version=1, parameters={"b": Parameter(init=250, bounds=(0, None))}, loss="b**2")
    assert config.parameters["b"] == Parameter(init=250.0, bounds=(0.0, None))
    assert Config(version=1, parameters={"b": 250}, loss="b").parameters == {"b": 250.0}
    with pytest.raises(ValidationError, match="finite number"):
        Parameter(init=float("inf"))
    with pytest.raises(ValidationError, match="there are 2 losses"):
        Config(version=1, parameters={"b": 1}, loss="b", log_likelihood="b")
