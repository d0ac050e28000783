from __future__ import annotations

from pathlib import Path

import pytest

from optserve.config.nodes import MappingNode, plain
from optserve.config.overrides import apply
from optserve.config.parse_yaml import parse
from optserve.config.source import Source
from optserve.errors import ConfigError

CONFIG = """\
parameters: {net.W: 3, b: {init: 1}}
expect: {parameters.b: {near: 1}}
starts: {points: [{b: 1}, {b: 2}]}
"""


def applied(*overrides: str) -> object:
    tree = parse(Source("fit.yaml", CONFIG))
    assert isinstance(tree, MappingNode)
    return plain(apply(tree, overrides, Path()))


def changed(**changes: object) -> object:
    tree = plain(parse(Source("fit.yaml", CONFIG)))
    assert isinstance(tree, dict)
    return tree | changes


def test_the_longest_literal_key_wins() -> None:
    parameters = {"net.W": [1, 2], "b": {"init": 1}}
    assert applied("parameters.net.W=[1, 2]") == changed(parameters=parameters)
    assert applied("expect.parameters.b.near=2") == changed(expect={"parameters.b": {"near": 2}})


def test_values_are_yaml_and_replace_what_was_there() -> None:
    assert applied("parameters.b={fixed: true}") == changed(
        parameters={"net.W": 3, "b": {"fixed": True}}
    )
    assert applied("name=a=b") == changed(name="a=b")
    assert applied("loss=sum(x[0]) # not") == changed(loss="sum(x[0])")


def test_keys_that_are_not_there_are_made() -> None:
    assert applied("stop.steps=5", "seed=1") == changed(stop={"steps": 5}, seed=1)


def test_entries_of_lists_are_indexed() -> None:
    points = [{"b": 1}, {"b": 7}]
    assert applied("starts.points[1].b=7") == changed(starts={"points": points})


@pytest.mark.parametrize("null", ["null", "~"])
def test_null_removes_a_key(null: str) -> None:
    assert applied(f"parameters.b={null}") == changed(parameters={"net.W": 3})
    assert applied(f"nothing={null}") == changed()


def test_what_is_declared_anew_begins_with_a_plus() -> None:
    made = {"net.W": 3, "b": {"init": 1}, "net.V": {"init": 2}}
    assert applied("+parameters.net.V.init=2") == changed(parameters=made)
    expect = {"parameters.b": {"near": 1}, "parameters.net.W[0]": {"max": 4}}
    assert applied("+expect.parameters.net.W[0].max=4") == changed(expect=expect)
    assert applied("+metrics.acc=mean(x)") == changed(metrics={"acc": "mean(x)"})


def test_later_overrides_come_after_earlier_ones() -> None:
    assert applied("seed=1", "seed=2") == changed(seed=2)


def test_places_are_those_of_the_command_line() -> None:
    tree = parse(Source("fit.yaml", CONFIG))
    assert isinstance(tree, MappingNode)
    tree = apply(tree, ["seed=1", "stop.steps=9"], Path())
    stop = tree.entries["stop"].value
    assert isinstance(stop, MappingNode)
    entry = stop.entries["steps"]
    assert str(entry.key.place) == "--set:2:6"
    assert (str(entry.value.place), entry.value.path) == ("--set:2:12", "stop.steps")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("starts.points[2].b=7", "has 2 entries"),
        ("parameters.net.W.init=3", "is the number 3"),
        ("starts.points.b=3", "is a list"),
        ("seed", "no `key=value`"),
        ("=1", "no `key=value`"),
        ("seed=*a", "anchors"),
        ("parameters.c=1", "no parameter `c`"),
        ("parameters.c=null", "no parameter `c`"),
        ("parameters.net.V.init=1", "no parameter `net.V.init`"),
        ("expect.loss.max=1", "no expectation `loss.max`"),
        ("metrics.acc=1", "no metric `acc`"),
        ("define.f(x)=x", r"no value or function of `define` `f\(x\)`"),
        ("+parameters.b=1", "is there already"),
        ("+stop.steps", "no `key=value`"),
        ("+=1", "no `key=value`"),
        ("expect.parameters.b=", "nothing after `expect.parameters.b=`"),
        ("expect= ", "nothing after `expect=`"),
        ("expect=# a comment", "nothing after `expect=`"),
        ("stop..steps=5", "`stop..steps` has an empty part"),
        (".stop=5", "`.stop` has an empty part"),
        ("stop.=5", "`stop.` has an empty part"),
        ("extends=other.yaml", "`extends` is read before"),
        ("+extends=other.yaml", "`extends` is read before"),
    ],
)
def test_what_cannot_be_set_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        applied(override)
