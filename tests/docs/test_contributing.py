"""CONTRIBUTING.md is true: a copy of the sources in which its blocks are done has what it says.

A ``python`` block goes to the end of the file that its first line names, which may be new; a
``diff`` block is done where its lines stand.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.session import FENCE, ROOT

PAGE = ROOT / "CONTRIBUTING.md"
HEADINGS = (
    "Add a primitive",
    "Add a lowering",
    "Add an optimizer",
    "Add a backend",
    "Add a command",
    "Add a config key",
)

COMMAND = "from optserve.cli import main; main()"

CURVE = """
version: 1
data: {inline: {x: [1.0, 2.0, 3.0], y: [2.0, 4.0, 6.0]}}
parameters: {a: 0.0}
loss: mean((y - a * x) ** 2)
optimizer: {sign_descent: {learning_rate: 0.125}}
backend: plain
stop: {steps: 16}
"""


def section(heading: str) -> str:
    """The text under a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def edits(heading: str) -> list[tuple[str, str, str]]:
    """What a section does: for each block its kind, its file and what follows."""
    found = []
    for kind, block in FENCE.findall(section(heading)):
        if kind in {"python", "diff"}:
            path, _, body = block.partition("\n")
            found.append((kind, path.removeprefix("# "), body))
    return found


def done(heading: str, folder: Path) -> set[str]:
    """Do a section in a copy of the sources; returns the files of optserve that it touched."""
    for kind, path, body in edits(heading):
        file = folder / path
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(appended(before, body) if kind == "python" else patched(before, body))
    return {path for _, path, _ in edits(heading) if path.startswith("optserve/")}


def appended(text: str, body: str) -> str:
    return f"{text.rstrip()}\n\n{body}" if text else body


def patched(text: str, difference: str) -> str:
    lines = difference.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"this stands there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources and of the tests that are made for every primitive."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "optserve", tmp_path / "optserve", ignore=ignored)
    shutil.copytree(ROOT / "tests" / "conformance", tmp_path / "tests" / "conformance")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def python(folder: Path, *arguments: str) -> str:
    """What Python prints that runs on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    completed = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert completed.returncode == 0, completed.stdout
    return completed.stdout


def test_the_page_has_the_sections_that_are_tested() -> None:
    found = re.findall(r"^## (Add .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(found) == HEADINGS


def test_a_primitive_touches_one_file(sources: Path) -> None:
    assert len(done("Add a primitive", sources)) == 1
    shown = python(sources, "-c", COMMAND, "primitives", "radians")
    assert "a partial derivative for each operand" in shown
    code = """
import numpy as np, optserve
from optserve.backends.backend_choice import builtin_backends
from optserve.primitives.elementary import radians
from optserve.testing import check_backend, check_primitive
check_primitive(radians)
for backend in builtin_backends():
    check_backend(backend, [radians])
print(optserve.grad(lambda x: np.sum(np.radians(x) ** 2))(np.array([180.0, 0.0])))
"""
    assert python(sources, "-c", code).strip() == "[0.10966227 0.        ]"
    tests = ("tests/conformance/test_primitives.py", "tests/conformance/test_digits.py")
    told = python(sources, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "radians")
    assert re.search(r"\b\d+ passed", told)
    assert "failed" not in told


def test_native_code_touches_one_more(sources: Path) -> None:
    done("Add a primitive", sources)
    code = """
from optserve.backends.llvm import llvm_backend
from optserve.backends.llvm.lowerings.elementwise import LOWERINGS
from optserve.primitives.elementary import radians
from optserve.testing import check_backend
print([one.name for one in LOWERINGS if one.primitive is radians])
check_backend(llvm_backend(), [radians])
"""
    assert python(sources, "-c", code).strip() == "[]"
    assert len(done("Add a lowering", sources)) == 1
    assert python(sources, "-c", code).strip() == "['radians']"


def test_an_optimizer_and_a_backend_run_a_job(sources: Path) -> None:
    assert len(done("Add an optimizer", sources)) == 2
    assert len(done("Add a backend", sources)) == 2
    (sources / "curve.yaml").write_text(CURVE, encoding="utf-8")
    assert "sign_descent" in python(sources, "-c", COMMAND, "plugin", "list")
    told = python(sources, "-c", COMMAND, "run", "curve.yaml")
    assert "plain" in told
    python(sources, "-m", "doctest", "optserve/optimizers/sign_descent.py")
    code = """
from optserve.backends.plain import plain_backend
from optserve.primitives.elementary import exp
from optserve.testing import check_backend
check_backend(plain_backend(), [exp])
"""
    python(sources, "-c", code)


def test_a_command_is_there_and_prints(sources: Path) -> None:
    assert done("Add a command", sources) == {"optserve/cli/digest.py", "optserve/cli/app.py"}
    assert "Print the digest of the loss of a config." in python(sources, "-c", COMMAND, "--help")
    for name, parameter in (("one", "b"), ("other", "c")):
        config = f"version: 1\nparameters: {{{parameter}: 1}}\nloss: {parameter}**2\n"
        (sources / f"{name}.yaml").write_text(config, encoding="utf-8")
    one, other, squared = (
        python(sources, "-c", COMMAND, "digest", *arguments)
        for arguments in (["one.yaml"], ["other.yaml"], ["one.yaml", "--set", "loss=b**4"])
    )
    assert one == other != squared


def test_a_config_key_is_kept(sources: Path) -> None:
    assert len(done("Add a config key", sources)) == 3
    config = "version: 1\nparameters: {b: 1}\nloss: (b - 2)**2 + 1\nexpect: {loss: {below: %s}}\n"
    for limit, code in (("1.5", 0), ("1.0", 4)):
        (sources / "fit.yaml").write_text(config % limit, encoding="utf-8")
        code_of_exit = (
            "import sys; from typer.testing import CliRunner; from optserve.cli.app import app; "
            "print(CliRunner().invoke(app, ['run', 'fit.yaml', '--out', sys.argv[1]]).exit_code)"
        )
        assert python(sources, "-c", code_of_exit, f"run{code}").strip() == str(code)
    assert '"below"' in python(sources, "-c", COMMAND, "schema")
    (sources / "fit.yaml").write_text(config % "many", encoding="utf-8")
    told = python(sources, "-c", f"{code_of_exit.replace('.exit_code', '.stderr')}", "wrong")
    assert "`expect.loss.below` is the text 'many'" in told


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(" a\n+b\n c\n", "a\nb\nc\n"), ("-a\n+b\n c\n", "b\nc\n")],
)
def test_a_difference_is_done(difference: str, expected: str) -> None:
    assert patched("a\nc\n", difference) == expected
