"""What newcomers write, and the remedy that they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optserve.config import load
from optserve.errors import ConfigError

SIMPLE: dict[str, Any] = {"version": 1, "parameters": {"a": 1}, "loss": "a**2"}


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"parameters": {"1a": 3}}, "'1a' begins with a digit", "write 'p1a'"),
        (
            {"data": {"inline": {"x": ["2,5", 1]}}, "loss": "a * sum(x)"},
            "'2,5' in row 1",
            "numbers have a decimal point here: write 2.5",
        ),
        ({"data": {"read": "no.csv"}}, "no.csv does not exist", "there: data.csv"),
        ({"data": {"read": "dta.csv"}}, "dta.csv does not exist", "did you mean 'data.csv'?"),
        ({"data": {"read": "no.npy"}}, "no.npy does not exist", "there is no .npy file in "),
    ],
)
def test_a_remedy(
    changes: dict[str, Any],
    message: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ConfigError) as caught:
        load(SIMPLE | changes)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file") as caught:
        load(tmp_path / "fit.yaml")
    assert caught.value.remedy.startswith("there is no .yaml file in ")
    (tmp_path / "zzzzzzzzzz.yaml").write_text("")
    with pytest.raises(ConfigError, match="there is no file") as caught:
        load(tmp_path / "fit.yaml")
    assert caught.value.remedy == "files of this kind there: zzzzzzzzzz.yaml"
