"""What a command imports: the time to start is the time to import."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

COMMAND = Path(sys.executable).with_name("optserve")
IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+([\w.]+)$", re.MULTILINE)
ROSENBROCK = str(ROOT / "configs" / "rosenbrock-gd.yaml")
MISRA1A = str(ROOT / "configs" / "misra1a.yaml")


LIGHT = {"annotated_doc", "shellingham", "typer"}
"""What the command line itself is made of."""
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
"""What pydantic is made of."""
WORK = LIGHT | PYDANTIC | {"numpy", "pluggy", "ruamel"}
"""What a config takes besides."""

CLI = {"cli", "collector", "errors", "reports"}
REGISTRY = {"cache", "memo", "registry"}
LANGUAGE = {"backends", "config", "graph", "optimizers", "primitives", "tables", "transforms"}
JOB = CLI | REGISTRY | LANGUAGE | {"jobs"}

LISTS: dict[tuple[str, ...], tuple[set[str], set[str]]] = {
    ("--help",): (LIGHT, CLI),
    ("run", "--help"): (LIGHT | PYDANTIC, CLI),
    ("check", ROSENBROCK): (WORK, JOB),
    ("run", ROSENBROCK, "--out", "run"): (WORK, JOB),
    ("run", MISRA1A, "--out", "run"): (WORK, JOB),
}
"""By command the installed packages that it may import, and the rooms of optserve."""

SLOW = {"asyncio", "concurrent", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}
"""Of the standard library: what takes long to import."""


@pytest.fixture(scope="module")
def installed() -> set[str]:
    """The names of all packages that are installed, as they are imported."""
    return {name for name in packages_distributions() if not name.startswith("_")}


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that ``optserve ARGUMENTS`` imports."""
    completed = subprocess.run(
        [sys.executable, "-X", "importtime", str(COMMAND), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(IMPORTED.findall(completed.stderr))
    assert "optserve.cli" in modules
    return modules


@pytest.mark.parametrize(
    "arguments", LISTS, ids=lambda value: " ".join(value).replace(str(ROOT), "")
)
def test_a_command_imports_what_it_needs(
    arguments: tuple[str, ...], installed: set[str], tmp_path: Path
) -> None:
    packages, rooms = LISTS[arguments]
    modules = imported(tmp_path, *arguments)
    tops = {module.partition(".")[0] for module in modules}
    assert (tops & installed) - {"optserve"} == packages
    assert {module.split(".")[1] for module in modules if module.startswith("optserve.")} <= rooms
    assert tops & SLOW == set()


def test_a_small_job_imports_neither_loops_nor_minibatches(tmp_path: Path) -> None:
    modules = imported(tmp_path, "run", ROSENBROCK, "--out", "run")
    rest = {"loops", "batch_graphs", "batches", "batching", "epochs", "pace", "splits"}
    own = {name.rpartition(".")[2] for name in modules if name.startswith("optserve.jobs.")}
    assert not own & rest
    assert "optserve.transforms.minibatch" not in modules


def test_only_a_config_that_names_a_density_imports_densities(tmp_path: Path) -> None:
    imported(tmp_path, "check", ROSENBROCK)  # after which the index of names is written
    assert "optserve.primitives.densities.normal" not in imported(tmp_path, "check", ROSENBROCK)
    config = tmp_path / "coin.yaml"
    config.write_text(
        "version: 1\nparameters: {p: 1}\nlog_likelihood: normal_logpdf(p, mean=0, std=1)\n",
        encoding="utf-8",
    )
    assert "optserve.primitives.densities.normal" in imported(tmp_path, "check", str(config))


def test_a_density_is_traced_without_scipy() -> None:
    """Its import takes a quarter of a second, and native code has no use for it."""
    script = """
import sys
from optserve.graph.aval import Aval, np
from optserve.primitives.densities.counts import negative_binomial_logpmf, poisson_logpmf
from optserve.primitives.densities.normal import normal_logcdf
from optserve.primitives.tracing import trace
from optserve.transforms.kinks import switches
from optserve.transforms.reverse import value_and_gradient_graph
scalar = Aval((), np.dtype("float64"))
for density in (poisson_logpmf, lambda x, m: normal_logcdf(x, m, 1.0)):
    value_and_gradient_graph(trace(density, scalar, scalar).graph, [1])
counts = trace(negative_binomial_logpmf, scalar, scalar, scalar).graph
switches(value_and_gradient_graph(counts, [1, 2]), [1, 2])
print("scipy" in sys.modules)
"""
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_no_command_of_numpy_alone_prepares_native_code(tmp_path: Path) -> None:
    modules = imported(tmp_path, "run", MISRA1A, "--out", "run")
    assert not {module for module in modules if module.startswith("optserve.backends.llvm")}


def test_a_table_of_which_all_rows_are_used_selects_none(tmp_path: Path) -> None:
    modules = imported(tmp_path, "check", MISRA1A)
    rooms = ("row_values", "rowwise", "selection", "split")
    assert modules.isdisjoint(f"optserve.config.data.{room}" for room in rooms)
    assert "numpy.random" not in modules
