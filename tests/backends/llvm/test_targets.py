"""Native code for other processors: AArch64 is emitted and verified, AVX2 runs here too."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest

from benchmarks.problem import Problem
from benchmarks.workloads import curve, embedding, gemm, gmm, logistic, mlp, scan
from optserve.backends import llvm
from optserve.backends.llvm.ir.engine import Engine, engine_for
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.programs import compiled_program
from optserve.backends.llvm.rows import native_pass
from optserve.errors import DerivativeError
from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.cases import cases
from optserve.testing.rows import row_assignments
from optserve.transforms.derivative_check import equation_graph, pullback_graph
from tests.conformance.composed import is_composed

AARCH64, ELF, MACHINE = "aarch64-unknown-linux-gnu", b"\x7fELF", 183  # EM_AARCH64

PROBLEMS = {
    "curve": curve.problem(100),
    "logistic": logistic.problem(100),
    "gmm": gmm.problem(1),
    "embedding": embedding.problem(50, 20),
    "gemm": gemm.problem(16),
    "scan": scan.problem,
    "mlp": Problem(
        mlp.loss,
        mlp.parameters,
        lambda: [batch[0] for batch in mlp.batches()],
        precision="float32",
        tolerance=1e-4,
    ),
}

needs_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="code for x86-64 runs there only"
)


class Elsewhere(Engine):
    """An engine for a processor that this is not: what it makes is kept, not loaded."""

    def load(self, code: bytes, name: str) -> int:
        self._loaded.append(code)
        raise Unsupported("code for another processor")


def use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile with another engine, passes and whole programs."""
    for room in (native_pass, compiled_program):
        monkeypatch.setattr(room, "engine", lambda: engine)


@pytest.fixture(autouse=True)
def cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = engine_for("generic", triple=AARCH64)
    engine = Elsewhere(made.machine, made.triple, made.processor, made.features)
    use(engine, monkeypatch)
    return engine


@pytest.fixture
def avx2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """From when it is called on, code is for processors with AVX2 and nothing newer."""
    engine = engine_for("haswell")  # code lives as long as its engine
    yield lambda: use(engine, monkeypatch)
    assert engine._loaded


def is_code_for_aarch64(code: bytes) -> bool:
    return code[:4] == ELF and int.from_bytes(code[18:20], "little") == MACHINE


def with_rows(primitive: Primitive, most: int | None) -> Iterator[tuple[Graph, Sequence[Array]]]:
    """A primitive with its pullback, with every axis as rows that can be."""
    for case in islice(cases(primitive), most):
        for _, avals, attributes in row_assignments(case):
            graph = equation_graph(primitive, avals, attributes)
            arguments = list(case.operands)
            try:
                pulled = pullback_graph(graph, values=True)
            except DerivativeError:
                yield graph, arguments
                continue
            for value, atom in zip(case.evaluate(), graph.outputs, strict=True):
                if atom.aval.dtype.kind == "f":
                    arguments.append(np.ones(np.shape(value), atom.aval.dtype))
            yield pulled, arguments


FEW = 1
"""Cases of a primitive that are tried in every run; the others are other values and shapes."""

EACH_SHARE = pytest.mark.parametrize(
    ("primitives", "most"),
    [
        pytest.param(
            [one for one in builtin_primitives() if not is_composed(one)][::2], FEW, id="few"
        ),
        pytest.param(builtin_primitives(), None, id="all", marks=pytest.mark.nightly),
    ],
)
"""Every other primitive with code of its own; nightly all of them, and all cases."""


@pytest.mark.parametrize("name", PROBLEMS)
def test_benchmarks_have_code_for_aarch64(name: str, elsewhere: Engine) -> None:
    problem = PROBLEMS[name]
    problem.check(llvm.compile_graph(problem.gradient_graph())(*problem.arguments))
    assert all(map(is_code_for_aarch64, elsewhere._loaded))
    assert elsewhere._loaded


@EACH_SHARE
def test_primitives_have_code_for_aarch64(
    elsewhere: Engine, primitives: Sequence[Primitive], most: int | None
) -> None:
    for primitive in primitives:
        for graph, arguments in with_rows(primitive, most):
            llvm.compile_graph(graph)(*arguments)
    assert len(elsewhere._loaded) > len(primitives)
    assert all(map(is_code_for_aarch64, elsewhere._loaded))


@needs_x86
@pytest.mark.parametrize("name", PROBLEMS)
def test_benchmarks_run_with_avx2_alone(name: str, avx2: Callable[[], None]) -> None:
    problem = PROBLEMS[name]
    graph = problem.gradient_graph()
    here = llvm.compile_graph(graph)(*problem.arguments)
    avx2()
    there = llvm.compile_graph(graph)(*problem.arguments)
    problem.check(there)
    for one, other in zip(here, there, strict=True):
        # The same operations in the same lanes: only products through BLAS may differ.
        scale = np.max(np.abs(one))
        np.testing.assert_allclose(other, one, rtol=0.0, atol=64 * np.finfo(one.dtype).eps * scale)


@needs_x86
@EACH_SHARE
def test_primitives_run_with_avx2_alone(
    avx2: Callable[[], None], primitives: Sequence[Primitive], most: int | None
) -> None:
    avx2()
    for primitive in primitives:
        for graph, arguments in with_rows(primitive, most):
            with np.errstate(all="ignore"):
                expected = interpret(graph, *arguments)
            for found, wanted in zip(llvm.compile_graph(graph)(*arguments), expected, strict=True):
                scale = np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))
                np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13 * scale)
