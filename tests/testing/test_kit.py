"""The conformance kit finds each kind of mistake, and says which, where and by how much."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from optserve import testing
from optserve.backends.backend import Backend
from optserve.graph.interpret import interpret
from optserve.plugin import (
    Aval,
    Example,
    Facts,
    Leading,
    Mixed,
    Primitive,
    Reduced,
    Value,
    aligned,
    elementwise,
    linear,
    mixed,
    opaque,
    positive,
)
from optserve.primitives.arithmetic import multiply, square
from optserve.primitives.elementary import sin

VECTOR = (Example(((3,),)),)


def sine(**fields: Any) -> Primitive:
    """np.sin with a right rule, or with what ``fields`` put in place of its parts."""
    right: dict[str, Any] = {
        "ufunc": np.sin,
        "partials": lambda out, x: (np.cos(x),),
        "doc": "The sine of an angle.",
    }
    return elementwise("sine", **(right | fields))


def doubled(**fields: Any) -> Primitive:
    right: dict[str, Any] = {
        "impl": lambda x: 2.0 * x,
        "shape": lambda x: x,
        "transposes": [lambda ct, x: 2.0 * ct],
        "axes": aligned,
        "examples": VECTOR,
        "floating": True,
        "doc": "Twice a number.",
    }
    return linear("doubled", **(right | fields))


def total(**fields: Any) -> Primitive:
    right: dict[str, Any] = {
        "impl": lambda x: np.sum(x * x),
        "shape": lambda x: Aval((), x.dtype),
        "pullback": lambda ct, out, x: (ct * 2.0 * x,),
        "axes": lambda carried, x: Reduced("sum"),
        "examples": VECTOR,
        "doc": "The sum of the squares of a vector.",
    }
    return opaque("total", **(right | fields))


@pytest.mark.parametrize("primitive", [sine(), doubled(), total()], ids=str)
def test_what_is_right_passes(primitive: Primitive) -> None:
    testing.check_primitive(primitive)


def _add_in_place(x: Value) -> Value:
    x += 1.0
    return x - 1.0


def _scale_in_place(ct: Value, out: Value, x: Value) -> tuple[Value]:
    if isinstance(ct, np.ndarray) and ct.ndim:
        ct *= 2.0
        return (ct * x,)
    return (2.0 * ct * x,)


@pytest.mark.parametrize(
    ("wrong", "broken"),
    [
        (sine(doc=""), "does not say in a sentence"),
        (sine(partials=lambda out, x: (np.cos(x) + 1e-5,)), "the derivative by operand 0 is not"),
        (sine(partials=lambda out, x: (-out,)), "the derivative by operand 0 is not"),
        (sine(partials=lambda out, x: (None,)), "the derivative by operand 0 is not"),
        (
            sine(partials=lambda out, x: (float(x) if x.ndim == 0 else np.cos(x),)),
            "the derivative by operand 0 is not",
        ),
        (
            sine(
                partials=lambda out, x: (np.cos(x) * np.where(np.isnan(out), 1.0, 1.0 + 0.0 * x),)
            ),
            "",
        ),
        (
            sine(partials=lambda out, x: (np.vectorize(math.cos)(x),)),
            "could not be checked",
        ),
        (elementwise("kink", lambda x: np.sin(1e300 * x), doc="Rough."), "could not be measured"),
        (
            elementwise("wide", lambda x: np.float64(2.0) * x * np.ones(()), doc="Twice."),
            "another precision",
        ),
        (doubled(examples=()), "nothing to check it at"),
        (
            doubled(shape=lambda x: Aval((), x.dtype)),
            "another shape or dtype than its shape rule says",
        ),
        (doubled(transposes=[lambda ct, x: 3.0 * ct]), "the derivative by operand 0 is not"),
        (doubled(transposes=[lambda ct, x: 2.0 * ct + 1.0]), "the derivative by operand 0 is not"),
        (doubled(axes=lambda carried, x: Reduced("sum")), "contradicts its shape rule"),
        (doubled(floating=False), "of integers its value has another shape or dtype"),
        (doubled(impl=lambda x: 3.0 * x), "the derivative by operand 0 is not"),
        (
            elementwise(
                "product",
                lambda x, y: x * y,
                partials=lambda out, x, y: (y, np.where(x == 0.0, 0.0, x)),
                doc="A product.",
            ),
            "at special numbers, the second derivative by operand 0 is not",
        ),
        (
            total(pullback=lambda ct, out, x: (np.where(ct == 0.0, 0.0, ct * 2.0 * x),)),
            "at special numbers, the second derivative by its cotangent is not",
        ),
        (total(axes=lambda carried, x: Reduced("max")), "two blocks of rows do not combine"),
        (total(pullback=lambda ct, out, x: (ct * ct * x,)), "the derivative by operand 0 is not"),
        (
            total(
                impl=lambda x: np.cumsum(x),
                shape=lambda x: x,
                pullback=lambda ct, out, x: (np.cumsum(ct[::-1])[::-1],),
                axes=lambda carried, x: carried[0],
            ),
            "two blocks of rows do not combine",
        ),
        (
            doubled(axes=mixed, facts=Facts(batched=lambda carried, size, x: Leading({}, axis=1))),
            "applied to many values at once it gives them something else",
        ),
    ],
)
def test_what_is_wrong_is_found(wrong: Primitive, broken: str) -> None:
    if not broken:
        testing.check_primitive(wrong)
        return
    with pytest.raises(AssertionError, match=broken) as caught:
        testing.check_primitive(wrong)
    assert str(caught.value).startswith(wrong.name)


def law(name: str, primitive: Primitive) -> testing.Check:
    [check] = [c for c in testing.checks([primitive]) if str(c).endswith(f"-{name}")]
    return check


def test_a_rule_that_changes_what_it_is_given_is_found() -> None:
    values = doubled(impl=_add_in_place, transposes=[lambda ct, x: ct])
    with pytest.raises(AssertionError, match="changed: operand 0 by the value"):
        law("purity", values)()
    rule = total(
        impl=lambda x: x * x,
        shape=lambda x: x,
        pullback=_scale_in_place,
        axes=aligned,
    )
    with pytest.raises(AssertionError, match="changed: cotangent 0 by the rule"):
        law("purity", rule)()


def test_a_rule_that_is_not_linear_is_found() -> None:
    clipped = total(pullback=lambda ct, out, x: (np.clip(ct, -0.5, 0.5) * 2.0 * x,))
    with pytest.raises(AssertionError, match="not linear in the cotangent"):
        law("linear_pullback", clipped)()


def test_an_implementation_that_differs_from_its_body_is_found() -> None:
    half = elementwise("half", lambda x: 0.5 * x, ufunc=np.sin, doc="Half of it.")
    with pytest.raises(AssertionError, match="disagrees with its body"):
        law("value", half)()


def _sincos(x: Value) -> tuple[Value, Value]:
    return np.sin(x), np.cos(x)


def test_several_results_with_one_rule() -> None:
    sincos = opaque(
        "sincos",
        _sincos,
        shape=lambda x: (x, x),
        pullback=lambda cts, out, x: (cts[0] * out[1] - cts[1] * out[0],),
        axes=lambda carried, x: (carried[0], carried[0]),
        examples=(Example(((3,),)), Example(((2, 2),))),
        doc="The sine and the cosine.",
    )
    testing.check_primitive(sincos)


def test_a_rule_in_foreign_code_is_called_out_to() -> None:
    def pullback(ct: Value, out: Value, x: Value) -> tuple[Value]:
        return (np.array([c * np.cos(entry) for c, entry in zip(ct, x, strict=True)]),)

    foreign = opaque(
        "foreign",
        lambda x: np.sin(x),
        shape=lambda x: x,
        pullback=pullback,
        examples=VECTOR,
        doc="The sine, from elsewhere.",
    )
    testing.check_primitive(foreign)


def test_a_missing_rule_is_no_fault() -> None:
    testing.check_primitive(total(pullback=None))


def test_a_domain_is_kept_to() -> None:
    seen: list[float] = []

    def root(x: Value) -> Value:
        if isinstance(x, np.ndarray):
            seen.extend(np.ravel(x).tolist())
        return np.sqrt(x)

    primitive = elementwise("root", root, domain=positive, doc="The square root.")
    testing.check_primitive(primitive)
    assert seen
    assert min(seen) > 0.0


def test_a_plugin_is_checked_as_a_whole() -> None:
    plugin = ModuleType("plugin")
    with pytest.raises(ValueError, match="contributes no primitives"):
        testing.check_plugin(plugin)
    plugin.optserve_primitives = lambda: [sine(), doubled(axes=lambda carried, x: Mixed("no"))]  # type: ignore[attr-defined]
    testing.check_plugin(plugin)
    plugin.optserve_primitives = lambda: [sine(doc=""), doubled(doc="")]  # type: ignore[attr-defined]
    with pytest.raises(AssertionError) as caught:
        testing.check_plugin(plugin)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[::3]] == [
        "sine",
        "doubled",
    ]


def test_checks_name_the_primitive_and_the_law() -> None:
    names = [str(check) for check in testing.checks([sin, square])]
    assert names[0] == "sin-documented"
    assert "square-second_derivative" in names
    assert len(set(names)) == len(names)


def test_elementwise_primitives_are_tried_in_every_form_of_broadcasting() -> None:
    shapes = {tuple(x.shape for x in case.operands) for case in testing.cases(multiply)}
    assert {((3,), (3,)), ((), ()), ((2, 3), (3,)), ((3,), (2, 1)), ((), (3,))} <= shapes
    assert any(0 in shape for pair in shapes for shape in pair)


def test_a_backend_that_disagrees_is_found() -> None:
    def careless(graph: Any) -> Any:
        return lambda *arguments: tuple(x + 1e-9 for x in interpret(graph, *arguments))

    def generous(graph: Any) -> Any:
        return lambda *arguments: (*arguments[:1], *interpret(graph, *arguments)[1:])

    testing.check_backend(Backend("oracle", lambda graph: lambda *x: interpret(graph, *x)), [sin])
    with pytest.raises(AssertionError, match="backend careless disagrees with interpret"):
        testing.check_backend(Backend("careless", careless), [sin])
    with pytest.raises(AssertionError, match="an argument's own memory"):
        testing.check_backend(Backend("generous", generous), [sin])
