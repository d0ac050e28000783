"""Intervals hold the truth as often as those of peers do, of which the first are kept here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.coverage.__main__ import FOUND, PEERS, main
from benchmarks.coverage.measure import Counted, compared, data_set, intervals_of
from benchmarks.coverage.models import MODELS
from benchmarks.coverage.table import table, wrong

ROOT = Path(__file__).resolve().parents[2]
KEPT = json.loads(PEERS.read_text("utf-8"))
COUNTED = [Counted(**one) for name in MODELS for one in json.loads(FOUND.read_text("utf-8"))[name]]


@pytest.mark.parametrize("name", MODELS)
def test_the_intervals_are_those_of_the_peers(name: str) -> None:
    """Of the first data sets; iminuit's second derivatives are good to some 4 digits."""
    for number, theirs in enumerate(KEPT[name]):
        data = data_set(MODELS[name], number)
        ours = intervals_of(MODELS[name], data, profiles=number == 0)
        assert (ours is None) == (theirs is None)
        if ours is None:
            continue
        for mine, of_peer in zip(ours, theirs, strict=True):
            assert mine.keys() == of_peer.keys()
            assert all(compared(mine[one], of_peer[one]) < 2e-3 for one in mine)


def test_the_table_of_the_docs_is_what_was_counted() -> None:
    assert len({one.model.partition(",")[0] for one in COUNTED}) >= 12
    assert wrong(COUNTED) == []
    assert table(COUNTED) in (ROOT / "docs" / "uncertainty.md").read_text("utf-8")


def test_a_count_that_is_not_the_peers_is_told() -> None:
    [one, *_] = COUNTED
    changed = Counted(**{**vars(one), "theirs": one.theirs + 1})
    assert wrong([changed]) == [
        f"{one.model}: Wald of {one.parameter}: {one.ours} hold the truth, of the peer "
        f"{one.theirs + 1}"
    ]
    short = Counted(**{**vars(one), "kind": "profile", "ours": 10, "theirs": 10, "sets": 20})
    assert wrong([short]) == [
        f"{one.model}: profile of {one.parameter}: 0.500 hold the truth, and not 0.95"
    ]


@pytest.mark.nightly
def test_it_is_counted_anew() -> None:
    for peer in ("iminuit", "lmfit", "statsmodels"):
        pytest.importorskip(peer)
    assert main(["--sets", "100", "--profiles", "40"]) == 0
