"""Cells that have a type already, as those of NumPy's files."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.tables.typed import Spot, cells


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_number_of_no_character_is_told_with_its_row(order: str) -> None:
    codes = np.array([97, 98, 0x110000], dtype=f"{order}u4")
    with pytest.raises(ConfigError, match="column g has a character that is none in row 3"):
        cells(codes.view(f"{order}U1"), "text", Spot("d.npy", "g"))
    assert cells(codes[:2].view(f"{order}U1"), "text", Spot("d.npy", "g")).tolist() == ["a", "b"]
