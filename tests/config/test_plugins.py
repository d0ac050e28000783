"""Plugins in a config: only those that it needs, and each kind of contribution."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optserve.errors import ConfigError
from tests.config.evaluation import Load, evaluate

ROOT = Path(__file__).parents[2]

PLUGIN = """\
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x)]

@hookimpl
def optserve_initializers():
    return [sevens]

@hookimpl
def optserve_readers():
    return [numbers, broken]

def numbers(separator: str = " "):
    from optserve.tables.text_frame import TextFrame
    from optserve.errors import Place

    def read(path):
        cells = path.read_text().split(separator)
        place = lambda row, index: Place(str(path), row + 1)
        return TextFrame(("x",), 1, len(cells), lambda index: cells, place)

    return read

def broken():
    def read(path):
        raise KeyError("footer")
    return read

def sevens(times: int = 1):
    import numpy as np
    return lambda rng, shape: np.full(shape, 7.0 * times)
"""


def test_a_plugin_takes_part(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    made = problem(
        "parameters: {b: {shape: [2], init: {sevens: {times: 2}}}}\nloss: sum(cube(b))\n",
        registry=None,
        plugin_files=[tmp_path / "mine.py"],
    )
    assert evaluate(made) == (2 * 14.0**3,)
    [provided] = made.third_party
    assert (provided.primitive.name, provided.distribution) == ("cube", "mine.py")


def test_a_reader_of_a_plugin_takes_part(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "d.numbers").write_text("1;2;3")
    (tmp_path / "d.broken").touch()
    options: dict[str, Any] = {"registry": None, "plugin_files": [tmp_path / "mine.py"]}
    text = "parameters: {b: 2}\nloss: sum(x) * b\ndata: "
    made = problem(f'{text}{{read: d.numbers, separator: ";"}}\n', **options)
    assert evaluate(made) == (12.0,)
    with pytest.raises(ConfigError, match=r"d\.numbers:1: the column 'x' has '1;2;3'"):
        problem(f"{text}{{read: d.numbers}}\n", **options)
    with pytest.raises(ConfigError, match=r"fit\.yaml:4:14: cannot read d\.broken: KeyError"):
        problem(f"{text}{{read: d.broken}}\n", **options)


def test_a_preference_that_cannot_be_met_has_its_place(problem: Load) -> None:
    text = "plugins: {prefer: {exp: optserve-nothing}}\nparameters: {b: 1}\nloss: exp(b)\n"
    with pytest.raises(ConfigError, match=r"fit\.yaml:2:19: .*optserve-nothing"):
        problem(text, registry=None)


def test_a_config_without_data_imports_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text("version: 1\nparameters: {b: 1}\nloss: b**2\n")
    script = (
        "import sys; from pathlib import Path; from optserve.config import load; "
        "load(Path(sys.argv[1])); "
        "print([name for name in sys.modules "
        "if name.startswith(('optserve.config.data', 'pyarrow', 'scipy'))])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "fit.yaml")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
