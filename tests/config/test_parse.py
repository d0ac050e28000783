from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.config.nodes import MappingNode, ScalarNode, plain
from optserve.config.parse_yaml import MAX_DEPTH, parse
from optserve.config.source import Source
from optserve.errors import ConfigError

# What the core schema of YAML 1.2 (10.3.2) makes of a plain scalar.
CORE = {
    "null": None,
    "~": None,
    "": None,
    "true": True,
    "False": False,
    "0": 0,
    "-12": -12,
    "+12": 12,
    "012": 12,
    "0o17": 15,
    "0xFf": 255,
    "1.5": 1.5,
    "-.5": -0.5,
    "5.": 5.0,
    "1e3": 1000.0,
    "1.0E-3": 0.001,
    "yes": "yes",
    "off": "off",
    "y": "y",
    "1_000": "1_000",
    "0b1": "0b1",
    "1:30": "1:30",
    "2024-01-01": "2024-01-01",
    "0o8": "0o8",
    "nan": "nan",
    "inf": "inf",
    "1e": "1e",
    "--1": "--1",
    ".": ".",
    "<<": "<<",
    "\u0661": "\u0661",
}


def read(text: str) -> object:
    return plain(parse(Source("fit.yaml", text)))


@pytest.mark.parametrize(("written", "value"), CORE.items())
def test_plain_scalars_are_read_by_the_core_schema(written: str, value: object) -> None:
    result = read(f"a: {written}\n")
    assert result == {"a": value}
    assert isinstance(result, dict)
    assert type(result["a"]) is type(value)


@pytest.mark.parametrize("written", CORE)
def test_quoted_scalars_are_texts(written: str) -> None:
    assert read(f"a: '{written}'\n") == {"a": written}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_to_the_last_bit(number: float) -> None:
    assert read(f"a: {number!r}") == {"a": number}


@pytest.mark.parametrize("number", [".inf", "-.INF", "+.inf", ".nan", ".NaN", "1e999", "9" * 400])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    with pytest.raises(ConfigError, match="not finite"):
        read(f"a: {number}")


@pytest.mark.parametrize("literal", ["9" * 200_000, "0x" + "f" * 200_000, "0." + "9" * 200_000])
def test_a_huge_literal_takes_no_time(literal: str) -> None:
    start = time.perf_counter()
    for text in (f"a: {literal}", f"a: '{literal}'", f"{literal}: a"):
        try:
            read(text)
        except ConfigError:
            continue
    assert time.perf_counter() - start < 10.0  # it is converted in time linear in its length


def test_a_key_may_look_like_a_constant_of_yaml_1_1() -> None:
    assert read("{y: 1, n: 2, on: 3}") == {"y": 1, "n": 2, "on": 3}


def test_the_depth_is_limited() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    for text in ("[" * 40_000, "- " * 40_000, "{a: " * 40_000, "? " * 40_000):
        with pytest.raises(ConfigError):
            read(text)


def test_a_document_marker_is_allowed_once() -> None:
    assert read("---\na: 1\n...\n") == {"a": 1}
    assert read("%YAML 1.2\n---\na: 1\n") == {"a": 1}


def test_brackets_that_a_comma_cut_are_only_refused_inside_flow_collections() -> None:
    assert read("a: f(x, y)\nb: ['f(x', 'y)']\n") == {"a": "f(x, y)", "b": ["f(x", "y)"]}
    assert read("a: 1) first\n") == {"a": "1) first"}


def test_a_value_knows_how_it_was_written() -> None:
    tree = parse(Source("fit.yaml", "a: 1.50\nb: '1.50'\n"))
    assert isinstance(tree, MappingNode)
    first, second = (entry.value for entry in tree.entries.values())
    assert isinstance(first, ScalarNode)
    assert isinstance(second, ScalarNode)
    assert (first.text, first.value, first.style) == ("1.50", 1.5, "plain")
    assert (second.text, second.value, second.style) == ("1.50", "1.50", "quoted")
