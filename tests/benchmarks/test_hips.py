"""The runner of autograd's tests, on a few made-up ones in their manner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats as stats
from autograd import elementwise_grad, grad, hessian, make_vjp
from autograd.extend import defvjp, primitive
from autograd.test_util import check_grads, combo_check

npr.seed(1)


@primitive
def own(x):
    return 2.0 * x


def test_products():
    combo_check(np.dot, [0, 1])([npr.randn(3, 2)], [npr.randn(2, 3), npr.randn(2)])


def test_several_arguments():
    assert grad(lambda a, b: a**2 * b, argnum=[0, 1])(3.0, 2.0) == (12.0, 9.0)
    assert np.allclose(hessian(lambda x: np.sum(x**3))(np.ones(2)), 6.0 * np.eye(2))
    pullback, value = make_vjp(np.sin)(0.0)
    assert pullback(2.0) == 2.0 and value == 0.0


def test_density():
    check_grads(stats.norm.logpdf, (0, 1, 2))(npr.randn(4), 0.3, 1.2)


def test_complex():
    check_grads(np.abs)(1.0 + 2.0j)


def test_own_primitive():
    grad(own)(1.0)


def test_assignment():
    def changed(x):
        y = np.zeros(2)
        y[0] = x
        return y[0]

    grad(changed)(1.0)
"""

WRONG = """
from autograd import grad


def test_wrong():
    assert grad(lambda x: x * x)(3.0) == 7.0
"""


def told(folder: Path) -> tuple[int, str, list[str]]:
    command = [sys.executable, "-m", "benchmarks.hips", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    *listed, counts = ended.stdout.splitlines() or [ended.stderr]
    return ended.returncode, counts, listed


def test_tests_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    (tmp_path / "test_made_up.py").write_text(TESTS)
    code, counts, listed = told(tmp_path)
    assert counts == (
        "3 passes, 1 complex values, 1 autograd's internals, 1 refused, 0 skipped, 0 wrong of 6"
    )
    assert code == 0
    assert [line.split("  ")[0] for line in listed] == [
        "complex values: test_made_up.py::test_complex",
        "autograd's internals: test_made_up.py::test_own_primitive",
        "refused: test_made_up.py::test_assignment",
    ]
    assert told(tmp_path) == (code, counts, listed)


def test_a_wrong_answer_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text(WRONG)
    code, counts, listed = told(tmp_path)
    assert (code, counts.rpartition(", ")[2]) == (1, "1 wrong of 1")
    assert listed[0].startswith("wrong: test_wrong.py::test_wrong  AssertionError")
