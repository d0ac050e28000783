from __future__ import annotations

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.optimizers import (
    Evaluation,
    Modifier,
    adam,
    chain,
    clip,
    clip_by_global_norm,
    gradient_descent,
    lbfgs,
    levenberg_marquardt,
    step_decay,
    weight_decay,
)


def first_step(gradient: list[float], *modifiers: Modifier, params: Array | None = None) -> Array:
    method = chain(modifiers, gradient_descent(1.0))
    params = np.zeros(len(gradient)) if params is None else params
    updates, _ = method.update(Evaluation(0.0, np.array(gradient)), method.init(params), params)
    return np.asarray(updates)


def test_a_long_gradient_is_shortened_and_a_short_one_is_left() -> None:
    np.testing.assert_allclose(first_step([3.0, -4.0], clip_by_global_norm(2.5)), [-1.5, 2.0])
    np.testing.assert_array_equal(first_step([3.0, -4.0], clip_by_global_norm(5.5)), [-3.0, 4.0])


def test_the_norm_of_a_huge_gradient_does_not_overflow() -> None:
    found = first_step([3e200, -4e200], clip_by_global_norm(1.0))
    np.testing.assert_allclose(found, [-0.6, 0.8])


def test_clip_takes_each_component() -> None:
    np.testing.assert_array_equal(first_step([3.0, -0.1, -9.0], clip(0.5)), [-0.5, 0.1, 0.5])


def test_the_first_modifier_sees_the_gradient_first() -> None:
    clipped_first = first_step([3.0, 4.0], clip(3.0), clip_by_global_norm(1.0))
    norm_first = first_step([3.0, 4.0], clip_by_global_norm(1.0), clip(3.0))
    np.testing.assert_allclose(clipped_first, -np.sqrt([0.5, 0.5]))
    np.testing.assert_allclose(norm_first, [-0.6, -0.8])


def test_weight_decay_is_apart_from_the_moments_of_adam() -> None:
    params, gradient = np.array([2.0, -3.0]), np.array([0.3, 0.4])
    plain, decayed = adam(0.1), chain((weight_decay(0.01),), adam(0.1))
    plain_state, decayed_state = plain.init(params), decayed.init(params)
    for _ in range(3):
        evaluation = Evaluation(0.0, gradient)
        without, plain_state = plain.update(evaluation, plain_state, params)
        with_decay, decayed_state = decayed.update(evaluation, decayed_state, params)
        np.testing.assert_allclose(with_decay, without - 0.01 * params, rtol=1e-14)


def test_weight_decay_follows_its_schedule() -> None:
    method = chain((weight_decay(step_decay(0.1, 0.5, every=1)),), gradient_descent(1.0))
    params = np.ones(1)
    state = method.init(params)
    for wanted in (-0.1, -0.05, -0.025):
        updates, state = method.update(Evaluation(0.0, np.zeros(1)), state, params)
        np.testing.assert_allclose(updates, wanted)


def test_the_name_says_what_was_chained() -> None:
    method = chain((clip_by_global_norm(), weight_decay()), adam())
    assert method.name == "clip_by_global_norm, weight_decay, adam"


@pytest.mark.parametrize("method", [lbfgs(), levenberg_marquardt()], ids=lambda m: m.name)
def test_a_method_that_searches_is_not_modified(method: object) -> None:
    with pytest.raises(ConfigError, match="clip: cannot modify l") as caught:
        chain((clip(),), method)  # type: ignore[arg-type]
    assert "leave out clip" in caught.value.remedy


def test_no_modifiers_leave_the_method_alone() -> None:
    method = lbfgs()
    assert chain((), method) is method
