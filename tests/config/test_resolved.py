"""The resolved config reads back as what it was made of."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.config import load
from optserve.config.nodes import plain
from optserve.config.parse_yaml import parse
from optserve.config.resolved import resolved_text
from optserve.config.source import Source

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = texts.map(lambda text: unicodedata.normalize("NFC", text))
scalars = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | texts
numbers = st.floats(allow_nan=False, allow_infinity=False)
trees = st.dictionaries(
    keys,
    st.recursive(
        scalars | numbers,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


@given(trees)
def test_what_is_written_reads_back(tree: dict[str, Any]) -> None:
    assert read(resolved(tree)) == {**tree, "seed": 3}


@pytest.mark.parametrize("key", ["null", "True", "FALSE", "~", "a: b", "#", "-", "1", "net.W"])
def test_keys_that_yaml_reads_otherwise(key: str) -> None:
    assert read(resolved({key: 1})) == {key: 1, "seed": 3}


def test_it_says_where_values_come_from_that_are_not_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\nparameters: {b: 1}\nstop: {steps: 9}\n")
    (tmp_path / "fit.yaml").write_text("extends: base.yaml\nloss: (b - 2)**2\n")
    overrides = ["stop.seconds=5", "precision=float32"]
    text = resolved_text(load(tmp_path / "fit.yaml", overrides=overrides, seed=4))
    lines = text.splitlines()
    assert f"  b: 1  # {tmp_path / 'base.yaml'}:2" in lines
    assert f"  steps: 9  # {tmp_path / 'base.yaml'}:3" in lines
    assert "  seconds: 5  # --set" in lines
    assert 'loss: "(b - 2)**2"' in lines
    assert "seed: 4  # --seed" in lines
    assert lines[-1] == "# left to defaults: backend: auto, optimizer: auto, uncertainty: auto"


def resolved(tree: dict[str, Any]) -> str:
    problem: Any = SimpleNamespace(metadata={"config": tree}, seed=3)
    return resolved_text(problem)


def read(text: str) -> object:
    return plain(parse(Source("resolved.yaml", text)))
