"""A config, a plugin and their lock, for the tests of the lock file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from optserve.batch.lock.file import NAME
from optserve.batch.lock.locking import Opening, check_locked, lock_configs
from optserve.errors import ConfigErrors, LockFailure, OptserveError
from optserve.registry.session import default_session

__all__ = ["CONFIG", "OF_PLUGIN", "PLUGIN", "ROWS", "afresh", "config", "lock", "locked", "told"]

CONFIG = """\
version: 1
name: growth
data: {read: rows.csv, derive: {half: t / 2}}
parameters:
  a: {init: 1.5, transform: log}
  k: {init: 0.3, bounds: [0, 5]}
  w: {shape: [2], init: [0.5, -0.2], penalty: {l2: 0.1}}
  c: {init: 0.1, penalty: {l2: 0.02}}
define:
  slow: exp(-k * t)
  bend: tanh(w[0] * t) + log(1 + a * t)
  mixed: softplus(w[1] * z) + sqrt(1 + half)
loss: >
  mean((y - a * slow - bend + mixed)**2) + 0.1 * abs(c) + max(w)
  + sum(where(z > 0, log(z + 2), sin(z)) * c) + 0.01 * sum(maximum(w, 0.1)**1.5)
"""

ROWS = "t,z,y\n0,1,2\n1,-1,1.3\n2,0.5,0.8\n3,-0.2,0.5\n4,2,0.4\n5,1,0.3\n6,0,0.25\n7,-1,0.2\n"

PLUGIN = '''\
"""Growth."""
from optserve.plugin import elementwise, hookimpl, opaque
import numpy as np


def _steps(x):
    # a simulator
    total = 0.0 * x
    for number in range(3):
        total = total + np.sin(x + number)
    return total


@hookimpl
def optserve_primitives():
    cube = elementwise("cube", lambda x: x * x * x, partials=lambda out, x: (3.0 * x * x,), doc="A")
    steps = opaque(
        "steps",
        _steps,
        shape=lambda x: x,
        pullback=lambda ct, out, x: (ct * (np.cos(x) + np.cos(x + 1) + np.cos(x + 2)),),
        doc="Steps.",
    )
    return [cube, steps]
'''

OF_PLUGIN = """\
version: 1
parameters: {u: 0.4, v: 0.7}
loss: cube(u) + steps(v) * u
"""


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """No config, and no rule, is known from another test."""
    default_session.cache_clear()
    yield
    default_session.cache_clear()


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lock of CONFIG."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "rows.csv").write_text(ROWS)
    (folder / "growth.yaml").write_text(CONFIG)
    [*lock_configs([folder / "growth.yaml"], Opening())]
    return (folder / NAME).read_text()


@pytest.fixture
def locked(config: Path, lock: str) -> Path:
    """CONFIG with a lock beside it."""
    config.with_name(NAME).write_text(lock)
    return config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "growth.yaml").write_text(CONFIG)
    return tmp_path / "growth.yaml"


def told(config: Path, opening: Opening | None = None) -> list[str]:
    """What has changed, a sentence each."""
    default_session.cache_clear()
    try:
        check_locked(config, opening or Opening())
    except ConfigErrors as several:
        errors: tuple[OptserveError, ...] = several.errors
    except LockFailure as error:
        errors = (error,)
    else:
        errors = ()
    assert {one.exit_code for one in errors} <= {4}
    return [one.message for one in errors]
