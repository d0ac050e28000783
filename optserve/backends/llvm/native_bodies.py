"""Bodies for native code: primitives that have no instruction of their own, written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from optserve.backends.llvm.instructions import INSTRUCTIONS
from optserve.frozen import replace
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.reductions import logsumexp
from optserve.transforms.expand import expand
from optserve.transforms.simplify import simplify

__all__ = ["expanded"]


def _logsumexp(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    top = np.max(x, axis=axis, keepdims=True)
    base = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - base), axis=axis, keepdims=True)) + base
    return total if keepdims else np.squeeze(total, axis)


BODIES: Mapping[str, Callable[..., Value]] = MappingProxyType({logsumexp.name: _logsumexp})


def expanded(graph: Graph) -> Graph:
    """``graph`` over primitives that have instructions, as far as bodies lead there."""
    equations = tuple(_with_body(equation) for equation in graph.equations)
    written = Graph(graph.inputs, equations, graph.outputs)
    return simplify(expand(written, _needs_body))


def _needs_body(primitive: Primitive) -> bool:
    return primitive.body is not None and primitive.name not in INSTRUCTIONS


def _with_body(equation: Equation) -> Equation:
    body = BODIES.get(equation.primitive.name)
    if body is None or _reduces_rows(equation):
        return equation
    return replace(equation, primitive=replace(equation.primitive, body=body))


def _reduces_rows(equation: Equation) -> bool:
    """Whether partial results of blocks of rows are to combine."""
    [atom] = equation.operands
    return any(isinstance(atom.aval.shape[axis], Dim) for axis in equation.attributes["axis"])
