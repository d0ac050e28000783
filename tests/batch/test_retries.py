"""Retries, and what a log tells of a batch."""

from __future__ import annotations

import json
from pathlib import Path

from tests.batch.test_batch import FINE, batch, here, outcomes

__all__ = ["here"]

ONCE = """
import os, pathlib, signal
from optserve.plugin import aligned, hookimpl, opaque

def flaky(x):
    marker = pathlib.Path("marker")
    if not marker.exists():
        marker.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return x

def killed(x):
    os.kill(os.getpid(), signal.SIGKILL)

def crashing(x):
    os.kill(os.getpid(), signal.SIGSEGV)

@hookimpl
def optserve_primitives():
    return [
        opaque(one.__name__, one, shape=lambda x: x, pullback=lambda ct, out, x: (ct,),
               axes=aligned, doc="A fault.")
        for one in (flaky, killed, crashing)
    ]
"""


def test_what_was_killed_runs_again_and_what_failed_does_not(here: Path) -> None:
    (here / "once.py").write_text(ONCE)
    (here / "fits").mkdir()
    for name in ("flaky", "killed", "crashing"):
        text = FINE.replace("(b - 1)**2", f"({name}(b) - 1)**2")
        (here / "fits" / f"{name}.yaml").write_text(text)
    (here / "fits" / "fails.yaml").write_text(FINE.replace("1.0e-6", "-1"))
    arguments = ("fits", "--plugin", "once.py", "--retries", "2", "--jobs", "2")
    code, told, log = batch(here, *arguments, "--log-format", "json")
    assert code == 1
    found = outcomes(here)
    assert {name: (one["ended"], one["retries"]) for name, one in found.items()} == {
        "flaky": ("result", 1),
        "killed": ("killed", 2),
        "crashing": ("killed", 0),
        "fails": ("result", 0),
    }
    assert found["flaky"]["exit_code"] == 0
    assert "(1 retry)" in told
    assert "(2 retries)" in told
    events = [json.loads(line) for line in log.splitlines()]
    assert [one["job"] for one in events if one["event"] == "retried"].count("killed") == 2
    assert {one["job"] for one in events if one["event"] == "ended"} == {*found}
    assert all(one["time"].endswith("Z") for one in events)
