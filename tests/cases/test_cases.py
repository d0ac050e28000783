"""Each case of the tables, through the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cases import (
    at_infinity,
    ends,
    error_bars,
    flat,
    kinks,
    overflow,
    reached,
    roundings,
    runaways,
    scales,
    sizes,
    smooth_sides,
    values,
    vanishing,
)
from tests.cases.case import Case, check_config, failures, run_config

TABLES = {
    "at infinity": at_infinity.AT_INFINITY,
    "unbounded": at_infinity.UNBOUNDED,
    "flat": flat.FLAT,
    "stationary": flat.STATIONARY,
    "origins": scales.ORIGINS,
    "units": scales.UNITS,
    "offsets": scales.OFFSETS,
    "error bars": error_bars.ERROR_BARS,
    "sigma": error_bars.SIGMA,
    "bounds": error_bars.BOUNDS,
    "vanishing": vanishing.VANISHING,
    "types": values.TYPES,
    "shapes": values.SHAPES,
    "overflow": overflow.OVERFLOW,
    "kinks": kinks.KINKS,
    "reached": reached.REACHED,
    "roundings": roundings.ROUNDINGS,
    "runaways": runaways.RUNAWAYS,
    "ends": ends.ENDS,
    "many": ends.MANY,
    "sizes": sizes.SIZES,
    "smooth sides": smooth_sides.SMOOTH_SIDES,
    "next to nothing": smooth_sides.NEXT_TO_NOTHING,
}


def every() -> list[object]:
    """The cases, each under the name of its table and its own."""
    named = {f"{table}: {one.name}": one for table, cases in TABLES.items() for one in cases}
    assert len(named) == sum(map(len, TABLES.values()))
    return [pytest.param(one, id=name) for name, one in named.items()]


@pytest.mark.parametrize("one", every())
def test_comes_out_right(one: Case, tmp_path: Path) -> None:
    ended = run_config(one.config, tmp_path)
    assert not failures(one, ended), ended.text


OUT_OF_REACH = {
    "floor": "floor",
    "round": "round",
    "argmax": "argmax",
    "the share of right answers": "greater",
    "a threshold beside a height that moves": "greater",
    "an exponent that is rounded, beside a factor that moves": "round",
}


@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_check_says_what_no_derivative_reaches(name: str, tmp_path: Path) -> None:
    [one] = [one for one in flat.FLAT if one.name == name]
    ended = check_config(one.config, tmp_path)
    assert OUT_OF_REACH[name] in ended.text
    assert re.search(r"case\.yaml:\d+:\d+", ended.text), ended.text
    assert "fixed" in ended.text
