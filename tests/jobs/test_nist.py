"""NIST's nonlinear regressions, certified to 11 digits, from both of NIST's starts."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.jobs.run import run
from tests.jobs.problems import nist, nist_names


def digits(found: list[float], certified: list[float]) -> float:
    """How many digits all of the numbers share with what is certified."""
    wrong = np.abs(np.array(found) - certified) / np.abs(certified)
    return float(-np.log10(np.max(wrong) + 1e-16))


@pytest.mark.parametrize("start", ["start1", "start2"])
def test_misra1a_to_nine_digits_and_its_standard_errors_to_six(start: str) -> None:
    made, certified = nist("Misra1a", start=start)
    result = run(made)
    assert result.termination.reason == "gradient"
    assert [one.parameters for one in result.starts] == [
        dict(zip(certified["param_names"], certified[start], strict=True))
    ]
    names = certified["param_names"]
    assert digits([result.parameters[one] for one in names], certified["certified"]) >= 9
    assert digits([result.standard_errors[one] for one in names], certified["certified_std"]) >= 6
    assert result.exit_code == 0


@pytest.mark.parametrize("name", nist_names())
def test_certified_parameters_and_standard_errors(name: str) -> None:
    made, certified = nist(name)
    result = run(made)
    assert result.exit_code == 0
    assert result.termination.converged
    assert len(result.starts) == 2
    for start in result.starts:
        assert start.loss == pytest.approx(certified["certified_rss"], rel=1e-9)
    names = certified["param_names"]
    assert digits([result.parameters[one] for one in names], certified["certified"]) >= 6
    assert digits([result.standard_errors[one] for one in names], certified["certified_std"]) >= 6
    assert result.fit is not None
    assert result.fit.degrees_of_freedom == certified["dof"]
    assert result.fit.residual_standard_error == pytest.approx(certified["residual_std"], rel=1e-9)
    assert all(value is not None for value in result.standard_errors.values())
