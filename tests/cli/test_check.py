"""`optserve check`: all that can be known without running."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIGS, Invoke

PLUGIN = """
from optserve.plugin import elementwise, hookimpl


@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x, doc="A cube.")]
"""

CONFIG = """
version: 1
name: cubes
data: {inline: {x: [1, 2, 3], y: [1, 9, 26]}}
parameters:
  a: {init: 2, bounds: [0, 5]}
  b: {init: 0.5, transform: log}
  c: {shape: [2], init: 0}
  unused: 1
least_squares:
  observed: y
  predicted: a * cube(x) + b + c[0] - c[1]
"""


@pytest.fixture
def files(here: Path) -> Path:
    (here / "cubes.yaml").write_text(CONFIG)
    (here / "mine.py").write_text(PLUGIN)
    return here


def test_a_listing(invoke: Invoke, files: Path, golden: Callable[[str, str], None]) -> None:
    result = invoke("check", "cubes.yaml", "--plugin", "mine.py")
    assert result.exit_code == 0, result.output
    digest = result.output.partition("sha256:")[2][:12]
    golden("check.txt", result.output.replace(digest, "0123456789ab"))


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_written(invoke: Invoke, here: Path, config: Path) -> None:
    if "robust" in config.name:
        pytest.importorskip("optserve_robust")
    result = invoke("check", config)
    assert result.exit_code == 0, result.output
    assert not list(here.iterdir())


SPLIT = """
version: 1
name: slope
data:
  inline: {x: [1, 2, 3, 4, 5, null], y: [2, 4, 6, 9, 10, 1], f: [a, a, b, b, a, a]}
  columns: {x: x, y: y, f: {take: f, as: category}}
  missing: drop
  where: x < 5
  derive: {xc: x - mean(x)}
  split: {validation: 0.25}
minibatch: {rows: 2}
parameters: {b: 1}
loss: mean((y - b * xc)**2)
metrics: {worst: max(abs(y - b * xc))}
optimizer: adam
stop: {epochs: 3, plateau: {metric: metrics.validation.worst}}
"""


def test_splits_metrics_and_batches(invoke: Invoke, files: Path) -> None:
    (files / "slope.yaml").write_text(SPLIT)
    result = invoke("check", "slope.yaml")
    assert result.exit_code == 0, result.output
    assert "slope  loss, adam, 1 start, float64, batches of 2 rows" in result.output
    assert "  4 of 6 rows: train 3, validation 1\n" in result.output
    assert "  metrics  worst, computed of the rows of train and of validation\n" in result.output


def test_a_shape_that_does_not_fit(invoke: Invoke, files: Path) -> None:
    wrong = "least_squares.predicted=a * cube(x) + c"
    result = invoke("check", "cubes.yaml", "--plugin", "mine.py", "--set", wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "(2,)" in result.stderr


def test_without_its_plugin(invoke: Invoke, files: Path) -> None:
    result = invoke("check", "cubes.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'cube'" in result.stderr
    assert "cubes.yaml:12:" in result.stderr


def test_all_that_is_wrong_in_json(invoke: Invoke, files: Path) -> None:
    wrong = "version: 1\nparameters: {b: {init: 1, bound: 2}}\nloss: [b]\noptimizer: {adam: {}}\n"
    (files / "wrong.yaml").write_text(
        f"{wrong}stop: {{plateau: {{mode: min}}, steps: 0.5}}\ncheckpoint: 1\n"
    )
    result = invoke("check", "wrong.yaml", "--format", "json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["exit_code"] == 2
    assert [one["code"] for one in told["error"]["errors"]] == [
        "unknown-key",
        "wrong-value",
        "missing-key",
        "wrong-value",
        "not-supported-yet",
    ]
    assert told["error"]["errors"][0]["place"]["line"] == 2
    (files / "wrong.yaml").write_text("version: 1\nparameters: {b: 1}\nloss: b**2\n")
    told = json.loads(invoke("check", "wrong.yaml", "--format", "json").stdout)
    assert told == {"name": "wrong", "warnings": [], "exit_code": 0}


HEAD = "version: 1\nparameters: {a: {init: [1.0, 2.0]}}\nloss: sum(a**2)\n"

REFUSED = {
    "a modifier of a search": f"{HEAD}optimizer: {{clip: 1.0, lbfgs: {{}}}}",
    "bounds beside a mixing transform": HEAD.replace(
        "init: [1.0, 2.0]", "init: [0.5, 0.5], transform: simplex, bounds: [0, 1]"
    ),
    "five mistakes": (
        "version: 1\nparameters: {a: 1}\ndefine: {f: a * xx, g: a *}\nloss: sun(a) + c\n"
        "optimizer: adamm\n"
    ),
}


@pytest.mark.parametrize("title", REFUSED)
def test_it_finds_what_a_run_refuses(invoke: Invoke, here: Path, title: str) -> None:
    (here / "fit.yaml").write_text(REFUSED[title])
    ran, checked = invoke("run", "fit.yaml"), invoke("check", "fit.yaml")
    assert ran.exit_code == checked.exit_code == 2, checked.output
    assert checked.stderr == ran.stderr
    assert checked.stdout == ""


def test_a_file_with_five_mistakes_shows_five_blocks(invoke: Invoke, here: Path) -> None:
    (here / "fit.yaml").write_text(REFUSED["five mistakes"])
    told = invoke("check", "fit.yaml").stderr
    assert len(told.strip().split("\n\n")) == 5
    errors = json.loads(invoke("check", "fit.yaml", "--format", "json").stdout)["error"]["errors"]
    assert [one["code"] for one in errors] == [
        "unknown-value",
        "syntax",
        "unknown-function",
        "unknown-value",
        "not-installed",
    ]


def test_outputs_are_listed_with_their_shapes(invoke: Invoke, files: Path) -> None:
    (files / "outputs.yaml").write_text(
        "version: 1\nparameters: {b: 1}\nloss: (b - 2)**2\n"
        'outputs: {twice: 2 * b, curve: {value: b * t, at: {t: "linspace(0, 1, 9)"}}}\n'
    )
    result = invoke("check", "outputs.yaml")
    assert "  outputs  twice scalar, curve [9]" in result.stdout.splitlines()


PRODUCT = """
version: 1
data: {inline: {x: [1, 2, 3, 4, 5], y: [2.1, 3.9, 6.2, 7.8, 10.1]}}
parameters: {a: 1, b: 1, c: 0}
least_squares: {observed: y, predicted: a * b * x + c}
"""


def test_what_is_not_identified(invoke: Invoke, here: Path) -> None:
    (here / "fit.yaml").write_text(PRODUCT)
    result = invoke("check", "fit.yaml", "--identify")
    assert result.exit_code == 4, result.output
    assert "  open     a and b only occur as a * b; fix one of them" in result.output
    told = json.loads(invoke("check", "fit.yaml", "--identify", "--format", "json").stdout)
    assert told["exit_code"] == 4
    [one] = told["identification"]["open"]
    assert (one["code"], one["parameters"]) == ("not-identified", ["a", "b"])
    assert one["combination"] == "a * b"
    assert not told["identification"]["identified"]


def test_what_is_identified(invoke: Invoke, here: Path) -> None:
    (here / "fit.yaml").write_text(PRODUCT)
    fixed = ("--set", "parameters.a={init: 1, fixed: true}")
    result = invoke("check", "fit.yaml", "--identify", *fixed)
    assert result.exit_code == 0, result.output
    assert "the data tell all parameters apart" in result.output
    told = json.loads(invoke("check", "fit.yaml", "--identify", *fixed, "--format", "json").stdout)
    assert (told["exit_code"], told["identification"]["open"]) == (0, [])


def test_the_lock_and_identification_are_asked_apart(invoke: Invoke, here: Path) -> None:
    (here / "fit.yaml").write_text(PRODUCT)
    assert invoke("check", "fit.yaml", "--identify", "--locked").exit_code == 2
