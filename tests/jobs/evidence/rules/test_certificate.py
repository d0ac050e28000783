from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.primitive import Primitive
from optserve.jobs.evidence.rules.certificate import certify
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.plugin import composite, elementwise, opaque
from optserve.primitives.loops import scan
from tests.jobs.problems import least_squares, parameter, problem

X = np.linspace(-2.0, 2.0, 9)


def loss_with(primitive: Primitive, **fields: Any) -> Problem:
    return problem(
        lambda a, x: np.sum(primitive(a * x)) + (a - 1.0) ** 2,
        [parameter("a", 0.5, precision=fields.get("precision", "float64"))],
        {"x": X},
        optimizer=lbfgs(),
        plugin=[primitive],
        **fields,
    )


def failed(made: Problem) -> str:
    """What the certificate of the only primitive says; the job must not have begun."""
    result = run(made)
    assert result.exit_code == 6
    assert result.termination.reason == "certificate"
    assert result.evaluations == 0
    assert result.loss is None
    assert result.parameters == {"a": 0.5}
    [certificate] = result.plugins
    assert not certificate.passed
    assert certificate.failure in result.termination.message
    assert "optserve-odd 0.1.0" in result.termination.message
    return result.termination.message


def test_a_right_rule_is_certified_and_says_how_well() -> None:
    right = elementwise(
        "huber",
        lambda x: np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5),
        partials=lambda out, x: (np.clip(x, -1.0, 1.0),),
        doc="Huber.",
    )
    result = run(loss_with(right))
    assert result.exit_code == 0
    [certificate] = result.plugins
    assert certificate.passed
    assert (certificate.primitive, certificate.distribution) == ("huber", "optserve-odd")
    assert certificate.error is not None
    assert certificate.error < 1e-8
    assert certificate.conclusive > 0.8
    assert certificate.uses == 1


def test_a_wrong_derivative_is_caught_with_its_operands() -> None:
    wrong = elementwise(
        "cube", lambda x: x**3, partials=lambda out, x: (2.9 * x * x,), doc="The third power."
    )
    message = failed(loss_with(wrong))
    assert message.startswith("cube of optserve-odd 0.1.0: its derivative by operand 0 is not that")
    assert "Taylor order 1" in message
    assert "cube(float64[9] [-1, -0.75, -0.5, -0.25, ...])" in message


def changing(x: Any) -> Any:
    x += 1.0
    return x * x


def opaque_square(name: str, pullback: Callable[..., Any], **fields: Any) -> Primitive:
    return opaque(
        name,
        fields.pop("impl", lambda x: x * x),
        shape=lambda x: x,
        pullback=pullback,
        doc="Squares.",
    )


def changing_cotangent(ct: Any, out: Any, x: Any) -> tuple[Any]:
    ct *= 2.0
    return (ct * x,)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            opaque_square("in_place", lambda ct, out, x: (ct * 2.0 * x,), impl=changing),
            "changes what it is given in place: operand 0 by the value",
        ),
        (
            opaque_square("spoils", changing_cotangent),
            "changes what it is given in place: cotangent 0 by the rule",
        ),
        (
            opaque_square("affine", lambda ct, out, x: (ct * 2.0 * x + 1e-3,)),
            "not linear in the cotangent",
        ),
        (
            opaque_square("single", lambda ct, out, x: ((ct * 2.0 * x).astype(np.float32),)),
            r"the cotangent of operand 0 is float32\[9\], the operand float64\[9\]",
        ),
        (
            opaque_square(
                "narrow", lambda ct, out, x: (ct * 2 * x,), impl=lambda x: np.float32(x * x)
            ),
            r"its value is float32\[9\], its shape rule says float64\[9\]",
        ),
        (
            opaque_square("flat", lambda ct, out, x: (np.ones(4),)),
            r"the cotangent of operand 0 is float64\[4\], the operand float64\[9\]",
        ),
        (opaque_square("two", lambda ct, out, x: (ct * x, ct)), "gives 2 cotangents for 1"),
        (
            opaque_square("raises", lambda ct, out, x: 1 / 0),
            "the derivative rule of raises raised ZeroDivisionError",
        ),
    ],
    ids=lambda case: case.name if isinstance(case, Primitive) else "",
)
def test_every_other_fault_is_named(wrong: Primitive, words: str) -> None:
    assert re.search(words, failed(loss_with(wrong)))


def test_the_data_are_not_changed_by_a_rule_that_changes_its_operands() -> None:
    wrong = opaque_square("in_place", lambda ct, out, x: (ct * 2.0 * x,), impl=changing)
    made = problem(
        lambda a, x: np.sum(wrong(x) * a) + np.sum(wrong(a * x)),
        [parameter("a", 0.5)],
        {"x": X},
        optimizer=lbfgs(),
        plugin=[wrong],
    )
    failed(made)
    assert made.objective.data["x"].tolist() == X.tolist()


def test_what_the_loss_does_not_use_is_not_certified() -> None:
    wrong = elementwise("cube", lambda x: x**3, partials=lambda out, x: (x,), doc="Wrong.")
    made = problem(
        lambda a, x: np.sum(wrong(x)) + a * a,  # its derivative is not asked for
        [parameter("a", 0.5)],
        {"x": X},
        optimizer=lbfgs(),
        plugin=[wrong],
    )
    result = run(made)
    assert result.exit_code == 0
    assert result.plugins == []


def test_a_rule_inside_of_a_loop_is_certified() -> None:
    wrong = elementwise("cube", lambda x: x**3, partials=lambda out, x: (2 * x * x,), doc="Wrong.")
    made = problem(
        lambda a, x: scan(lambda s, one: (s + wrong(a * one), one), 0.0 * a, x)[0],
        [parameter("a", 0.5)],
        {"x": X},
        optimizer=lbfgs(),
        plugin=[wrong],
    )
    assert "cube(-1)" in failed(made)


def test_single_precision_is_no_fault() -> None:
    fine = composite("mean_square", lambda x: np.mean(x * x), doc="The mean of squares.")
    curve = elementwise("curve", lambda x: np.tanh(x), partials=lambda out, x: (1 - out * out,))
    for primitive in (fine, curve):
        result = run(loss_with(primitive, precision="float32"))
        assert result.plugins[0].passed, result.plugins[0].failure


def test_only_some_rows_are_looked_at() -> None:
    sizes = []

    def told(x: Any) -> Any:
        sizes.append(np.size(x))
        return x * x

    squared = opaque_square("told", lambda ct, out, x: (ct * 2.0 * x,), impl=told)
    made = least_squares(
        lambda a, x: squared(a * x) - 1.0,
        [parameter("a", 0.5)],
        {"x": np.linspace(0, 1, 5000)},
        plugin=[squared],
    )
    packing = Packing(made.parameters, np.dtype(np.float64))
    [certificate] = certify(made, packing, packing.flat({}))
    assert certificate.passed
    assert 512 < max(sizes) <= 1024


def test_a_rule_that_cannot_be_measured_is_a_warning() -> None:
    noise = elementwise(
        "noise", lambda x: np.cos(1e14 * x), partials=lambda out, x: (0.0 * x,), doc="Rough."
    )
    result = run(loss_with(noise))
    assert result.plugins[0].passed
    assert any("could not be measured" in warning for warning in result.warnings)


def wrong_twice() -> tuple[Primitive, Primitive]:
    """A square whose derivative is right and uses a helper, and the helper, whose own is wrong."""
    helper = elementwise(
        "double", lambda x: 2.0 * x, partials=lambda out, x: (0.5 + 0.0 * x,), doc="Wrong."
    )
    outer = elementwise(
        "squared", lambda x: x * x, partials=lambda out, x: (helper(x),), doc="Right once."
    )
    return outer, helper


def test_a_helper_of_a_rule_has_a_certificate_of_its_own() -> None:
    outer, _ = wrong_twice()
    result = run(loss_with(outer))
    assert result.exit_code == 6
    assert [one.primitive for one in result.plugins] == ["squared", "double"]
    first, second = (one.failure for one in result.plugins)
    assert first.startswith("its second derivative by operand 0 is not that of its value")
    assert second.startswith("its derivative by operand 0 is not that of its value")


def test_a_job_that_only_evaluates_takes_no_second_derivative() -> None:
    outer, _ = wrong_twice()
    made = problem(
        lambda a, x: np.sum(outer(a * x)),
        [parameter("a", 0.5)],
        {"x": X},
        optimizer=None,
        plugin=[outer],
    )
    assert run(made).exit_code == 0


def test_the_rows_of_extreme_values_and_the_last_ones_are_looked_at() -> None:
    column = np.linspace(0.5, 1.0, 5000)
    for row in (2500, 4999):
        wrong = elementwise(
            "rare",
            lambda x: x * x,
            partials=lambda out, x: (np.where(x == 7.25, 0.0, 2.0 * x),),
            doc="Wrong at one number.",
        )
        data = column.copy()
        data[row] = 7.25
        made = problem(
            lambda a, x, wrong=wrong: np.sum(wrong(a * x)),
            [parameter("a", 1.0)],
            {"x": data},
            optimizer=lbfgs(),
            plugin=[wrong],
        )
        assert "rare(7.25)" in failed_at(made, 1.0)


def failed_at(made: Problem, start: float) -> str:
    result = run(made)
    assert result.exit_code == 6
    assert result.parameters == {"a": start}
    return result.termination.message


def test_a_tolerance_is_taken_at_its_word() -> None:
    def near(tolerance: float) -> Primitive:
        return elementwise(
            "near",
            lambda x: np.exp(x),
            partials=lambda out, x: (out * (1.0 + 1e-3),),
            tolerance=tolerance,
            doc="Right to three digits.",
        )

    assert "relative error" in failed(loss_with(near(1e-6)))
    assert run(loss_with(near(1e-3))).plugins[0].passed


def test_what_takes_long_is_looked_at_near_the_start_only() -> None:
    def slow(x: Any) -> Any:
        time.sleep(0.03)
        return x * x

    result = run(loss_with(opaque_square("slow", lambda ct, out, x: (2.0 * ct * x,), impl=slow)))
    assert result.plugins[0].passed
    assert any("near the start only" in warning for warning in result.warnings)
