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


def test_a_sweep_has_a_picture_over_each_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.yaml").write_text(
        "version: 1\nparameters: {b: 3}\nloss: (b - 1)**2 + 0.1\nstop: {steps: 40}\n"
        "sweep:\n  grid:\n    optimizer.adam.learning_rate: [0.001, 0.01, 0.1]\n"
        "    precision: [float32, float64]\n"
        "  expect: {loss: {statistic: min, max: 0.2}}\n"
    )
    arguments = ["batch", ".", "--quiet", "--report", "html=all.html", "--report", "junit=j.xml"]
    CliRunner().invoke(app, arguments)
    page = (tmp_path / "all.html").read_text()
    assert "The sweep</h2>" in page
    assert 'aria-label="loss over optimizer.adam.learning_rate"' in page
    assert 'aria-label="loss over precision"' in page
    assert ">float32</text>" in page
    assert ">median</text>" in page
    assert "jobs of the sweep passed; the best is fit[learning_rate=" in page
    assert "of 6 jobs passed" in page
