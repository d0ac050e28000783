"""What the roofline page counts, and that its own native code does what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import ceiling
from benchmarks.roofline import PAGE, PROBLEMS, work_of
from benchmarks.workloads import curve, gmm, logistic


def test_bytes_are_those_of_the_columns() -> None:
    assert work_of(curve.problem(10).gradient_graph()).bytes == 2 * 8
    assert work_of(logistic.problem(10).gradient_graph()).bytes == 33 * 8
    assert work_of(gmm.problem(1).gradient_graph()).bytes == 10 * 8


def test_operations_are_those_of_products_and_functions() -> None:
    products = 2 * 2 * 32  # x @ w and x.T @ r
    assert products < work_of(logistic.problem(10).gradient_graph()).flops < products + 150
    functions = 2 * 28
    assert functions < work_of(curve.problem(10).gradient_graph()).flops < functions + 40


def test_the_machine_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "ENTRIES", 1 << 12)
    monkeypatch.setattr(ceiling, "TURNS", 1 << 8)
    found = ceiling.ceiling()
    assert min(found.read, found.triad, *found.peak.values()) > 1e8


def test_its_native_code_computes() -> None:
    a, b, c = np.zeros(64), np.arange(64.0), np.ones(64)
    triad = ceiling._function(ceiling._TRIAD, "triad", 4)
    triad(64, a.ctypes.data, b.ctypes.data, c.ctypes.data)
    np.testing.assert_array_equal(a, b + 3.0)
    sums = np.zeros(8)
    ceiling._function(ceiling._READ, "read", 3)(64, b.ctypes.data, sums.ctypes.data)
    assert sums.sum() == b.sum()
    room = np.full(ceiling.CHAINS * 8, 3.0)
    ceiling._function(ceiling._chains("double", 8), "chains", 2)(2, room.ctypes.data)
    np.testing.assert_array_equal(room, 1.5)


def test_the_page_has_every_workload() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| {name} | llvm |" in text for name in PROBLEMS)
