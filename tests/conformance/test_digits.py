"""The digits of every elementwise primitive and its derivatives, whatever the size of the operands.

Compared with ball arithmetic of a hundred digits, at operands of every size. A primitive is covered
by being listed in its module; one without a reference fails here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flint")

from flint import arb, ctx

from optserve.backends.backend import Backend
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Array, Aval, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive
from optserve.primitives.tracing import trace
from optserve.primitives.vocabulary import builtin_primitives
from optserve.transforms.derivative_check import pullback_graph
from optserve.transforms.forward import pushforward
from optserve.transforms.functions import jvp, vjp
from optserve.transforms.reverse import vjp as graph_vjp
from tests.conformance.exact import EXACT, exact

LIMIT = 64
"""The largest error, in units in the last place."""

Form = Any

SIZES = (
    *(5e-324, 1e-310, 2.3e-308, 1e-300, 1e-200, 1e-162, 1e-155, 1e-110, 1e-80, 1e-30, 1e-17, 1e-10),
    *(1e-8, 1e-5, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1 - 2**-53, 1.0, 1 + 2**-52, 1.5, 2.0, 3.0),
    *(4.9, 7.0, 10.0, 18.0, 19.1, 20.0, 23.0, 25.7, 26.4, 27.0, 36.0, 37.0, 38.0, 50.0, 100.0),
    *(300.0, 354.0, 356.0, 372.0, 400.0, 500.0, 700.0, 708.0, 709.7, 709.79, 710.0, 740.0, 745.0),
    *(746.0, 800.0, 1e3, 1e4, 1e5, 1e7, 1e8, 1e10, 1e15, 1e16, 1e17, 1e30, 1e77, 1e80, 1e103),
    *(1e120, 1e150, 1e154, 1e155, 1e160, 1e200, 1e300, 1.7e308),
)
SIZES_OF_PAIRS = (
    *(5e-324, 1e-310, 1e-300, 1e-200, 1e-155, 1e-100, 1e-17, 1e-8, 0.01, 0.3, 0.5, 1.0, 1.5, 2.0),
    *(3.0, 7.0, 20.0, 36.0, 50.0, 300.0, 700.0, 745.0, 800.0, 1e4, 1e8, 1e16, 1e30, 1e100, 1e150),
    *(1e155, 1e200, 1e300, 1.7e308),
)

BORDERS_OF_SINGLE = (
    *(1e-45, 1e-40, 1.2e-38, 1e-38, 1e-25, 1e-20, 1e-19, 1 - 2**-24, 1 + 2**-23, 9.0, 17.0, 44.0),
    *(87.0, 88.7, 89.0, 103.0, 104.0, 1e6, 1e18, 1e19, 1e20, 1e38, 3e38),
)

CONDITIONED = frozenset({"arctan2", "direction", "logaddexp", "ndtr", "power"})
"""What may also be wrong by as much as the next operand would make it.

``logaddexp`` and its derivatives depend on the difference of its operands, powers on an exponent
less 1, ``ndtr`` on a multiple of its operand; where second derivatives of ``arctan2`` pass through
zero, they are differences of squares.
"""

ONCE = frozenset({"erfc_hazard"})
"""Whose second derivatives are not compared: they are the third of ``log_erfc``, far below 1."""

INTERMEDIATE = {"power": lambda x, y: (arb(x) ** (arb(y) - 2), 1 / arb(x))}
"""What derivatives are computed from: where it overflows, they may be infinite or not a number."""


def _is_differentiable(primitive: Primitive) -> bool:
    """Whether it is elementwise, of reals only, and one of its operands has a derivative."""
    domains = primitive.domains(len(primitive.call.signature.parameters))
    if primitive.kind != "elementwise" or any(domain.kind != "f" for domain in domains):
        return False
    ones = [np.full((), 0.5)] * _count(primitive)
    if not is_float(np.asarray(primitive(*ones)).dtype):
        return False
    if primitive.derivative.partials is None:
        return True
    with np.errstate(all="ignore"):
        partials = primitive.derivative.partials(primitive(*ones), *ones, **_attributes(primitive))
    return any(partial is not None for partial in partials)


def _attributes(primitive: Primitive) -> dict[str, Any]:
    parameters = primitive.call.signature.parameters.items()
    return {name: one.default for name, one in parameters if one.kind is one.KEYWORD_ONLY}


def _count(primitive: Primitive) -> int:
    return len(primitive.call.signature.parameters) - len(_attributes(primitive))


PRIMITIVES = {one.name: one for one in builtin_primitives() if _is_differentiable(one)}

OF_OTHERS = {"clip": "minimum and maximum", "tame": "a derivative and a choice by it"}
"""What is put together of others, or differs from its first operand only where that is infinite."""


def test_every_primitive_has_a_reference() -> None:
    assert sorted({*EXACT, *OF_OTHERS}) == sorted(PRIMITIVES)


@functools.cache
def _points(name: str, form: Form = np.float64) -> tuple[list[Array], list[tuple[Any, ...]]]:
    """Operands and, at each point, the value and derivatives, where all of them exist."""
    count = _count(PRIMITIVES[name])
    sizes = SIZES if count == 1 else SIZES_OF_PAIRS
    if form is np.float32:
        sizes = (*sizes, *BORDERS_OF_SINGLE)
    rounded = {float(form(size)) for size in sizes if size <= float(np.finfo(form).max)} - {0.0}
    numbers = [sign * size for size in sorted(rounded) for sign in (1.0, -1.0)]
    points = [(x,) for x in numbers] if count == 1 else [(x, y) for x in numbers for y in numbers]
    found = [(point, derivatives) for point in points if (derivatives := exact(name, point))]
    if name == "power":  # the derivative by the exponent is made of the value, that has no digits
        found = [(point, one) for point, one in found if one[0] > float(np.finfo(form).tiny)]
    columns = zip(*(point for point, _ in found), strict=True)
    operands = [np.array(column, form) for column in columns]
    return operands, [derivatives for _, derivatives in found]


def _keys(count: int) -> list[str]:
    """What ``exact`` gives, in its order: the value, and derivatives by the numbers of operands."""
    pairs = [f"{i}{j}" for i in range(count) for j in range(i, count)]
    return ["", *map(str, range(count)), *pairs]


def _wrong(name: str, key: str, found: Array, form: Form = np.float64) -> Iterator[str]:
    """What is wrong of all that was found at the points of a primitive."""
    operands, expected = _points(name, form)
    keys = _keys(len(operands))
    position = keys.index(key)
    same_order = [k for k, one in enumerate(keys) if len(one) in (0, len(key))]
    columns = [operand.tolist() for operand in operands]
    rows = zip(np.broadcast_to(found, len(expected)).tolist(), expected, *columns, strict=True)
    for value, derivatives, *point in rows:
        ball = derivatives[position]
        if _is_right(value, ball, form):
            continue
        parts = [derivatives[k] for k in same_order]
        parts += INTERMEDIATE[name](*point) if name in INTERMEDIATE else ()
        if not math.isfinite(value) and any(_is_too_large(part, form) for part in parts):
            continue
        if name in CONDITIONED and _is_right(
            value, ball, form, _shift(name, point, position, form)
        ):
            continue
        yield f"{name} {key or 'value'} at {point}: {value!r}, not {ball.str(20, radius=False)}"


def _is_right(value: float, ball: Any, form: Form, slack: Any = 0) -> bool:
    """Whether it is the number to some units in the last place and ``slack``.

    What is less than any normal number counts for nothing.
    """
    ctx.prec = 320
    if math.isnan(value):
        return False
    if math.isinf(value):
        return _is_too_large(ball, form) and (value > 0.0) == bool(ball > 0)
    allowed = LIMIT * _unit(form) * ball.abs_upper() + float(np.finfo(form).tiny) + slack
    return bool((arb(value) - ball).abs_upper() <= allowed)


def _unit(form: Form) -> Any:
    """The distance from 1 to the next number."""
    return arb(float(np.finfo(form).eps))


def _is_too_large(ball: Any, form: Form) -> bool:
    """Whether it is beyond the largest number, or within the limit of it."""
    return bool(abs(ball) * (1 + LIMIT * _unit(form)) > float(np.finfo(form).max))


def _shift(name: str, point: Sequence[float], position: int, form: Form) -> Any:
    """By how much a derivative differs where an operand is the next number."""
    [here] = [one[position] for one in [exact(name, point)] if one]
    shift = arb(0)
    for index, x in enumerate(point):
        for end in (math.inf, -math.inf):
            near = float(np.nextafter(form(x), form(end)))
            there = exact(name, [*point[:index], near, *point[index + 1 :]])
            shift += abs(there[position] - here) if there is not None else 0
    # A power's exponent less 1 is rounded, to a unit of 1 where the exponent is small.
    return shift + (abs(here * arb(point[0]).log()) * _unit(form) if name == "power" else 0)


def _derivatives(primitive: Primitive, operands: Sequence[Array]) -> Iterator[tuple[str, Any]]:
    """Value and derivatives by the numbers of operands, each in every mode there is."""
    count, ones = len(operands), np.ones_like(operands[0])

    def gradient(*x: Any) -> Any:
        return vjp(primitive, *x)[1](np.ones_like(x[0]))

    yield "", primitive(*operands)
    for i, slope in enumerate(gradient(*operands)):
        yield f"{i}", slope
    for i in range(count):

        def along(function: Any, x: Any, i: int = i) -> Any:
            """The derivative of a function of all operands by operand i, at x."""
            return jvp(lambda own: function(*operands[:i], own, *operands[i + 1 :]), [x], [ones])[1]

        yield f"{i}", along(primitive, operands[i])
        yield f"{i}{i}", jvp(lambda x, a=along: a(primitive, x), [operands[i]], [ones])[1]
        forward = along(gradient, operands[i])
        reverse = vjp(lambda *x, i=i: gradient(*x)[i], *operands)[1](ones)
        for j in range(i, count):
            yield f"{i}{j}", forward[j]
            yield f"{i}{j}", reverse[j]


@pytest.mark.parametrize("form", [np.float64, np.float32], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", sorted({*PRIMITIVES} - {*OF_OTHERS}))
def test_digits(name: str, form: Form) -> None:
    operands, _ = _points(name, form)
    assert len(operands[0]) > 20
    with np.errstate(all="ignore"):
        found = list(_derivatives(PRIMITIVES[name], operands))
    if name in ONCE:
        found = [(key, values) for key, values in found if len(key) < 2]
    wrong = [line for key, values in found for line in _wrong(name, key, values, form)]
    assert not wrong, "\n".join([f"{len(wrong)} numbers are wrong:", *wrong[:60]])


@functools.cache
def _recorded() -> tuple[Graph, list[Array], list[tuple[str, str]]]:
    """All primitives with their derivatives as one graph over rows, and what each output is."""
    names = sorted({*PRIMITIVES} - {*OF_OTHERS})
    columns = [_points(name)[0] for name in names]
    what: list[tuple[str, str]] = []

    def everything(*given: Any) -> list[Any]:
        outputs: list[Any] = []
        rest = iter(given)
        for name, points in zip(names, columns, strict=True):
            own = [next(rest) for _ in points]
            one = np.ones_like(own[0])
            graph = trace(PRIMITIVES[name], *(x.aval for x in own)).graph
            [value], pullback = graph_vjp(graph, own, range(len(own)))
            directions = [
                [one if k == i else None for k in range(len(own))] for i in range(len(own))
            ]
            _, forward = pushforward(graph, own, [tuple(along) for along in directions])
            gradient = pullback_graph(graph)
            _, second = pushforward(gradient, [*own, one], [(*d, None) for d in directions])
            outputs += [value, *pullback([one], False), *(tangent for [tangent] in forward)]
            what.extend((name, key) for key in ("", *"01"[: len(own)], *"01"[: len(own)]))
            for i, tangents in enumerate(second):
                outputs += tangents[i:]
                what.extend((name, f"{i}{j}") for j in range(i, len(own)))
        return [np.float64(0.0) if one is None else one for one in outputs]

    avals = [
        Aval((Dim.rows(name),), np.dtype(np.float64))
        for name, points in zip(names, columns, strict=True)
        for _ in points
    ]
    graph = trace(everything, *avals).graph
    return graph, [column for points in columns for column in points], what


@pytest.mark.parametrize("backend", [numpy_backend(), llvm_backend()], ids=lambda one: one.name)
def test_digits_on_a_backend(backend: Backend) -> None:
    graph, arguments, what = _recorded()
    with np.errstate(all="ignore"):
        found = backend.compile(graph)(*arguments)
    wrong = [
        line
        for values, (name, key) in zip(found, what, strict=True)
        if name not in ONCE or len(key) < 2
        for line in _wrong(name, key, values)
    ]
    assert not wrong, "\n".join([f"{len(wrong)} numbers are wrong:", *wrong[:60]])
