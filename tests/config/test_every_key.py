"""Every key of the config language has a test of its meaning and one of its misuse.

``keys.yaml`` names them, key by key; it lists the keys that the models of the schema have, no more
and no less. That a key refuses what it does not hold, with its place, is tried here for each.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import optserve
from optserve.errors import OptserveError
from tests.docs.keys import SECTIONS

TESTS = Path(__file__).resolve().parents[1]
NAMED: dict[str, dict[str, str]] = YAML(typ="safe").load(
    Path(__file__).with_name("keys.yaml").read_text(encoding="utf-8")
)
KEYS = [
    f"{path}.{field.alias or name}" if path else field.alias or name
    for path, section in SECTIONS
    for name, field in section.model_fields.items()
]
WRONG = [[{"nonsense": 1}]]
"""What no key holds: a list of a list of a mapping."""


@cache
def functions_of(file: str) -> frozenset[str]:
    """The names of the functions of a file of tests."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))


def test_all_keys_are_listed() -> None:
    assert sorted(NAMED) == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_its_tests_are_there(key: str) -> None:
    assert NAMED[key].keys() <= {"meaning", "misuse"}
    assert "meaning" in NAMED[key]
    for named in NAMED[key].values():
        file, _, name = named.partition("::")
        assert name in functions_of(file), named


@pytest.mark.parametrize("key", KEYS)
def test_it_refuses_what_it_does_not_hold(key: str) -> None:
    names = key.replace("NAME", "p").replace("PATH", "loss").split(".")
    config: dict[str, Any] = {"version": 1, "parameters": {"p": {"init": 1.0}}, "loss": "p**2"}
    if names[0] in ("least_squares", "log_likelihood"):
        del config["loss"]
    inner = config
    for name in names[:-1]:
        inner = inner.setdefault(name, {})
    inner[names[-1]] = WRONG
    with pytest.raises(OptserveError) as raised:
        optserve.load(config)
    errors = getattr(raised.value, "errors", [raised.value])
    assert any(error.place and error.place.path.startswith(".".join(names)) for error in errors)
    assert any(error.expected or error.remedy for error in errors)


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("subject_to", {"subject_to": ["b <= 3"]}),
        ("by", {"by": "group"}),
        ("shared", {"shared": ["b"]}),
        ("checkpoint", {"checkpoint": {"seconds": 30}}),
        ("distribute", {"distribute": "dask"}),
        ("random", {"parameters": {"b": {"random": {"normal": {"std": 1}}}}}),
        ("l1", {"parameters": {"b": {"init": 1, "penalty": {"l1": 1}}}}),
        ("constraint", {"stop": {"constraint": 1e-8}}),
        ("sample", {"starts": {"sample": "sobol"}}),
        ("covariance", {"least_squares": {"observed": 1, "predicted": "b", "covariance": "C"}}),
        ("errors_in", {"least_squares": {"observed": 1, "predicted": "b", "errors_in": {"x": 1}}}),
        ("robust", {"least_squares": {"observed": 1, "predicted": "b", "robust": "huber"}}),
    ],
)
def test_what_the_language_does_not_do_yet_is_refused_by_name(
    key: str, more: dict[str, Any]
) -> None:
    config = {"version": 1, "parameters": {"b": 1}, "loss": "b**2", **more}
    if "least_squares" in more:
        del config["loss"]
    with pytest.raises(OptserveError, match=f"`{key}` is not supported yet"):
        optserve.load(config)
