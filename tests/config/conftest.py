"""A config in a temporary folder, beside some data, loaded with what is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optserve.config import load
from optserve.jobs.problem import Problem
from optserve.registry import Registry
from optserve.registry import load as load_registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Everything that is installed."""
    return load_registry()


@pytest.fixture
def problem(tmp_path: Path, registry: Registry) -> Callable[..., Problem]:
    """The problem of a config that is written without its first line."""
    (tmp_path / "d.csv").write_text("x,y,note,k\n1,2,,0\n2,4,ok,1\n3,7,,0\n")
    (tmp_path / "w.csv").write_text("w\n0.5\n2\n")

    def make(text: str, **options: Any) -> Problem:
        (tmp_path / "fit.yaml").write_text(f"version: 1\n{text}")
        return load(tmp_path / "fit.yaml", **{"registry": registry, **options})

    return make
