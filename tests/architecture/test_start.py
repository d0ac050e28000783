"""What a command imports: the time to start is the time to import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

COMMAND = Path(sys.executable).with_name("optserve")
IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+([\w.]+)$", re.MULTILINE)
ROSENBROCK = str(ROOT / "configs" / "rosenbrock-gd.yaml")
MISRA1A = str(ROOT / "configs" / "misra1a.yaml")


def imported(folder: Path, *arguments: str) -> set[str]:
    """The top-level packages that ``optserve ARGUMENTS`` imports, and the modules of SciPy."""
    completed = subprocess.run(
        [sys.executable, "-X", "importtime", str(COMMAND), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = IMPORTED.findall(completed.stderr)
    assert "optserve.cli" in modules
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        (["--help"], {"numpy", "optserve_robust", "pluggy", "pydantic", "ruamel"}),
        (["run", "--help"], {"numpy", "optserve_robust", "pluggy", "pydantic", "ruamel"}),
        (["check", ROSENBROCK], {"optserve_robust", "pydantic"}),
        (["run", ROSENBROCK, "--out", "run"], {"optserve_robust"}),
        (["run", MISRA1A, "--out", "run"], {"optserve_robust"}),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(str(ROOT), "") if value else "",
)
def test_a_command_imports_what_it_needs(
    arguments: list[str], without: set[str], tmp_path: Path
) -> None:
    without = without | {"llvmlite", "matplotlib", "pyarrow", "rich", "scipy"}
    assert imported(tmp_path, *arguments) & without == set()
