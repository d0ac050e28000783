"""The conformance of a backend: what it computes is what ``interpret`` computes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from optserve.backends.backend import Backend
from optserve.backends.lowering import Lowering
from optserve.errors import DerivativeError
from optserve.graph.aval import Array, is_float
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.cases import Case, cases, compare, fail
from optserve.testing.rows import row_assignments
from optserve.transforms.derivative_check import equation_graph, pullback_graph

__all__ = ["check_backend", "check_lowerings"]


def check_backend(
    backend: Backend, primitives: Iterable[Primitive] | None = None, *, seed: int = 0
) -> None:
    """Raise ``AssertionError`` unless ``backend`` agrees with ``interpret`` to rounding.

    Each primitive (by default every built-in one) is compiled together with its pullback, in
    float64 and in float32, and with every axis that can be rows as rows. Arguments must stay
    unchanged, and results may share no memory with them.

    >>> from optserve.backends.numpy import numpy_backend
    >>> from optserve.primitives.products import matmul
    >>> check_backend(numpy_backend(), [matmul])
    """
    for primitive in builtin_primitives() if primitives is None else primitives:
        for case in cases(primitive, seed=seed):
            single = case.cast(np.float32)
            _check_graph(backend, single, single.graph, tolerance=1e-5)
            _check_graph(backend, case, case.graph, tolerance=1e-12)
            for _, avals, attributes in row_assignments(case):
                graph = equation_graph(primitive, avals, attributes)
                _check_graph(backend, case, graph, tolerance=1e-12)


def check_lowerings(lowerings: Iterable[Lowering]) -> None:
    """Raise ``AssertionError`` unless native code gives what the primitives give, to rounding.

    >>> from optserve.plugin import opaque
    >>> quartic = opaque("quartic", lambda x: x**4, shape=lambda x: x)
    >>> check_lowerings([Lowering(quartic, lambda x: x * x * x * x)])
    """
    from optserve.backends.llvm import llvm_backend  # which not every plugin has code for

    own = [*lowerings]
    check_backend(llvm_backend(lowerings=own), [one.primitive for one in own])


def _check_graph(backend: Backend, case: Case, graph: Graph, *, tolerance: float) -> None:
    graph, arguments = _with_pullback(case, graph)
    before = [argument.tobytes() for argument in arguments]
    with np.errstate(all="ignore"):
        expected = interpret(graph, *arguments)
    found = backend.compile(graph)(*arguments)
    name, at = f"backend {backend.name}", f"{case}\n{graph}"
    if before != [argument.tobytes() for argument in arguments]:
        fail(name, "it changed an argument", at=at, remedy="copy before writing")
    for have, want in zip(found, expected, strict=True):
        if any(np.shares_memory(have, argument) for argument in arguments):
            fail(name, "it returned an argument's own memory", at=at, remedy="return a copy")
        compare(
            case,
            f"{name} disagrees with interpret",
            have,
            want,
            tolerance=tolerance,
            remedy=f"see the graph:\n{graph}",
        )


def _with_pullback(case: Case, graph: Graph) -> tuple[Graph, list[Array]]:
    """``graph`` and its pullback as one graph, where there is one, and arguments for it."""
    arguments = list(case.operands)
    try:
        pulled = pullback_graph(graph, values=True)
    except DerivativeError:
        return graph, arguments
    for value, atom in zip(case.evaluate(), graph.outputs, strict=True):
        if is_float(atom.aval.dtype):
            arguments.append(np.ones(np.shape(value), atom.aval.dtype))
    return pulled, arguments
