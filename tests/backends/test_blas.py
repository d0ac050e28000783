"""Products inside a pass run on one thread, and the library is left as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from optserve.backends import blas
from optserve.backends.blas import _Pool, has_products, one_thread
from optserve.primitives.tracing import trace
from tests.architecture.house import ROOT


def test_the_library_below_numpy_is_known() -> None:
    pool = blas._pool()
    before = pool.read()
    with one_thread(), one_thread():
        assert pool.read() == 1
    assert pool.read() == before


def test_what_fails_inside_restores_too() -> None:
    pool = blas._pool()
    before = pool.read()
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert pool.read() == before


def test_the_last_of_several_passes_restores() -> None:
    counts = [4]
    pool = _Pool(lambda: counts[-1], counts.append)
    with pool:
        other = threading.Thread(target=pool.__enter__)
        other.start()
        other.join()
    assert counts == [4, 1]
    pool.__exit__()
    assert counts == [4, 1, 4]


def test_a_library_of_one_thread_is_not_asked() -> None:
    pool = _Pool(lambda: 1, lambda count: pytest.fail("nothing to change"))
    with pool:
        pass


def test_has_products() -> None:
    x = np.ones((2, 2))
    for function, expected in ((lambda x: x @ x, True), (np.exp, False)):
        graph = trace(function, x).graph
        assert has_products(graph) is expected


BITS = """
import sys
from benchmarks.workloads.logistic import problem
from optserve.backends.numpy import compile_graph
own = problem(70_000)
for value in compile_graph(own.gradient_graph(), int(sys.argv[1]))(*own.arguments):
    print(value.tobytes().hex())
"""


def test_no_bit_depends_on_the_threads_that_the_library_could_use() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", BITS, own],
            env={**os.environ, "OPENBLAS_NUM_THREADS": theirs, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for own, theirs in (("1", "1"), ("1", "2"), ("2", "1"), ("2", "2"))
    }
    assert len(found) == 1
