"""Batches on Dask: workers are killed; nothing is lost, nothing counts twice, no bit changes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from tests.batch.test_batch import FINE, batch, here, left_behind, outcomes
from tests.batch.test_executors import same_bits, small_fits, there
from tests.cli.conftest import command_line, environment

__all__ = ["here", "there"]

pytest.importorskip("distributed", reason="the extra `dask` is not installed")


def workers_of(pid: int) -> list[int]:
    """The workers of Dask that have begun a fork server, below a process, and fork servers that
    have begun a job."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            told = (process / "stat").read_text().rpartition(")")[2].split()
            parents[int(process.name)] = int(told[1])
            lines[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")

    def is_below(one: int) -> bool:
        while one in parents and one != pid:
            one = parents[one]
        return one == pid

    return sorted(
        {parents[one] for one, line in lines.items() if "optserve.batch.fork_server" in line}
        & {one for one in parents if is_below(one) and one != pid}
    )


def killed_at_random(
    there: Path, out: str, random: Random, most: int, number: signal.Signals = signal.SIGKILL
) -> int:
    """Run a batch on two workers of which one gets a signal now and then; returns how often."""
    process = subprocess.Popen(
        command_line("batch", "fits", "--on", "dask", "--jobs", "2", "--out", out, "--quiet"),
        cwd=there,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    times, over = 0, threading.Event()
    told: list[str] = []

    def read() -> None:
        told.append(process.communicate()[0])
        over.set()

    reading = threading.Thread(target=read)
    reading.start()
    while not over.is_set():
        found = workers_of(process.pid)
        if found and times < most:
            os.kill(random.choice(found), number)
            times += 1
        over.wait(random.uniform(0.2, 3) if times else 0.02)
    reading.join()
    assert process.returncode == 0, told
    return times


def held(there: Path, out: str) -> None:
    """Hold that the batch came to what it comes to without workers, and left nothing behind."""
    assert all(one["ended"] == "result" for one in outcomes(there, out).values())
    assert list(outcomes(there, out)) == list(outcomes(there, "local"))
    same_bits(there, "local", out)
    for _ in range(50):
        if not left_behind(there):
            break
        time.sleep(0.1)
    assert left_behind(there) == []


@pytest.mark.slow
def test_workers_that_are_killed_cost_nothing_but_time(there: Path) -> None:
    small_fits(there, 12)
    assert batch(there, "fits", "--out", "local", "--quiet")[0] == 0
    assert killed_at_random(there, "all", Random(0), 3) > 0
    held(there, "all")


@pytest.mark.nightly
def test_a_worker_that_hangs_costs_nothing_but_time(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "6s")
    small_fits(there, 12)
    assert batch(there, "fits", "--out", "local", "--quiet")[0] == 0
    assert killed_at_random(there, "all", Random(2), 1, signal.SIGSTOP) == 1
    held(there, "all")


@pytest.mark.nightly
def test_fifty_batches_whose_workers_are_killed(there: Path) -> None:
    small_fits(there, 30)
    assert batch(there, "fits", "--out", "local", "--quiet")[0] == 0
    random, times = Random(1), 0
    for _ in range(50):
        times += killed_at_random(there, "all", random, 10)
        held(there, "all")
        shutil.rmtree(there / "all")
    assert times >= 25  # the quicker a machine, the fewer are still at work when they are to die


@pytest.mark.slow
def test_a_signal_ends_workers_too(there: Path) -> None:
    (there / "fits" / "long.yaml").write_text(
        FINE + "optimizer: {gradient_descent: {learning_rate: 1.0e-12}}\n"
        "stop: {steps: 10000000000}\n"
    )
    process = subprocess.Popen(
        command_line("batch", "fits", "--on", "dask", "--jobs", "1", "--out", "all"),
        cwd=there,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while not workers_of(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 143
    assert outcomes(there, "all")["long"]["ended"] == "not run"
    held_by = [one for one in left_behind(there) if "optserve" in one]
    assert held_by == []


@contextmanager
def cluster(there: Path, protocol: str, more: Mapping[str, str]) -> Iterator[str]:
    """A scheduler and a worker of it, as an administrator begins them; gives the address."""
    run = [sys.executable, "-m", "distributed.cli.dask_spec"]
    scheduler = {"cls": "dask.distributed.Scheduler", "opts": {"host": f"{protocol}127.0.0.1"}}
    begun = []
    settings = {**environment(), **more, "DASK_DISTRIBUTED__DASHBOARD__LINK": ""}

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*run, *arguments], cwd=there, env=settings, text=True, stderr=subprocess.PIPE
        )
        begun.append(process)
        return process

    try:
        process = begin("--spec", json.dumps(scheduler))
        assert process.stderr is not None
        address = ""
        for line in process.stderr:
            if "Scheduler at:" in line:
                address = line.split()[-1]
                break
        begin(address, "--spec", json.dumps({"cls": "dask.distributed.Nanny", "opts": {}}))
        yield address
    finally:
        for process in reversed(begun):
            process.terminate()
            process.communicate()


@pytest.mark.nightly
def test_a_scheduler_that_runs_already_by_tls(there: Path) -> None:
    small_fits(there, 4)
    assert batch(there, "fits", "--out", "local", "--quiet")[0] == 0
    subject, files = ["-subj", "/CN=localhost"], ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files],
        cwd=there,
        check=True,
        capture_output=True,
    )
    settings = {
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(there / "cert.pem"),
        **{
            f"DASK_DISTRIBUTED__COMM__TLS__{role}__{kind}": str(there / file)
            for role in ("SCHEDULER", "WORKER", "CLIENT")
            for kind, file in (("CERT", "cert.pem"), ("KEY", "key.pem"))
        },
    }
    with cluster(there, "tls://", settings) as address:
        assert address.startswith("tls://")
        done = subprocess.run(
            command_line("batch", "fits", "--on", "dask", "--scheduler", address, "--out", "all"),
            cwd=there,
            env={**environment(), **settings},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    same_bits(there, "local", "all")


def test_a_scheduler_that_is_not_there_is_told(there: Path) -> None:
    (there / "fits" / "fine.yaml").write_text(FINE)
    os.environ["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "2s"
    try:
        arguments = ("--on", "dask", "--scheduler", "tcp://127.0.0.1:9")
        code, _, log = batch(there, "fits", *arguments)
    finally:
        del os.environ["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"]
    assert code == 2, log
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in log
