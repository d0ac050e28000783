"""Configs that use plugins that do something wrong, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

CONFIG = """
    version: 1
    name: r
    data: {inline: {y: [0.12, 0.55, 0.77, 1.0, 0.88]}}
    parameters: {m: 0.1}
    log_likelihood: -0.5*odd((y - m)/0.05)
    optimizer: lbfgs
"""

IMPORTS = """
    import os, sys, threading, time
    import numpy as np
    from optserve.plugin import *
"""

HOOK = """
    @hookimpl
    def optserve_primitives(): return [odd]
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    error: str
    saved: dict[str, Any]

    @property
    def printed(self) -> dict[str, Any]:
        """What stdout holds, which must be JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(folder: Path, plugin: str, *options: str) -> Ended:
    (folder / "odd.py").write_text(dedent(IMPORTS) + dedent(plugin) + dedent(HOOK))
    (folder / "fit.yaml").write_text(dedent(CONFIG))
    command = [sys.executable, "-c", "from optserve.cli import main; main()", "run", "fit.yaml"]
    command += ["--plugin", "odd.py", "--quiet", "--out", "out", *options]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    record = folder / "out" / "result.json"
    saved = json.loads(record.read_text()) if record.exists() else {}
    return Ended(ended.returncode, ended.stdout, ended.stderr, saved)


def test_a_value_that_exits_is_the_plugins_failure(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        odd = opaque("odd", lambda x: sys.exit(0), shape=lambda x: x, axes=aligned, doc="A.",
                     pullback=lambda ct, out, x: (ct,))
        """,
    )
    assert ended.code == 6
    assert "odd" in ended.out
    assert "SystemExit: 0" in ended.out
    assert ended.saved["termination"]["exit_code"] == 6


LATE = """
    import atexit
    calls = 0
    atexit.register(lambda: print("calls", calls, file=sys.stderr))
    def value(x):
        global calls
        calls += 1
        if calls > {calls}:
            {fault}
        return x * x
    odd = opaque("odd", value, shape=lambda x: x, axes=aligned, doc="A.",
                 pullback=lambda ct, out, x: (2.0 * ct * x,))
"""


@pytest.mark.parametrize("fault", ["sys.exit(0)", "raise BaseException('gone')", "1 / 0"])
def test_a_value_that_fails_in_the_middle_leaves_the_best_point(tmp_path: Path, fault: str) -> None:
    counted = run(tmp_path, LATE.format(calls=10**6, fault="pass"))
    calls = int(counted.error.split()[-1])
    for file in (tmp_path / "out").iterdir():
        file.unlink()
    (tmp_path / "out").rmdir()
    ended = run(tmp_path, LATE.format(calls=calls - 2, fault=fault), "--format", "json")
    assert ended.code == 6
    assert ended.printed["termination"]["reason"] == "plugin"
    assert ended.saved["parameters"]["m"] == pytest.approx(0.664, abs=0.1)
    assert ended.saved["failure"]["primitive"] == "odd"


def test_what_a_plugin_prints_and_leaves_running_does_no_harm(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        print("at import")
        def forever():
            while True:
                time.sleep(0.01)
                print("from a thread", flush=True)
        threading.Thread(target=forever).start()
        def value(x):
            print("from a value")
            os.write(1, b"from compiled code")
            return x * x
        odd = opaque("odd", value, shape=lambda x: x, axes=aligned, doc="A.",
                     pullback=lambda ct, out, x: (2.0 * ct * x,))
        """,
        "--format",
        "json",
    )
    assert ended.code == 0
    assert ended.printed["termination"]["converged"]
    for told in ("at import", "from a thread", "from a value", "from compiled code"):
        assert told in ended.error


def test_a_wrong_second_derivative_gives_no_wrong_error_bars(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        dbl = elementwise("dbl", lambda x: 2.0 * x, partials=lambda out, x: (0.5 + 0.0 * x,),
                          doc="Wrong: its derivative is 2.")
        odd = elementwise("odd", lambda x: x * x, partials=lambda out, x: (dbl(x),),
                          doc="Right to first order.")
        """,
    )
    assert ended.code == 6
    assert ended.saved["standard_errors"] == {"m": None}
    told = " ".join(ended.out.split())
    assert "odd of" in told
    assert "its second derivative by operand 0 is not that of its value" in told
    assert "dbl of" in told
    assert "its derivative by operand 0 is not that of its value" in told


@pytest.mark.parametrize(
    "plugin",
    [
        """
        def body(x):
            sys.exit(0)
        odd = elementwise("odd", body, doc="It exits when it is recorded.")
        """,
        """
        odd = opaque("odd", lambda x: x, shape=lambda x: sys.exit(0), doc="Its shape rule exits.")
        """,
        """
        odd = opaque("odd", lambda x: x * x, shape=lambda x: x, axes=lambda c, x: sys.exit(0),
                     pullback=lambda ct, out, x: (2.0 * ct * x,), doc="Its axis rule exits.")
        """,
        """
        odd = elementwise("odd", lambda x: x * x, partials=lambda out, x: sys.exit(0), doc="A.")
        """,
        """
        odd = composite("odd", lambda x: x * x, doc="Its rule exits.",
                        rule=lambda x: (x * x, lambda ct: sys.exit(0)))
        """,
    ],
    ids=["body", "shape", "axes", "partials", "rule"],
)
def test_whatever_exits_is_told_with_its_name(tmp_path: Path, plugin: str) -> None:
    ended = run(tmp_path, plugin, "--format", "json")
    assert ended.code == 6, ended.error
    assert "odd" in ended.out
    assert "exit" in ended.out
    assert ended.printed
