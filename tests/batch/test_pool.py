"""Processes that do one task after another: what one leaves behind never reaches the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from random import random

import numpy as np
import pytest

from optserve.batch.pool import Done, Pool, Task
from optserve.batch.serving import Do, JobVerdict, Send
from optserve.jobs.interruption import Interruption
from optserve.memo import Memo
from tests.batch.test_batch import FINE, batch, here, outcomes, without_what_varies
from tests.cli.conftest import environment

__all__ = ["here"]

KEPT: list[object] = []

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere none does two tasks")


def done(do: Do, *requests: bytes, size: int = 1, **limits: float) -> list[Done[bytes]]:
    with Interruption() as interruption:
        pool = Pool(size, interruption, do, timeout=limits.get("timeout"))
        found = [*pool.run([Task(request, request) for request in requests])]
    return sorted(found, key=lambda one: one.of)


def pids(found: list[Done[bytes]]) -> list[int]:
    return [message["pid"] for one in found for message in one.messages]


def clean(request: bytes, send: Send, new: bool) -> JobVerdict:
    send({"pid": os.getpid(), "new": new})
    return "next"


def test_one_process_does_many_tasks() -> None:
    found = done(clean, *(b"%03d" % number for number in range(50)), size=2)
    assert len(found) == 50
    assert len({*pids(found)}) <= 2
    assert sum(one.messages[0]["new"] for one in found) == len({*pids(found)})


def _handle() -> None:
    signal.signal(signal.SIGUSR1, lambda *told: None)


def _thread() -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


LEFT: dict[str, Callable[[], object]] = {
    "directory": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(OPTSERVE_LEFT="1"),
    "path": lambda: sys.path.append("/nowhere"),
    "handler": _handle,
    "timer": lambda: signal.setitimer(signal.ITIMER_REAL, 600),
    "file": lambda: KEPT.append(open(os.devnull)),  # noqa: PTH123, SIM115
    "thread": _thread,
    "process": lambda: KEPT.append(subprocess.Popen(["sleep", "60"])),
    "random": random,
    "random numbers": lambda: np.random.random(),
    "filter": lambda: warnings.simplefilter("ignore"),
    "errors": lambda: np.seterr(all="ignore"),
    "recursion": lambda: sys.setrecursionlimit(4321),
    "kept memory": lambda: KEPT.append(np.ones(20_000_000)),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_ends_a_process(what: str) -> None:
    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        LEFT[what]()
        return clean(request, send, new)

    found = done(do, b"1", b"2", b"3")
    assert len({*pids(found)}) == 3
    assert all(one.status == 0 for one in found)


def test_a_library_that_is_imported_ends_none() -> None:
    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        category = type("Mine", (Warning,), {"__module__": "scipy.special"})
        warnings.filterwarnings("always", category=category)
        return clean(request, send, new)

    assert len({*pids(done(do, b"1", b"2", b"3"))}) == 1


def test_caches_within_bounds_end_none() -> None:
    memo = Memo(8)

    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        memo.of(request, lambda: [*range(1000)])
        return clean(request, send, new)

    assert len({*pids(done(do, b"1", b"2", b"3"))}) == 1


@pytest.mark.parametrize("end", ["crash", "exit", "raise", "again"])
def test_what_an_old_process_did_not_do_well_is_done_in_a_new_one(end: str) -> None:
    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        if request == b"2" and not new:
            send({"pid": "of the old one"})
            if end == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if end == "exit":
                os._exit(0)
            if end == "raise":
                raise SystemExit
            return "again"
        return clean(request, send, new)

    found = done(do, b"1", b"2", b"3")
    assert [len(one.messages) for one in found] == [1, 1, 1]
    assert found[1].messages[0]["new"]
    assert all(one.status == 0 for one in found)


def test_what_a_new_process_does_not_do_well_is_told() -> None:
    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        sys.stdout.write(f"before {request.decode()}")
        sys.stdout.flush()
        if request == b"2":
            os.kill(os.getpid(), signal.SIGKILL)
        return clean(request, send, new)

    found = done(do, b"1", b"2", b"3")
    assert [(one.status, len(one.messages)) for one in found] == [(0, 1), (-9, 0), (0, 1)]
    assert [one.printed for one in found] == ["", "before 2", ""]  # and nothing of the first


def test_a_process_that_ends_between_two_tasks_costs_none() -> None:
    found = []
    with Interruption() as interruption:
        pool = Pool(1, interruption, clean)
        for one in pool.run([Task(request, request) for request in (b"1", b"2", b"3")]):
            found.append(one)
            os.kill(pids(found)[-1], signal.SIGKILL)
    assert [one.of for one in found] == [b"1", b"2", b"3"]
    assert len({*pids(found)}) == 3


def test_each_task_has_the_whole_time() -> None:
    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        time.sleep(60 if request == b"9" else 0.3)
        return clean(request, send, new)

    found = done(do, *(b"%d" % number for number in range(1, 5)), b"9", timeout=1.0)
    assert [one.told for one in found] == [""] * 4 + ["timeout"]
    assert len({*pids(found)}) == 1


NAMING = """
import os, pathlib
from optserve.plugin import aligned, hookimpl, opaque

def named(number):
    def function(x):
        with pathlib.Path("pids").open("a") as file:
            file.write(f"{number} {os.getpid()}\\n")
        return x
    return opaque(f"named{number}", function, shape=lambda x: x, axes=aligned,
                  pullback=lambda ct, out, x: (ct,), doc="Tells in which process it is.")

@hookimpl
def optserve_primitives():
    return [named(number) for number in range(3)]
"""

COUNTED = """
import sys
from optserve.batch import pool
made = []

class Counted(pool.Process):
    def __init__(self, *given, **named):
        made.append(1)
        super().__init__(*given, **named)

pool.Process = Counted
from optserve.cli import main
try:
    main()
finally:
    print("processes", len(made), file=sys.stderr)
"""


def test_jobs_with_code_of_a_plugin_share_no_process(here: Path) -> None:
    (here / "naming.py").write_text(NAMING)
    for number in range(3):
        text = FINE.replace("b - 1", f"named{number}(b) - 1")
        (here / f"job{number}.yaml").write_text(text)
    code, told, _ = batch(here, ".", "--plugin", "naming.py", "--jobs", "1")
    assert code == 0, told
    found = [line.split() for line in (here / "pids").read_text().splitlines()]
    processes = [{pid for number, pid in found if number == str(one)} for one in range(3)]
    assert [len(one) for one in processes] == [1, 1, 1]
    assert len(set.union(*processes)) == 3


@pytest.mark.parametrize(("plugins", "made"), [((), 3), (("--plugin", "naming.py"), 8)])
def test_jobs_share_processes_where_no_plugin_is_imported(
    here: Path, plugins: tuple[str, ...], made: int
) -> None:
    (here / "naming.py").write_text(NAMING)
    for number in range(6):
        (here / f"fine{number}.yaml").write_text(FINE)
    (here / "timed.yaml").write_text(FINE.replace("expect: {", "expect: {seconds: {max: 60}, "))
    told = subprocess.run(
        [sys.executable, "-c", COUNTED, "batch", ".", "--jobs", "1", *plugins],
        cwd=here,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    # One checks; one runs those that are fine; that of which something is asked has its own.
    assert f"processes {made}" in told.stderr
    results = [
        without_what_varies(outcomes(here)[f"fine{number}"])["reason"] for number in range(6)
    ]
    assert results == [results[0]] * 6
