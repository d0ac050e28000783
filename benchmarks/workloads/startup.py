"""``startup``: whole processes, from the command line to the printed result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.workload import Contender, Limit, Work, Workload

__all__ = ["workload"]

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
IMPORTS = "import numpy, pydantic, typer, ruamel.yaml, pluggy"


def process(*command: str) -> Work:
    """A process that must succeed, started in a folder of its own, with Python's own defaults.

    A variable such as PYTHONDONTWRITEBYTECODE would make each run compile the sources again.
    """
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    return work


def optserve_run(config: str) -> Work:
    """The installed command, as a person calls it."""
    command = Path(sys.executable).with_name("optserve")
    return process(str(command), "run", str(CONFIGS / config), "--out", "run")


workload = Workload(
    name="startup",
    title=f"Whole processes against `python -c '{IMPORTS}'`.",
    contenders=(
        Contender("imports", partial(process, sys.executable, "-c", IMPORTS)),
        Contender("rosenbrock", partial(optserve_run, "rosenbrock-gd.yaml")),
        Contender("misra1a", partial(optserve_run, "misra1a.yaml")),
    ),
    limits=(
        Limit("rosenbrock", 3.0, against=("imports",)),
        Limit("misra1a", 3.0, against=("imports",)),
    ),
)
