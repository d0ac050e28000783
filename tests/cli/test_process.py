"""`optserve` as a process: signals, closed and broken streams, folders that are not ours."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command, command_line, environment

LONG = """
version: 1
name: long
parameters: {x: 3}
loss: (x - 1)**2
optimizer: {gradient_descent: {learning_rate: 1.0e-12}}
stop: {steps: 10000000000000}
"""

SIMPLE = "{version: 1, name: simple, parameters: {x: 3}, loss: (x - 1)**2, optimizer: lbfgs}"


pytestmark = pytest.mark.usefixtures("interruptible")


@pytest.fixture(autouse=True)
def configs(here: Path) -> None:
    (here / "long.yaml").write_text(LONG)
    (here / "simple.yaml").write_text(SIMPLE)


@pytest.fixture
def long_job(here: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A job that would take hours, descending, and the terminal that shows its progress."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        command_line("run", "long.yaml"),
        cwd=here,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=inside,
        text=True,
    )
    os.close(inside)
    seen = b""
    while b"step" not in seen:
        seen += os.read(terminal, 4096)
    yield process, terminal
    process.kill()
    process.communicate()
    os.close(terminal)


def test_progress_on_a_terminal(long_job: tuple[subprocess.Popen[str], int]) -> None:
    _, terminal = long_job
    line = b""
    while b"\r" not in line[1:]:
        line += os.read(terminal, 4096)
    assert b" of 10000000000000  loss " in line


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_a_signal_in_the_middle(
    long_job: tuple[subprocess.Popen[str], int], here: Path, number: int, code: int, word: str
) -> None:
    process, _ = long_job
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert output.startswith(f"long  {word} after ")
    assert f"exit {code}" in output
    record = json.loads((here / "runs/long/0001/result.json").read_text())
    assert record["termination"]["exit_code"] == code
    assert (here / "runs/long/0001/checkpoint.npz").exists()


def test_no_progress_without_a_terminal(optserve: Command) -> None:
    assert optserve("run", "long.yaml", "--set", "stop.seconds=0.5").stderr == ""


@pytest.mark.parametrize("streams", [{"stdin": None}, {"stdout": None}, {"stderr": None}])
def test_a_closed_stream(here: Path, streams: dict[str, Any]) -> None:
    [closed] = streams
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[closed]
    code = f"import os; os.close({number}); os.execv({sys.executable!r}, {ARGUMENTS!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (here / "runs/simple/0001/result.json").exists()
    assert (closed == "stdout") == (done.stdout == "")


ARGUMENTS = command_line("run", "simple.yaml")


def test_a_reader_who_leaves(here: Path) -> None:
    process = subprocess.Popen(
        command_line("run", "simple.yaml"),
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert process.wait(timeout=60) == 0  # the job is what the code tells of
    assert errors == ""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_is_full(optserve: Command) -> None:
    with Path("/dev/full").open("w") as full:
        done = optserve("run", "simple.yaml", capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 1
    assert done.stderr == "cannot write the output: No space left on device\n"


def test_an_encoding_without_the_letters(optserve: Command, here: Path) -> None:
    (here / "greek.yaml").write_text(
        "{version: 1, name: greek, parameters: {μ: 3}, loss: (μ - 1)**2}", encoding="utf-8"
    )
    done = optserve("run", "greek.yaml", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "\\u03bc" in done.stdout


def test_columns_are_aligned_as_they_are_shown(optserve: Command, here: Path) -> None:
    (here / "greek.yaml").write_text(
        "{version: 1, name: greek, parameters: {μ: 3, b: 3}, loss: (μ - 1)**2 + b**2}",
        encoding="utf-8",
    )
    done = optserve("run", "greek.yaml", env={"PYTHONIOENCODING": "ascii"})
    head, *rows = [line for line in done.stdout.splitlines() if line.startswith("  ")][:3]
    at = head.index("start")
    assert [row[at - 2 : at + 1] for row in rows] == ["  3", "  3"]


def test_a_folder_that_cannot_be_written(optserve: Command, here: Path) -> None:
    (here / "runs").write_text("a file, not a folder")
    done = optserve("run", "simple.yaml")
    assert (done.returncode, done.stdout) == (2, "")  # before anything runs
    assert done.stderr.splitlines() == [
        f"there is no place for the result: {here / 'runs'} is a file  [cannot-write]",
        "  expected: a folder in which a new one can be made",
        "  remedy: start optserve in another folder, or give one: --out DIR",
    ]


def test_a_fault_of_our_own(optserve: Command, here: Path) -> None:
    broken = "import optserve.config.written as w; w.validated = lambda *given: 1 / 0\n"
    (here / "sitecustomize.py").write_text(broken)
    path = {"PYTHONPATH": os.pathsep.join([str(here), environment()["PYTHONPATH"]])}
    done = optserve("run", "simple.yaml", "--format", "json", env=path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "internal error: ZeroDivisionError: division by zero  [internal]\n  at: "
    )
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["kind"] == "InternalError"
    told = optserve("run", "simple.yaml", env={**path, "OPTSERVE_TRACEBACK": "1"})
    assert "Traceback (most recent call last)" in told.stderr


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_before_the_job(
    here: Path, number: int, code: int, word: str, output: str
) -> None:
    os.mkfifo(here / "late.yaml")
    process = started(here, "run", "late.yaml", "--format", output)
    writer = os.open(here / "late.yaml", os.O_WRONLY)  # waits until it is being read
    time.sleep(0.2)
    process.send_signal(number)
    told, errors = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, errors) == (code, f"{word}\n")
    expected = {"error": {"kind": word.title(), "code": word, "message": word}, "exit_code": code}
    assert (json.loads(told) if output == "json" else told) == (
        expected if output == "json" else ""
    )


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
def test_an_interrupt_at_any_time(here: Path, delay: float) -> None:
    """From when ``main`` heeds signals: before, they are the interpreter's to answer."""
    code = (
        "import os; import optserve.cli as c; heed = c.heed_signals;"
        "c.heed_signals = lambda: (heed(), os.write(2, b'.')); c.main()"
    )
    process = started(here, "run", "long.yaml", "--format", "json", code=code)
    assert process.stderr is not None
    assert os.read(process.stderr.fileno(), 1) == b"."
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors in ("", "interrupted\n")
    record = json.loads(told)
    saved = (here / "runs" / "long" / "0001" / "result.json").exists()
    assert saved == ("termination" in record)


def test_an_interrupt_while_stdout_is_set_apart(here: Path) -> None:
    code = (
        "import os, signal, time; keep = os.dup2;"
        "os.dup2 = lambda *g: (keep(*g), os.kill(os.getpid(), signal.SIGINT), time.sleep(1));"
        "from optserve.cli import main; main()"
    )
    process = started(here, "run", "long.yaml", "--format", "json", code=code)
    told, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert json.loads(told)["exit_code"] == 130


def test_an_interrupt_while_plugins_are_asked(here: Path) -> None:
    code = (
        "import contextlib, os, signal, time; redirect = contextlib.redirect_stdout.__enter__;"
        "contextlib.redirect_stdout.__enter__ = lambda *g: ("
        "redirect(*g), os.kill(os.getpid(), signal.SIGINT), time.sleep(1));"
        "from optserve.cli import main; main()"
    )
    process = started(here, "run", "long.yaml", "--format", "json", code=code)
    told, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert json.loads(told)["exit_code"] == 130


def test_signals_while_it_is_saved(here: Path) -> None:
    slow = (
        "import time, optserve.jobs.record.artefacts as a; keep = a.Room.keep;"
        "a.Room.keep = lambda *g: (print('saving', file=__import__('sys').stderr, flush=True),"
        "time.sleep(0.5), keep(*g))[2]; from optserve.cli import main; main()"
    )
    process = started(here, "run", "simple.yaml", code=slow)
    assert process.stderr is not None
    assert process.stderr.readline() == "saving\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
        time.sleep(0.05)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert (here / "runs/simple/0001/checkpoint.npz").exists()


def test_a_result_that_cannot_be_saved_is_printed_with_the_code_of_the_process(
    here: Path,
) -> None:
    """A limit on the size of files stands for a full disk."""
    limited = (
        "import optserve.jobs.record.artefacts as a, resource; keep = a.Room.keep;"
        "a.Room.keep = lambda *g: (resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)),"
        "keep(*g))[1]; from optserve.cli import main; main()"
    )
    process = started(here, "run", "simple.yaml", "--format", "json", code=limited)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot save the result: File too large  [cannot-write]\n  remedy: ")
    assert json.loads(told)["termination"]["exit_codes"] == [1, 0]
    assert not (here / "runs").exists()


def started(here: Path, *arguments: str, code: str = "") -> subprocess.Popen[str]:
    """A process that runs, whose output is read later; ``code`` instead of the usual start."""
    command = command_line(*arguments)
    if code:
        command[1:3] = "-c", code
    return subprocess.Popen(
        command,
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
