"""`optserve run --threads N`: what is recorded, and that no bit depends on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends.threads import available_cores
from tests.cli.conftest import Invoke

ROWS = 70_000
"""More than two tiles, and enough work that threads are worth their start."""

CONFIG = """
version: 1
name: decay
data: {read: decay.csv}
parameters: {a: 1.0, b: 0.5}
loss: mean((a * exp(-b * t) - y)**2)
optimizer: adam
stop: {steps: 5}
"""


@pytest.fixture
def decay(here: Path) -> Path:
    rng = np.random.default_rng(0)
    t = rng.uniform(0.0, 4.0, ROWS)
    y = 2.0 * np.exp(-0.7 * t) + rng.normal(0.0, 0.1, ROWS)
    lines = "\n".join(f"{one},{other}" for one, other in zip(t, y, strict=True))
    (here / "decay.csv").write_text(f"t,y\n{lines}\n")
    path = here / "decay.yaml"
    path.write_text(CONFIG)
    return path


def found(invoke: Invoke, config: Path, *arguments: str) -> dict[str, Any]:
    result = invoke("run", config, "--format", "json", *arguments)
    assert result.exit_code == 0, result.output
    tree: dict[str, Any] = json.loads(result.stdout)
    return tree


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_no_bit_depends_on_their_number(invoke: Invoke, decay: Path, backend: str) -> None:
    results = [
        found(invoke, decay, "--set", f"backend={backend}", "--threads", str(count))
        for count in (1, 2, 8)
    ]
    assert [result["environment"]["threads"] for result in results] == [1, 2, 8]
    for key in ("loss", "parameters", "gradient", "standard_errors"):
        assert results[0][key] == results[1][key] == results[2][key]


def test_by_default_as_many_as_the_process_may_use(invoke: Invoke, here: Path) -> None:
    path = here / "simple.yaml"
    path.write_text("{version: 1, name: simple, parameters: {x: 3}, loss: (x - 1)**2}")
    assert found(invoke, path)["environment"]["threads"] == available_cores()


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5", ""])
def test_what_is_no_number_of_threads_is_an_error(invoke: Invoke, decay: Path, number: str) -> None:
    result = invoke("run", decay, "--threads", number)
    assert result.exit_code == 2
    assert "invalid value for '--threads'" in result.stderr
    assert "valid integer" in result.stderr or "equal to 1" in result.stderr
