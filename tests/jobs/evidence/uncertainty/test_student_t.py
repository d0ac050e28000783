from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri, stdtrit

from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile

LEVELS = (0.5, 0.6827, 0.9, 0.95, 0.99, 0.9999)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dof", [1, 1.5, 2, 3, 12, 51, 242, 1999, 2001, 1e5, 1e9])
def test_it_is_that_of_scipy(level: float, dof: float) -> None:
    expected = stdtrit(dof, 0.5 + level / 2)
    assert student_t_quantile(level, dof) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("level", LEVELS)
def test_infinitely_many_degrees_of_freedom_are_the_normal(level: float) -> None:
    assert student_t_quantile(level, np.inf) == pytest.approx(ndtri(0.5 + level / 2), rel=1e-14)
