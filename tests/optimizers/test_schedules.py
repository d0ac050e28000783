from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.optimizers import Schedule, constant, cosine, exponential_decay, step_decay


def rates(schedule: Schedule, steps: int, total: int | None = None) -> list[float]:
    return [float(schedule.at(np.float64(step), total)) for step in range(steps)]


def test_constant() -> None:
    assert rates(constant(0.25), 3) == [0.25, 0.25, 0.25]


def test_cosine_falls_from_start_to_end() -> None:
    wanted = [0.1 + 0.45 * (1 + math.cos(math.pi * step / 10)) for step in range(11)]
    assert rates(cosine(1.0, end=0.1), 11, total=10) == pytest.approx(wanted, rel=1e-14)


def test_cosine_stays_at_its_end() -> None:
    assert rates(cosine(1.0, end=0.1), 14, total=10)[10:] == pytest.approx([0.1] * 4)


def test_cosine_warms_up_linearly_then_starts_at_the_top() -> None:
    warm = rates(cosine(2.0, warmup=4), 5, total=100)
    assert warm == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])


def test_cosine_takes_its_own_number_of_steps_before_that_of_the_job() -> None:
    assert rates(cosine(1.0, steps=6), 6, total=1000) == rates(cosine(1.0), 6, total=6)


def test_cosine_of_an_unknown_number_of_steps_names_the_remedy() -> None:
    with pytest.raises(ConfigError, match="the number of steps is not known") as caught:
        cosine(1.0).at(0.0, None)
    assert "stop.steps" in caught.value.remedy


def test_a_warmup_longer_than_the_job_only_rises() -> None:
    assert rates(cosine(1.0, warmup=10), 5, total=5) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_exponential_decay() -> None:
    found = rates(exponential_decay(1.0, 0.5, every=2, end=0.3), 5)
    assert found == pytest.approx([1.0, 0.5**0.5, 0.5, 0.5**1.5, 0.3])


def test_step_decay() -> None:
    assert rates(step_decay(1.0, 0.1, every=3, end=0.05), 8) == pytest.approx(
        [1.0] * 3 + [0.1] * 3 + [0.05] * 2
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(-1.0), "constant: value is -1.0"),
        (lambda: cosine(0.0), "cosine: start is 0.0"),
        (lambda: cosine(1.0, end=-1.0), "cosine: end is -1.0"),
        (lambda: cosine(1.0, warmup=-1), "cosine: warmup is -1"),
        (lambda: cosine(1.0, steps=0), "cosine: steps is 0"),
        (lambda: exponential_decay(1.0, 1.5), "exponential_decay: factor is 1.5"),
        (lambda: step_decay(1.0, 0.5, every=0), "step_decay: every is 0"),
    ],
)
def test_options_are_checked(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.message == message
