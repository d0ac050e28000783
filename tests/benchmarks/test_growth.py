"""The jobs of ``benchmarks.growth`` end well at their least sizes, and slopes are what they say."""

from __future__ import annotations

import pytest

from benchmarks.growth.__main__ import main
from benchmarks.growth.axes import AXES
from benchmarks.growth.slopes import Growth, sizes
from optserve.jobs.record.result import Result


@pytest.mark.parametrize("axis", AXES)
def test_the_least_job_of_each_axis_is_usable(axis: str) -> None:
    result = AXES[axis].job(min(AXES[axis].least, 1000))
    assert isinstance(result, Result)
    assert result.exit_code == 0, result.termination.message


def test_a_break_is_where_time_grows_faster_up_to_the_end() -> None:
    assert Growth([10, 30, 90, 270], [1.0, 9.0, 20.0, 300.0]).breaks == 90
    assert Growth([10, 30, 90], [1.0, 20.0, 40.0]).breaks is None
    assert Growth([10, 30], [1.0, 9.0]).slope == pytest.approx(2.0)
    assert sizes(7, 7) == [7]


def test_the_command_measures_and_tells(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["columns", "--largest", "30"])
    told = capsys.readouterr().out
    assert code in (0, 1)
    assert "columns             30 " in told
    with pytest.raises(SystemExit):
        main(["lines"])
