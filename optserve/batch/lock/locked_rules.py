"""The rules of primitives as graphs: what each computes, and how it is differentiated.

A rule is traced at the shapes that the primitive itself gives as examples, and not simplified. So
its digest changes where what it computes does, and not where its code is written otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.batch.lock.canonical import digests, text_digest
from optserve.errors import OptserveError
from optserve.graph.aval import Aval, is_float
from optserve.graph.domain import Example
from optserve.graph.graph import Graph, to_text
from optserve.graph.primitive import Primitive, Value
from optserve.jobs.problem import Provided
from optserve.primitives.tracing import body_of, trace
from optserve.transforms.derivative_check import equation_graph
from optserve.transforms.forward import pushforward
from optserve.transforms.reverse import vjp
from optserve.transforms.simplify import prune

__all__ = ["LockedRule", "primitives_of", "rule_of"]

EXAMPLES = 4
"""At how many of its examples a rule is traced, at most."""

LONGEST = 80
"""Lines up to which a rule is shown."""

DTYPES = MappingProxyType(
    {"f": np.dtype(np.float64), "i": np.dtype(np.int64), "b": np.dtype(np.bool_)}
)
"""The dtype of an operand, by the kind of its domain."""

FORMS: tuple[tuple[tuple[int, ...], ...], ...] = (((),), ((2, 1), (3,)))
"""Shapes at which a primitive without examples is traced, repeated in turn for its operands."""


@dataclass(frozen=True)
class LockedRule:
    """A primitive as the lock holds it.

    ``value`` is the function of NumPy or SciPy that computes it, or the digest of its body, and
    says ``code`` where it is computed by code that cannot be traced; ``reverse`` and ``forward``
    are the digests of its derivatives, ``none`` where it has none. ``provider`` is the plugin, and
    empty for optserve. ``shown`` is the derivative in reverse mode, of its first example.
    """

    primitive: str
    value: str
    reverse: str
    forward: str
    provider: str = ""
    shown: str = ""

    @property
    def is_code(self) -> bool:
        """Whether its value is computed by code that cannot be traced."""
        return self.value.endswith("code")


def primitives_of(graphs: Iterable[Graph]) -> list[Primitive]:
    """The primitives in ``graphs``, those of bodies of loops included, by name."""
    found = {equation.primitive for graph in graphs for equation in graph.all_equations()}
    bodies = [one for one in found if one.kind == "composite"]
    while bodies:  # what a composite is made of has rules of its own
        new = {one for body in bodies for one in _inside(body)} - found
        found |= new
        bodies = [one for one in new if one.kind == "composite"]
    return sorted(found, key=lambda one: one.name)


def rule_of(primitive: Primitive, provided: Provided | None = None) -> LockedRule:
    """The rule of ``primitive``, which a plugin may have ``provided``.

    >>> from optserve.primitives.elementary import exp
    >>> print(rule_of(exp).shown)
    inputs  x:float64[], c:float64[]
      a:float64[] = exp x
      b:float64[] = multiply c a
    outputs b
    """
    at = [*_avals(primitive)][:EXAMPLES]
    reverse = [_reverse(primitive, *one) for one in at]
    shown = next((to_text(graph) for graph in reverse if isinstance(graph, Graph)), "")
    return LockedRule(
        primitive.name,
        _value(primitive, at),
        _digest(reverse + [_reverse(primitive, *one, masked=True) for one in at]),
        _digest([_forward(primitive, *one) for one in at]),
        "" if provided is None else provided.distribution,
        shown if shown.count("\n") < LONGEST else "",
    )


Avals = tuple[Sequence[Aval], Mapping[str, Any]]


def _avals(primitive: Primitive) -> Iterator[Avals]:
    """The operands, as avals, and the attributes of each example."""
    for example in primitive.call.examples or _forms(primitive):
        domains = example.domains or primitive.domains(len(example.shapes))
        kinds = [domain.kind for domain in domains]
        pairs = zip(kinds, example.shapes, strict=False)
        yield [Aval(shape, DTYPES[kind]) for kind, shape in pairs], example.attributes


def _forms(primitive: Primitive) -> Iterator[Example]:
    parameters = primitive.call.signature.parameters.values()
    attributes = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    count = len(parameters) - len(attributes)
    if count and inspect.Parameter.empty not in attributes.values():
        for form in FORMS:
            yield Example(tuple(form[i % len(form)] for i in range(count)), attributes)


def _inside(primitive: Primitive) -> set[Primitive]:
    found = set[Primitive]()
    for avals, attributes in _avals(primitive):
        made = _body(primitive, avals, attributes)
        if isinstance(made, Graph):
            found |= {equation.primitive for equation in made.all_equations()}
    return found


def _body(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> Graph | str:
    return _made(lambda: body_of(primitive, avals, attributes).graph)


def _value(primitive: Primitive, at: Sequence[Avals]) -> str:
    if primitive.body is not None:
        found = _digest([_body(primitive, *one) for one in at])
        own = primitive.impl is primitive.body or isinstance(primitive.impl, np.ufunc)
        return found if own else f"{found}, and code"
    if isinstance(primitive.impl, np.ufunc):
        return f"{primitive.impl.__name__} of NumPy or SciPy"
    return "code"


def _reverse(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any], masked: bool = False
) -> Graph | str:
    """From operands and a cotangent for each floating result to the cotangents of operands."""

    def make() -> Graph:
        graph = equation_graph(primitive, avals, attributes)
        floats = [is_float(atom.aval.dtype) for atom in graph.outputs]
        incoming = [atom.aval for atom in graph.outputs if is_float(atom.aval.dtype)]
        wrt = [index for index, aval in enumerate(avals) if is_float(aval.dtype)]

        def pulled(*given: Value) -> list[Value]:
            operands, cts = given[: len(avals)], iter(given[len(avals) :])
            _, pull = vjp(graph, operands, wrt)
            back = pull([next(cts) if one else None for one in floats], masked)
            return _filled(back, [operands[index] for index in wrt])

        return _traced(pulled, [*avals, *incoming], ("x", "y", "z"), "c", len(avals))

    return _made(make)


def _forward(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> Graph | str:
    """From operands and a tangent for each floating operand to the tangents of the results."""

    def make() -> Graph:
        graph = equation_graph(primitive, avals, attributes)
        floats = [is_float(aval.dtype) for aval in avals]
        incoming = [aval for aval in avals if is_float(aval.dtype)]

        def pushed(*given: Value) -> list[Value]:
            operands, tangents = given[: len(avals)], iter(given[len(avals) :])
            direction = tuple(next(tangents) if one else None for one in floats)
            values, [found] = pushforward(graph, operands, [direction])
            return _filled(found, values)

        return _traced(pushed, [*avals, *incoming], ("x", "y", "z"), "t", len(avals))

    return _made(make)


def _filled(derivatives: Sequence[Value | None], like: Sequence[Value]) -> list[Value]:
    pairs = zip(derivatives, like, strict=True)
    return [np.zeros_like(value) if one is None else one for one, value in pairs]


def _traced(
    function: Callable[..., list[Value]],
    avals: Sequence[Aval],
    names: Sequence[str],
    rest: str,
    count: int,
) -> Graph:
    called = [names[i] if i < len(names) else f"x{i}" for i in range(count)]
    called += [rest if len(avals) == count + 1 else f"{rest}{i}" for i in range(len(avals) - count)]
    dtypes = [aval.dtype for aval in avals if is_float(aval.dtype)]
    precision = dtypes[0] if dtypes else np.dtype(np.float64)
    return prune(trace(function, *avals, names=called, precision=precision, rewrites=False).graph)


def _made(make: Callable[[], Graph]) -> Graph | str:
    """A graph, or the kind of the error where there is none."""
    try:
        return make()
    except OptserveError as error:
        return f"none: {error.code}"
    except (TypeError, ValueError, IndexError):  # of shapes that are not for it
        return "none"


def _digest(graphs: Sequence[Graph | str]) -> str:
    if not any(isinstance(graph, Graph) for graph in graphs):
        return "none"
    texts = [[graph] if isinstance(graph, str) else digests(graph) for graph in graphs]
    return text_digest(*(text for one in texts for text in one))
