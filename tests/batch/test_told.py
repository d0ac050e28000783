"""The jobs of a batch as reports take them: with all that their folders hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from optserve.cli.app import app

LINE = """version: 1
data: {inline: {x: [1, 2, 3, 4], y: [1.1, 2.3, 2.8, 4.2]}}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
"""


def test_the_page_of_a_batch_has_the_pictures_of_each_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.yaml").write_text(LINE)
    (tmp_path / "wrong.yaml").write_text(LINE.replace("a + b", "epx(a) + b"))
    arguments = ["batch", ".", "--quiet", "--keep-going", "--report", "html=all.html"]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    page = (tmp_path / "all.html").read_text()
    assert "1 of 2 jobs passed" in page
    assert page.count('aria-label="observed and predicted over x"') == 1
    assert "<h2>Config</h2>" in page
    assert "no function is called &#x27;epx&#x27;" in page
