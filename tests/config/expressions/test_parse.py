"""What parsing accepts, and what a parsed expression tells before it is built."""

from __future__ import annotations

import pytest

from optserve.config.expressions.tree import Call, Constant, Name, Operation, Prefix
from optserve.errors import ConfigError
from tests.config.expressions.workbench import parse


def test_names_and_calls_are_listed_without_building() -> None:
    parsed = parse("mean(cross_entropy(logits(X), low.label)) + sum * layer1.W.T[k, 0]")
    assert parsed.calls == {"mean", "cross_entropy", "logits"}
    assert parsed.names == {"X", "low.label", "sum", "layer1.W.T", "k"}


def test_a_function_passed_by_name_is_among_the_names() -> None:
    parsed = parse("scan(step, s0, arange(200))[1]")
    assert parsed.calls == {"scan", "arange"}
    assert parsed.names == {"step", "s0"}


def test_equal_texts_at_equal_places_are_equal_values() -> None:
    assert parse("a + f(b)[1:2]") == parse("a + f(b)[1:2]")
    assert hash(parse("a + f(b)[1:2]")) == hash(parse("a + f(b)[1:2]"))
    assert parse("a + b") != parse("a + b", line=2)


def test_a_long_sum_is_one_node() -> None:
    root = parse("+".join(["a"] * 1000)).root
    assert isinstance(root, Operation)
    assert len(root.steps) == 999


def test_precedence_is_that_of_python() -> None:
    root = parse("-a ** 2").root
    assert isinstance(root, Prefix)
    assert isinstance(root.operand, Operation)


@pytest.mark.parametrize(
    ("written", "value"),
    [("200", 200), ("1_000", 1000), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("0", 0)],
)
def test_numbers(written: str, value: float) -> None:
    root = parse(written).root
    assert isinstance(root, Constant)
    assert root.value == value
    assert type(root.value) is type(value)


def test_an_integer_beyond_exactness_is_a_float() -> None:
    root = parse("9007199254740993").root
    assert isinstance(root, Constant)
    assert isinstance(root.value, float)


def test_strings_truth_values_and_none_are_options() -> None:
    root = parse("einsum('ij->i', A, keep=True, axis=None)").root
    assert isinstance(root, Call)
    assert [name for name, _ in root.keywords] == ["keep", "axis"]


@pytest.mark.parametrize("name", ["θ", "\u03c3_x", "größe", "β1", "変数", "\u03b1"])
def test_names_in_other_alphabets(name: str) -> None:
    root = parse(name).root
    assert isinstance(root, Name)
    assert root.dotted == name


@pytest.mark.parametrize("written", ["  a + b", "a + b  ", "a + b\n", "(a\n + b)\n", "(a\r\n+ b)"])
def test_space_around_and_line_breaks_in_brackets(written: str) -> None:
    assert parse(written).names == {"a", "b"}


@pytest.mark.parametrize("levels", [60, 64])
def test_nesting_up_to_the_limit(levels: int) -> None:
    parse("(" * levels + "a" + ")" * levels)
    with pytest.raises(ConfigError, match="more than 64 levels"):
        parse("(" * 65 + "a" + ")" * 65)


def test_places_count_characters_where_letters_take_several_bytes() -> None:
    root = parse("θ*größe+exp(φ)").root
    assert isinstance(root, Operation)
    call = root.steps[-1].operand
    assert (call.place.column, call.place.width) == (9, 6)
