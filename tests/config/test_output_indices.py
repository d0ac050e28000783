"""Indices of outputs that are out of range: refused where no parameter moves them, else told."""

from __future__ import annotations

from typing import Any

import pytest

from optserve.errors import OptserveError
from optserve.reports.output_lines import outputs_lines
from tests.config.test_outputs import found


@pytest.mark.parametrize(
    ("output", "indices"),
    [
        ("stack((a, b))[integer(5)]", "from 5 to 5"),
        ({"value": "stack((a, b))[k]", "at": {"k": "arange(4)"}}, "from 0 to 3"),
        ("x[integer(x)]", "from 1 to 7"),
        ("take_along_axis(x, integer(x), 0)", "from 1 to 7"),
    ],
)
def test_an_index_that_is_out_of_range_is_refused(output: Any, indices: str) -> None:
    with pytest.raises(OptserveError, match="is out of range: it goes " + indices) as raised:
        found({"bad": output})
    assert raised.value.place is not None
    assert raised.value.code == "wrong-output"


def test_an_index_that_an_estimate_moves_out_of_range_is_told() -> None:
    bad = found({"bad": "x[integer(floor(6 * b))]"}).outputs["bad"]
    assert bad.value is None
    assert bad.unavailable.startswith("the value is not finite: an index is out of range")
    assert [*outputs_lines({"bad": bad})] == [f"bad  {bad.unavailable}"]
