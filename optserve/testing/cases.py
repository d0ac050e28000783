"""Cases: a primitive at operands drawn from its domain, in every form that it is to be tried in."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from optserve.graph.aval import Array, aval_of, is_float
from optserve.graph.domain import Domain, Example
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive, Value
from optserve.transforms.derivative_check import equation_graph

__all__ = ["ROUNDING", "Case", "cases", "compare", "fail"]

ROUNDING = 1e-9
"""The largest relative difference of two computations of one value in float64."""

# One shape an operand, repeated in turn: equal, scalar, row, column, and empty ones.
_FORMS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((3,),),
    ((),),
    ((2, 3), (3,)),
    ((3,), (2, 1)),
    ((), (3,)),
    ((2, 1), (3,), ()),
    ((0,), ()),
    ((2, 1), (0,)),
)


@dataclass(frozen=True)
class Case:
    """A primitive at operands drawn from its domain."""

    primitive: Primitive
    operands: tuple[Array, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    domains: tuple[Domain, ...] = ()

    @property
    def graph(self) -> Graph:
        """The primitive as a graph of one equation."""
        return equation_graph(self.primitive, self.operands, self.attributes)

    @property
    def floating(self) -> list[int]:
        """The operands that can be differentiated by."""
        return [i for i, operand in enumerate(self.operands) if is_float(operand.dtype)]

    def with_operands(self, operands: Sequence[Array]) -> Case:
        """The same primitive at other operands."""
        return replace(self, operands=tuple(operands))

    def cast(self, dtype: Any) -> Case:
        """The same with floating operands of another dtype."""
        return self.with_operands(
            [x.astype(dtype) if is_float(x.dtype) else x for x in self.operands]
        )

    def evaluate(self) -> tuple[Value, ...]:
        """The results as the implementation gives them."""
        with np.errstate(all="ignore"):
            out = self.primitive.impl(*self.operands, **self.attributes)
        return out if isinstance(out, tuple) else (out,)

    def __str__(self) -> str:
        listed = [repr(aval_of(operand)) for operand in self.operands]
        listed += [f"{key}={value}" for key, value in self.attributes.items()]
        return f"{self.primitive.name}({', '.join(listed)})"


def cases(primitive: Primitive, *, seed: int = 0) -> list[Case]:
    """The cases at which a primitive is checked, with operands drawn with ``seed``."""
    rng = np.random.default_rng(seed)
    found = []
    for example in primitive.call.examples or _broadcast_forms(primitive):
        domains = example.domains or primitive.domains(len(example.shapes))
        operands = tuple(
            np.asarray(domain.sample(rng, shape, np.dtype(np.float64)))
            for domain, shape in zip(domains, example.shapes, strict=True)
        )
        found.append(Case(primitive, operands, dict(example.attributes), domains))
    return found


def _broadcast_forms(primitive: Primitive) -> list[Example]:
    """Examples of an elementwise primitive, whose attributes take their defaults."""
    if primitive.kind != "elementwise":
        return []
    parameters = list(primitive.call.signature.parameters.values())
    attributes = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    if any(default is inspect.Parameter.empty for default in attributes.values()):
        return []
    count = len(parameters) - len(attributes)
    forms = [tuple(form[i % len(form)] for i in range(count)) for form in _FORMS]
    return [Example(form, attributes) for form in dict.fromkeys(forms)]


def fail(what: str, promise: str, *, at: str = "", found: str = "", remedy: str = "") -> NoReturn:
    """Raise an ``AssertionError`` of one block: what broke which promise, where, by how much."""
    lines = {"at": at, "found": found, "remedy": remedy}
    block = [f"{what}: {promise}", *(f"  {key}: {text}" for key, text in lines.items() if text)]
    raise AssertionError("\n".join(block))


def compare(
    case: Case, promise: str, found: Value, expected: Value, *, tolerance: float, remedy: str
) -> None:
    """Fail unless two values have one shape and dtype and agree up to ``tolerance``, relatively."""
    have, want = np.asarray(found), np.asarray(expected)
    name = case.primitive.name
    if have.shape != want.shape or have.dtype != want.dtype:
        given = f"{aval_of(have)} in place of {aval_of(want)}"
        fail(name, promise, at=str(case), found=given, remedy=remedy)
    if have.dtype.kind != "f":
        if not np.array_equal(have, want):
            fail(name, promise, at=str(case), found=f"{have} in place of {want}", remedy=remedy)
        return
    size = np.max(np.abs(want[np.isfinite(want)]), initial=0.0)
    least = tolerance * size + float(np.finfo(have.dtype).tiny)
    close = np.isclose(have, want, rtol=tolerance, atol=least, equal_nan=True)
    if not close.all():
        entry = tuple(map(int, np.argwhere(~close)[0]))
        given = f"{have[entry]} in place of {want[entry]}, first at entry {entry}"
        fail(name, promise, at=str(case), found=given, remedy=remedy)
