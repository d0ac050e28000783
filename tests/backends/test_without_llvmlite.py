"""Where llvmlite cannot be imported everything runs on NumPy, and the result says so once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

CONFIG = """
version: 1
name: line
data: {inline: {x: [0, 1, 2, 3], y: [1.1, 2.9, 5.2, 6.8]}}
parameters: {a: 0, b: 0}
loss: mean((a + b * x - y)**2)
optimizer: lbfgs
"""

BLOCKED = "import sys; sys.modules['llvmlite'] = None; "
"""Importing it raises ``ImportError``, and it has no spec."""

BROKEN = """
import sys
import importlib.abc
class Broken(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "llvmlite.binding":
            raise OSError("libllvmlite.so: cannot open shared object file")
        return None
sys.meta_path.insert(0, Broken())
"""
"""It is installed, and its library is not there."""

RUN = "from optserve.cli import main; sys.argv = ['optserve', *sys.argv[1:]]; main()"


@pytest.mark.parametrize("how", [BLOCKED, BROKEN], ids=["blocked", "broken"])
def test_a_job_that_asks_for_it_runs_on_numpy(how: str, tmp_path: Path) -> None:
    config = tmp_path / "line.yaml"
    config.write_text(CONFIG)
    arguments = ["run", str(config), "--set", "backend=llvm", "--format", "json"]
    completed = subprocess.run(
        [sys.executable, "-c", how + RUN, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert completed.returncode == 0, completed.stderr
    result = json.loads(completed.stdout)
    assert result["parameters"]["b"] == pytest.approx(1.94)
    assert result["used"]["backend"] == "numpy"
    [warning] = [text for text in result["warnings"] if "llvm" in text]
    assert warning.startswith(
        "backend numpy computes in place of llvm: llvmlite cannot be imported ("
    )


def test_the_automatic_choice_does_without_it(tmp_path: Path) -> None:
    config = tmp_path / "line.yaml"
    config.write_text(CONFIG)
    completed = subprocess.run(
        [sys.executable, "-c", BLOCKED + RUN, "run", str(config), "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert completed.returncode == 0, completed.stderr
    result = json.loads(completed.stdout)
    assert result["used"]["backend"] == "numpy"
    assert result["used"]["backend_reason"] == "llvmlite is not installed"
    assert [text for text in result["warnings"] if "llvmlite" in text] == [
        "llvmlite is not installed: everything runs on numpy, large jobs several times slower"
    ]
