"""Whatever is in a data file and its config: a typed error, or a result, soon, and nothing else.

A failure names its seed: ``drawn(seed)`` draws it again.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from optserve.cli.app import app
from optserve.config import load
from optserve.errors import OptserveError
from optserve.graph.streamed import Streamed
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.registry import Registry
from optserve.registry import load as load_registry
from optserve.tables import csv_file, csv_pieces, npy
from tests.fuzz.inputs import Input, drawn

INPUTS, BATCH = 1_250, 250
MANY = 1_000_000
LONGEST = 20.0
"""Seconds that one input may take, on a machine that does much else."""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What large files go through, these small ones do too."""
    monkeypatch.setattr(csv_file, "SMALL", 50)
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 30)
    monkeypatch.setattr(npy, "PIECE_ROWS", 3)


def written(given: Input, folder: Path) -> Path:
    (folder / given.name).write_bytes(given.content)
    config = folder / "fit.yaml"
    config.write_text(given.config, encoding="utf-8")
    return config


def loaded(config: Path, registry: Registry, in_memory: str = "") -> Problem | OptserveError:
    """The problem, or the error that there is instead."""
    overrides = [f"data.in_memory={in_memory}"] if in_memory else []
    try:
        return load(config, registry=registry, overrides=overrides)
    except OptserveError as error:
        return error


def ended(problem: Problem) -> int:
    """The exit code of a run of ``problem``."""
    try:
        return run(problem).exit_code
    except OptserveError as error:
        return error.exit_code


def survives(seed: int, folder: Path, registry: Registry) -> None:
    """Hold that the input of this seed ends as it should."""
    given = drawn(seed)
    config = written(given, folder)
    before = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = loaded(config, registry)
            if isinstance(found, Problem):
                assert ended(found) in (0, 2, 3, 5)
            else:
                assert found.exit_code == 2
                assert found.block()
            if "in_memory" in given.config:
                same_in_blocks(config, registry)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {given}") from error
    assert time.perf_counter() - before < LONGEST, f"seed {seed}"
    (folder / given.name).unlink()


def same_in_blocks(config: Path, registry: Registry) -> None:
    """Hold that reading in blocks gives what reading at once gives, where both can be had."""
    whole, parts = (loaded(config, registry, in_memory) for in_memory in ("true", "false"))
    if not isinstance(whole, Problem) or not isinstance(parts, Problem):
        return
    for name, array in whole.objective.data.items():
        column = parts.objective.data[name]
        found = column[0 : column.shape[0]] if isinstance(column, Streamed) else column
        np.testing.assert_array_equal(found, array)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, INPUTS, BATCH))
def test_an_error_or_a_result(first: int, tmp_path: Path, registry: Registry) -> None:
    for seed in range(first, first + BATCH):
        survives(seed, tmp_path, registry)


@pytest.mark.parametrize("seed", [274_783, 367_816, 591_885])
def test_what_once_ended_otherwise(seed: int, tmp_path: Path, registry: Registry) -> None:
    """Damaged Parquet files: columns of several lengths, of which rows may lack values; a NaN of 32
    bits that signals; an observed response that varies by 1e-200 of the residuals."""
    survives(seed, tmp_path, registry)


@pytest.mark.parametrize("seed", range(INPUTS, INPUTS + 40))
def test_after_exit_code_2_nothing_is_written(seed: int, tmp_path: Path) -> None:
    given = drawn(seed)
    config = written(given, tmp_path)
    out = tmp_path / "out"
    ended = CliRunner().invoke(app, ["run", str(config), "--quiet", "--out", str(out)])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), given
    assert ended.exit_code in (0, 2, 3, 5), ended.output
    assert "Traceback" not in ended.output
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"fit.yaml", given.name} | ({"out"} if ended.exit_code != 2 else set())


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(INPUTS, MANY, 10_000))
def test_many(first: int, tmp_path: Path, registry: Registry) -> None:
    for seed in range(first, first + 10_000):
        survives(seed, tmp_path, registry)
