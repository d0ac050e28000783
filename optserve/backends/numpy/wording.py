"""The same graph in the calls that NumPy is quickest at, for the body of a pass over rows.

Elementwise primitives are written out, so that their steps run in buffers and what two of them
share is computed once; the sum of a product is one call of BLAS, without the product in memory.
Values agree with those of the graph as it was to rounding, infinities and NaN included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.graph.aval import Aval, shape_size
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.primitive import Primitive
from optserve.primitives.arithmetic import multiply, square
from optserve.primitives.comparisons import where
from optserve.primitives.elementary import logaddexp, sigmoid
from optserve.primitives.products import matmul
from optserve.primitives.shaping import cast, reshape
from optserve.primitives.sums import sum_
from optserve.primitives.tracing import trace
from optserve.transforms.expand import expand, inlined, with_stable_bodies
from optserve.transforms.simplify import simplify

__all__ = ["reworded"]


def reworded(graph: Graph) -> Graph:
    """``graph`` as NumPy does it soonest."""
    equations = tuple(map(_with_quick_sigmoid, with_stable_bodies(graph).equations))
    written = expand(replace(graph, equations=equations), _is_written_out)
    return simplify(_with_dots(simplify(_with_quick_logarithms(written))))


def _is_written_out(primitive: Primitive) -> bool:
    """Whether it makes temporaries of its own."""
    simple = isinstance(primitive.impl, np.ufunc) or primitive is where
    has_body = primitive.kind == "elementwise" or primitive.facts.stable_body is not None
    return has_body and primitive.body is not None and not simple


def _sigmoid(x: Any) -> Any:
    """The same bits without ``where``, which takes long where signs change from row to row."""
    small = np.exp(-np.abs(x))
    return np.maximum(small, cast(x >= 0, dtype=x.dtype)) / (1.0 + small)


def _with_quick_sigmoid(equation: Equation) -> Equation:
    if equation.primitive is not sigmoid:
        return equation
    return replace(equation, primitive=replace(sigmoid, body=_sigmoid))


def _with_quick_logarithms(graph: Graph) -> Graph:
    """``log(exp(x) + exp(c))`` of a number c by way of exp and log1p, which are vectorized."""
    if all(equation.primitive is not logaddexp for equation in graph.equations):
        return graph
    equations: list[Equation] = []
    replaced: dict[Var, Atom] = {}
    for original in graph.equations:
        operands = tuple(replaced.get(a, a) if isinstance(a, Var) else a for a in original.operands)
        equation = original.of(operands)
        number = next(filter(_is_finite_number, operands), None)
        if equation.primitive is not logaddexp or number is None:
            equations.append(equation)
            continue
        [x] = [atom for atom in operands if atom is not number] or [number]
        inner, [result] = inlined(_traced(_logaddexp, x.aval, number.aval), (x, number))
        equations += [replace(entry, place=equation.place) for entry in inner]
        replaced[equation.results[0]] = result
    outputs = tuple(replaced.get(a, a) if isinstance(a, Var) else a for a in graph.outputs)
    return Graph(graph.inputs, tuple(equations), outputs)


def _logaddexp(x: Any, number: Any) -> Any:
    """Right for every x; for two infinities of one sign it would not be."""
    return np.maximum(x, number) + np.log1p(np.exp(-np.abs(x - number)))


def _is_finite_number(atom: Atom) -> bool:
    return isinstance(atom, Literal) and atom.aval.shape == () and bool(np.isfinite(atom.value))


def _traced(function: Callable[..., Any], *avals: Aval) -> Graph:
    traced = trace(
        function,
        *avals,
        precision=avals[0].dtype,
        rewrites=False,
    )
    return traced.graph


def _with_dots(graph: Graph) -> Graph:
    """Sums over all axes of products of two float64 arrays as products of vectors."""
    readers = Counter(atom for equation in graph.equations for atom in equation.operands)
    readers.update(graph.outputs)
    maker = {variable: e for e in graph.equations for variable in e.results}
    equations: list[Equation] = []
    for equation in graph.equations:
        factors = _factors(equation, maker)
        if factors is None:
            equations.append(equation)
            continue
        shape = (shape_size(factors[0].aval.shape),)
        flat = [Var(Aval(shape, factor.aval.dtype)) for factor in factors]
        equations += [
            Equation(reshape, (factor,), {"shape": shape}, (result,), equation.place)
            for factor, result in zip(factors, flat, strict=True)
        ]
        equations.append(replace(equation, primitive=matmul, operands=tuple(flat), attributes={}))
    return Graph(graph.inputs, tuple(equations), graph.outputs)


def _factors(equation: Equation, maker: dict[Var, Equation]) -> list[Atom] | None:
    """The two arrays of which ``equation`` sums the product."""
    [first, *_] = [*equation.operands, None]
    if equation.primitive is not sum_ or not isinstance(first, Var) or first not in maker:
        return None
    everything = equation.attributes["axis"] == tuple(range(len(first.aval.shape)))
    double = first.aval.dtype == np.float64 and not equation.attributes["keepdims"]
    product = maker[first]
    if product.primitive not in (multiply, square) or not (everything and double):
        return None
    left, right = (*product.operands, *product.operands)[:2]
    alike = left.aval == right.aval == first.aval and first.aval.shape != ()
    return [left, right] if alike else None
