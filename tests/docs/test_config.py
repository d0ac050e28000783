"""docs/config.md is true: its configs run, and its tables are what the schema says.

Those of docs/linear_algebra.md, docs/functions.md and docs/uncertainty.md run too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optserve.config.schema.config import Config
from tests.docs.keys import MARK, SECTIONS, TOLD_ELSEWHERE, key_reference, sections_of
from tests.docs.session import ROOT, blocks

PAGE = ROOT / "docs" / "config.md"
PAGES = (
    PAGE,
    ROOT / "docs" / "linear_algebra.md",
    ROOT / "docs" / "functions.md",
    ROOT / "docs" / "uncertainty.md",
)
EXAMPLES = [example for page in PAGES for example in blocks(page, "yaml")]
COMMAND = Path(sys.executable).with_name("optserve")


def title(example: str) -> str:
    """The line of the loss, by which an example is known."""
    return next(line for line in example.splitlines() if line.startswith(("lo", "least")))


@pytest.mark.parametrize("example", EXAMPLES, ids=title)
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    for table in (ROOT / "configs").glob("*.csv"):
        shutil.copy(table, tmp_path)
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")
    completed = subprocess.run(
        [str(COMMAND), "run", "example.yaml", "--out", "run", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    result: dict[str, Any] = json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))
    assert all(expectation["holds"] for expectation in result["expectations"])


def test_a_failure_of_whole_numbers_is_printed_as_shown(tmp_path: Path) -> None:
    [shown] = [block for block in blocks(PAGE, "text") if "64 bits" in block]
    (tmp_path / "fit.yaml").write_text(
        "version: 1\n"
        "data: {inline: {n: [10000000000, 3]}, columns: {n: {take: n, as: integer}}}\n"
        "parameters: {p: 0.5}\n"
        "loss: (mean(n * n) - p)**2\n"
    )
    completed = subprocess.run(
        [str(COMMAND), "run", "fit.yaml", "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 5
    assert shown in completed.stdout


def test_the_tables_are_what_the_schema_says(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text(encoding="utf-8")
    written = text[: text.index(MARK)]
    if pytestconfig.getoption("--regen"):
        PAGE.write_text(written + key_reference(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written + key_reference()


def test_no_mapping_is_left_out() -> None:
    assert {section for _, section in SECTIONS} | TOLD_ELSEWHERE == sections_of(Config)
