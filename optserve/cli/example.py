"""An example of a primitive: what it gives at simple operands, and its derivative there."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.primitives.tracing import result_avals

if TYPE_CHECKING:
    from optserve.graph.domain import Domain
    from optserve.graph.primitive import Primitive

__all__ = ["example"]

_CANDIDATES = (0.5, 0.25, 2.0, 3.0, -0.5)
"""Simple numbers; the first one free that lies in the domain of an operand is taken."""


def example(primitive: Primitive) -> str:
    """A call and what comes out: numbers where the operands are numbers, otherwise shapes.

    >>> from optserve.primitives.elementary import exp
    >>> example(exp)
    'exp(0.5) = 1.6487213, derivative 1.6487213'
    """
    return _on_shapes(primitive) if primitive.call.examples else _on_numbers(primitive)


def _on_numbers(primitive: Primitive) -> str:
    operands = _operands(primitive)
    with np.errstate(all="ignore"):
        value = primitive(*operands)
        call = f"{primitive.name}({', '.join(map(_number, operands))}) = {_number(value)}"
        derivatives = _derivatives(primitive, operands)
    if not derivatives:
        return call
    words = "derivative" if len(derivatives) == 1 else "derivatives"
    return f"{call}, {words} {', '.join(map(_number, derivatives))}"


def _on_shapes(primitive: Primitive) -> str:
    from optserve.graph.aval import Aval

    first = primitive.call.examples[0]
    domains = first.domains or primitive.domains(len(first.shapes))
    kinds = {"f": np.float64, "i": np.int64, "b": np.bool_}
    avals = [
        Aval(shape, np.dtype(kinds[domain.kind]))
        for shape, domain in zip(first.shapes, domains, strict=True)
    ]
    results = result_avals(primitive, avals, first.attributes)
    inside = [*map(repr, avals), *(f"{key}={value}" for key, value in first.attributes.items())]
    return f"{primitive.name}({', '.join(inside)}) -> {', '.join(map(repr, results))}"


def _operands(primitive: Primitive) -> list[Any]:
    """One number an operand: its default where it has one, else a simple number of its domain."""
    positional = [
        parameter
        for parameter in primitive.call.signature.parameters.values()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    operands: list[Any] = []
    for parameter, domain in zip(positional, primitive.domains(len(positional)), strict=True):
        given = parameter.default
        has_default = given is not inspect.Parameter.empty
        operands.append(given if has_default else _simple(domain, taken=operands))
    return operands


def _simple(domain: Domain, taken: Sequence[Any]) -> Any:
    if domain.kind == "b":
        return True
    if domain.kind == "i":
        return int(domain.low) + 1
    inside = [number for number in _CANDIDATES if domain.low < number < domain.high]
    free = [number for number in inside if number not in taken]
    return (free or inside or [(domain.low + domain.high) / 2])[0]


def _derivatives(primitive: Primitive, operands: Sequence[Any]) -> list[Any]:
    """The derivative by each real operand; none where there is none to take."""
    from optserve.graph.aval import is_float
    from optserve.transforms.functions import grad

    real = tuple(i for i, operand in enumerate(operands) if isinstance(operand, float))
    if (
        not primitive.differentiable
        or not real
        or not is_float(np.asarray(primitive(*operands)).dtype)
    ):
        return []
    return list(grad(primitive, real)(*operands))


def _number(value: Any) -> str:
    array = np.asarray(value)
    return f"{float(array):.8g}" if array.dtype.kind == "f" else str(value)
