"""`optserve schema`: to stdout or to a file."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Invoke


def test_it_has_what_is_installed(invoke: Invoke) -> None:
    result = invoke("schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert {"parameters", "loss", "optimizer"} <= schema["properties"].keys()
    assert "gradient_descent" in result.stdout


def test_the_schema_of_results(invoke: Invoke) -> None:
    schema = json.loads(invoke("schema", "--result").stdout)
    assert {"termination", "standard_errors"} <= schema["properties"].keys()


def test_to_a_file(invoke: Invoke, here: Path) -> None:
    result = invoke("schema", "--out", "optserve.json")
    assert (result.exit_code, result.output) == (0, "")
    assert (here / "optserve.json").read_text() == invoke("schema").stdout


def test_a_file_that_cannot_be_written(invoke: Invoke) -> None:
    result = invoke("schema", "--out", "no/such/folder.json")
    assert (result.exit_code, result.stdout) == (2, "")
    told = "cannot write no/such/folder.json: No such file or directory  [cannot-write]\n"
    assert result.stderr == told
