"""Whatever bytes a config holds, loading it gives a problem or an ``OptserveError``, soon."""

from __future__ import annotations

import contextlib
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optserve.config import load
from optserve.errors import OptserveError
from optserve.registry import Registry

VALID = """\
version: 1
name: fit
seed: 0
data:
  read: d.csv
  columns: {x: x, Y: {take: "0:2", standardize: true}, g: {take: site, as: category}}
  where: (x > 0) & (g < 9)
  missing: drop
  derive: {xc: x - mean(x)}
  split: {test: 0.4, seed: 1}
minibatch: {rows: 2, shuffle: false}
parameters:
  b: {init: 1.5, bounds: [0, null], transform: log, penalty: {l2: 0.1}}
  W: {shape: ["Y.shape[1]", 2], init: {normal: {std: 0.1}}}
define:
  line(t): b * t + 1
  step(s, t): {half: s / 2, return: half + t}
  squash: {compose: [reciprocal, {add: 1}, exp]}
  mu: >-
    line(x) +
    sum(Y @ W, axis=1)
least_squares: {observed: x, predicted: mu, sigma: 2}
optimizer: {clip: 1.0, adam: {learning_rate: {cosine: {start: 0.1}}}}
stop: {gradient: 1.0e-8, epochs: 3, plateau: {metric: metrics.test.m, mode: max}}
metrics: {m: mean(xc * b)}
starts: {points: [{b: 2}]}
expect: {loss: {max: 2}, parameters.b: {near: 1, rel: 0.5}}
"""

# Pieces of YAML, of the language, and of trouble.
PIECES = [
    *(": ", "- ", "{", "}", "[", "]", ", ", "\n", "\n  ", "'", '"', "#", " #", "&a ", "*a", "!t "),
    *("|", ">", "?", "%", "@", "`", "~", "null", "true", "1", "-1", "0", "1e999", ".nan"),
    *("x", "b", "Y", "mu", "f(x)", "sum(", "**", "..", "a.b", "\t", "\0", "\ufeff", "\u2028"),
    *("version", "data", "read", "../d.csv", "inline", "extends: fit.yaml", "compose", "return"),
    *("\\", "<<: ", "---", "...", "\r", "\x85", "\U0001f600", "\ud800", "e\u0301", "lambda"),
    *("[" * 50, "9" * 400),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "d.csv").write_text("x,y,site\n1,2,a\n2,4,b\n3,7,a\n")
    return folder


def survives(folder: Path, registry: Registry, content: bytes) -> None:
    path = folder / "fit.yaml"
    path.write_bytes(content)
    start = time.perf_counter()
    with warnings.catch_warnings(), contextlib.suppress(OptserveError):
        warnings.simplefilter("error")
        load(path, registry=registry)
    assert time.perf_counter() - start < 5.0


fuzzed = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_the_valid_config_is_valid(folder: Path, registry: Registry) -> None:
    (folder / "fit.yaml").write_text(VALID)
    assert load(folder / "fit.yaml", registry=registry).rows_used == 3


@fuzzed
@given(st.binary(max_size=200))
def test_random_bytes(folder: Path, registry: Registry, content: bytes) -> None:
    survives(folder, registry, content)


@fuzzed
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_random_pieces(folder: Path, registry: Registry, pieces: list[str]) -> None:
    survives(folder, registry, "".join(pieces).encode("utf-8", "surrogatepass"))


@fuzzed
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(VALID)), st.integers(0, 12), st.sampled_from([*PIECES, "", ""])
        ),
        min_size=1,
        max_size=3,
    )
)
def test_mutations_of_a_valid_config(
    folder: Path, registry: Registry, edits: list[tuple[int, int, str]]
) -> None:
    text = VALID
    for start, length, piece in edits:
        text = text[:start] + piece + text[start + length :]
    survives(folder, registry, text.encode("utf-8", "surrogatepass"))


@fuzzed
@given(st.lists(st.integers(0, VALID.count("\n") - 1), min_size=1, max_size=8))
def test_lines_shuffled_and_lost(folder: Path, registry: Registry, kept: list[int]) -> None:
    lines = VALID.splitlines(keepends=True)
    survives(folder, registry, "".join(lines[at] for at in kept).encode())
    survives(folder, registry, ("version: 1\n" + "".join(lines[at] for at in kept)).encode())


@fuzzed
@given(st.lists(st.sampled_from([*PIECES, "=", "stop.steps=", "parameters.b="]), max_size=8))
def test_random_overrides(folder: Path, registry: Registry, pieces: list[str]) -> None:
    path = folder / "fit.yaml"
    path.write_text(VALID)
    with contextlib.suppress(OptserveError):
        load(path, registry=registry, overrides=["".join(pieces)])


@fuzzed
@given(st.binary(max_size=120))
def test_random_data(folder: Path, registry: Registry, content: bytes) -> None:
    (folder / "d.csv").write_bytes(content)
    try:
        survives(folder, registry, VALID.encode())
    finally:
        (folder / "d.csv").write_text("x,y,site\n1,2,a\n2,4,b\n3,7,a\n")
