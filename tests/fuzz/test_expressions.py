"""Random expressions from the text of a config to numbers: against Python's reading of the text,
and on every backend against ``interpret``, with gradients.

A failure names the seed of its expression: ``written(seed)`` draws it again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.config import load
from optserve.errors import OptserveError
from optserve.graph.interpret import interpret
from optserve.jobs.problem import Problem
from optserve.registry import Registry
from optserve.registry import load as load_registry
from optserve.transforms.reverse import value_and_gradient_graph
from tests.fuzz.expressions import Written, evaluated, values, written
from tests.fuzz.rounding import difference

BACKENDS = (numpy_backend, llvm_backend)
EXPRESSIONS, BATCH = 300, 20
MANY = 5_000
SEED = 0
PARAMETERS = ("a", "c", "w")

HEAD = """\
version: 1
data:
  read: d.csv
  columns:
    x: x
    y: y
    k: {take: k, as: integer}
    b: {take: b, as: bool}
    X: {take: [X0, X1, X2]}
    K: {take: [K0, K1, K2], as: integer}
parameters: {a: 0.75, c: -0.4, w: [0.5, -1.25, 0.8]}
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the table that expressions are over."""
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path / "cache"))
    names = values(np.random.default_rng(SEED))
    columns: dict[str, Sequence[Any]] = {}
    for name, value in names.items():
        if name in PARAMETERS:
            continue
        if value.ndim == 2:
            columns.update({f"{name}{number}": value[:, number] for number in range(3)})
        else:
            columns[name] = value
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def _cell(value: Any) -> str:
    return str(value.item()).lower()


def config(expressions: Sequence[Written]) -> str:
    """Residuals, some of them by way of ``define``, in several styles of YAML."""
    names = values(np.random.default_rng(SEED))
    define, residuals = [], []
    for number, one in enumerate(expressions):
        draw = random.Random(number)
        truth = evaluated(one.text, names).dtype == bool
        text = f"1 * ({one.text})" if truth else one.text
        style = draw.choice(["quoted", "folded", "value", "function"])
        if style == "value":
            define.append(f"  v{number}: '{text}'")
            text = f"v{number}"
        if style == "function":
            define.append(f"  f{number}(x, y): '{text}'")
            text = f"f{number}(x, y)"
        folded = "\n      ".join(text.split(" "))
        residuals.append(
            f"  r{number}: >-\n      {folded}" if style == "folded" else f"  r{number}: '{text}'"
        )
    head = [HEAD.rstrip(), *(["define:", *define] if define else []), "least_squares:"]
    return "\n".join([*head, *residuals]) + "\n"


def failure(folder: Path, registry: Registry, expressions: Sequence[Written]) -> str:
    """How the sum of squares of ``expressions`` fails, with the config; "" where it does not."""
    text = config(expressions)
    (folder / "fit.yaml").write_text(text)
    try:
        what = _failure(load(folder / "fit.yaml", registry=registry), expressions)
    except OptserveError as error:
        what = f"refused: {error}"
    except Exception as error:  # whatever it is, it is a finding
        what = repr(error)
    return f"{what}\n{text}" if what else ""


def _failure(problem: Problem, expressions: Sequence[Written]) -> str:
    graph = problem.objective.graph
    starts = [parameter.init for parameter in problem.parameters]
    given = [*starts, *problem.objective.data.values()]
    names = values(np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        residuals = interpret(graph, *given)[1:]
        for one, have in zip(expressions, residuals, strict=True):
            want = evaluated(one.text, names)
            if not np.allclose(have, want, rtol=1e-9, atol=1e-9, equal_nan=True):
                return f"{one.text} is {have}, and {want} as Python reads it"
        graph = value_and_gradient_graph(graph, range(len(starts)))
        expected = interpret(graph, *given)
    for make in BACKENDS:
        backend = make(1)
        found = difference(graph, given, backend.compile(graph)(*given), expected)
        if found is not None:
            return f"output {found[0]} differs on {backend.name}: {found[1]}"
    return ""


def check(folder: Path, registry: Registry, expressions: Sequence[Written]) -> None:
    """Raise ``AssertionError`` where one fails, with the smallest part of it that fails too."""
    together = failure(folder, registry, expressions)
    if not together:
        return
    small = next((one for one in expressions if failure(folder, registry, [one])), None)
    if small is None:
        raise AssertionError(together)
    while True:
        part = next((part for part in small.parts if failure(folder, registry, [part])), None)
        if part is None:
            raise AssertionError(failure(folder, registry, [small]))
        small = part


@pytest.mark.parametrize("first", range(0, EXPRESSIONS, BATCH))
def test_expressions(folder: Path, registry: Registry, first: int) -> None:
    check(folder, registry, [written(seed) for seed in range(first, first + BATCH)])


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(EXPRESSIONS, EXPRESSIONS + MANY, BATCH))
def test_many_more(folder: Path, registry: Registry, first: int) -> None:
    check(folder, registry, [written(seed) for seed in range(first, first + BATCH)])
