"""Every example runs as a person runs it, and everything that it expects holds."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "configs"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
COMMAND = Path(sys.executable).with_name("optserve")
PLUGIN = "optserve-robust"

each_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)


def run(config: Path, folder: Path, *options: str) -> dict[str, Any]:
    """The ``result.json`` of ``optserve run``, which must succeed."""
    if PLUGIN in config.read_text(encoding="utf-8"):
        try:
            distribution(PLUGIN)
        except PackageNotFoundError:
            pytest.skip(f"{PLUGIN} is not installed: pip install ./plugins/{PLUGIN}")
    command = [str(COMMAND), "run", str(config), "--out", "run", "--quiet", *options]
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    result: dict[str, Any] = json.loads((folder / "run" / "result.json").read_text("utf-8"))
    return result


@each_config
def test_every_expectation_holds(config: Path, tmp_path: Path) -> None:
    result = run(config, tmp_path)
    assert result["name"] == config.stem
    assert len(result["expectations"]) >= 2
    assert all(expectation["holds"] for expectation in result["expectations"])


@pytest.mark.parametrize(("b1", "b2"), [("500", "1e-4"), ("250", "5e-4")])
def test_misra1a_is_certified_from_each_start_alone(b1: str, b2: str, tmp_path: Path) -> None:
    start = ["--set", "starts=null", "--set", f"parameters.b1={b1}"]
    result = run(FOLDER / "misra1a.yaml", tmp_path, *start, "--set", f"parameters.b2.init={b2}")
    assert len(result["starts"]) == 1
    assert result["parameters"] == pytest.approx(
        {"b1": 238.94212918, "b2": 5.5015643181e-4}, rel=1e-9
    )
    assert result["standard_errors"] == pytest.approx(
        {"b1": 2.7070075241, "b2": 7.2668688436e-6}, rel=1e-6
    )


def test_the_page_lists_every_file() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in FOLDER.iterdir() if path.name != "README.md"]
    assert [name for name in files if f"`{name}`" not in page] == []
