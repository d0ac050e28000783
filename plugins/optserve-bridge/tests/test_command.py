"""Programs as primitives: their values, adjoints and differences, and all that may go wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optserve_bridge import command
from optserve_bridge.program import Failed, Program

from optserve import testing
from optserve.plugin import Example, Primitive, positive
from optserve.transforms.functions import grad

PROGRAM = Path(__file__).with_name("decay.py")
TIMES = np.array([0.5, 1.0, 2.0])


def decay(fault: str = "", **options: Any) -> Primitive:
    return command(
        "decay",
        [sys.executable, str(PROGRAM), *([fault] if fault else [])],
        operands=["rate", "times"],
        shape=lambda rate, times: times,
        domain=positive,
        examples=[Example(((), (3,)))],
        **options,
    )


def test_value_and_adjoint() -> None:
    program = decay()
    np.testing.assert_allclose(program(0.7, TIMES), np.exp(-0.7 * TIMES), rtol=1e-15)
    slope = grad(lambda rate: np.sum(program(rate, TIMES)))(0.7)
    assert slope == pytest.approx(np.sum(-TIMES * np.exp(-0.7 * TIMES)), rel=1e-14)


@pytest.mark.parametrize("derivative", ["adjoint", "differences"])
@pytest.mark.parametrize("law", ["value", "derivative", "purity", "shape"])
def test_it_keeps_the_laws(derivative: str, law: str) -> None:
    checks = [one for one in testing.checks([decay(derivative=derivative)]) if law in str(one)]
    for check in checks:
        check()


def test_differences_of_a_program_without_an_adjoint() -> None:
    program = decay(derivative="differences")
    slope = grad(lambda rate: np.sum(program(rate, TIMES)))(0.7)
    assert slope == pytest.approx(np.sum(-TIMES * np.exp(-0.7 * TIMES)), rel=1e-9)


def test_a_wrong_adjoint_is_found() -> None:
    with pytest.raises(AssertionError, match="derivative by operand 0 is not that of the value"):
        testing.check_primitive(decay("slope"))


@pytest.mark.parametrize("fault", ["crash", "error"])
def test_an_evaluation_that_fails_is_no_number(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program = decay(fault)
    assert np.isnan(program(3.0, TIMES)).all()
    said = {"crash": "it ended with 7 in place of an answer", "error": "the rate is too high"}
    assert capsys.readouterr().err == f"decay: the evaluation failed: {said[fault]}\n"
    np.testing.assert_allclose(program(1.0, TIMES), np.exp(-TIMES))  # it is there again


def test_one_that_takes_too_long_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    assert np.isnan(decay("slow", timeout=0.2)(1.0, TIMES)).all()
    assert time.monotonic() - start < 5.0
    assert "no answer within 0.2 s" in capsys.readouterr().err


def test_what_is_not_finite_is_not_asked() -> None:
    assert np.isnan(decay("words")(np.nan, TIMES)).all()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("words", r"decay: it answered 'converged', which is no JSON"),
        ("shape", r"decay"),
    ],
)
def test_an_answer_that_is_none_is_an_error(fault: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        testing.check_primitive(decay(fault))


def test_large_arrays_do_not_block_the_pipes() -> None:
    times = np.linspace(0.0, 1.0, 200_000)
    np.testing.assert_allclose(decay()(1.0, times), np.exp(-times))


def test_the_derivative_has_a_known_name() -> None:
    with pytest.raises(ValueError, match="'adjoint' or 'differences', not 'finite'"):
        decay(derivative="finite")


README = (Path(__file__).parents[1] / "README.md").read_text()


def test_what_the_readme_shows_is_certified_fits_and_leaves_no_process(tmp_path: Path) -> None:
    program, plugin, *_ = re.findall(r"```py\n(.*?)```", README, re.DOTALL)
    [config] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    files = {"cooling.py": program, "plugin.py": plugin, "fit.yaml": config}
    for name, text in files.items():
        (tmp_path / name).write_text(text.replace('"cooling.py"]', f'"{tmp_path}/cooling.py"]'))
    package = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "optserve", "run", "fit.yaml", "--plugin", "plugin.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([package, *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.698" in done.stdout
    assert "1 rule used, certified" in done.stdout
    left = subprocess.run(
        ["pgrep", "-f", f"{tmp_path}/cooling.py"], capture_output=True, check=False
    )
    assert not left.stdout


def program(tmp_path: Path, body: str, timeout: float = 5.0) -> Program:
    """A program that numbers its answers, where ``body`` is done after each of them."""
    path = tmp_path / "program.py"
    lines = f"for n, line in enumerate(sys.stdin):\n    print(n, flush=True)\n    {body}\n"
    path.write_text(f"import os, sys, time\n{lines}")
    return Program([sys.executable, str(path)], timeout)


def test_a_second_line_is_no_answer_to_the_next_question(tmp_path: Path) -> None:
    twice = program(tmp_path, "os.write(1, b'9\\n') if n == 1 else None")
    assert twice.ask({}) == 0
    with pytest.raises(ValueError, match="beside an answer"):
        _ask_twice(twice)  # it comes with the answer, or after it
    assert twice.ask({}) == 0  # of a process of its own


def _ask_twice(asked: Program) -> None:
    assert asked.ask({}) == 1
    time.sleep(0.2)
    asked.ask({})


def test_a_flood_without_an_end_takes_no_longer_than_the_timeout(tmp_path: Path) -> None:
    flood = program(tmp_path, "", timeout=0.5)
    path = tmp_path / "program.py"
    path.write_text(
        "import os, sys\nsys.stdin.readline()\nwhile True:\n    os.write(1, b'z' * 65536)\n"
    )
    before = time.monotonic()
    with pytest.raises(Failed, match="no answer within"):
        flood.ask({})
    assert time.monotonic() - before < 3.0


def test_a_program_that_closes_its_output_is_not_waited_for(tmp_path: Path) -> None:
    closed = program(tmp_path, "os.close(1); time.sleep(60)", timeout=0.5)
    assert closed.ask({}) == 0
    with pytest.raises(Failed, match="closed its output"):
        closed.ask({})
