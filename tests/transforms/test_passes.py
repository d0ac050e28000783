"""What ``explain`` predicts of a finite sum."""

from __future__ import annotations

import pytest

from optserve.transforms.pass_costs import Pass, passes, whole
from tests.backends.losses import COLUMNS, LOSSES, Loss


def by_name(name: str) -> Loss:
    [loss] = [loss for loss in LOSSES if loss.name == name]
    return loss


def test_bytes_and_reductions_of_one_pass() -> None:
    [only] = passes(by_name("curve").graph())
    assert only.table == "data"
    assert only.bytes_read == 2 * 8
    assert only.reductions == {"sum": 6}


def test_a_product_counts_two_operations_a_term() -> None:
    [only] = passes(by_name("logistic").graph())
    assert 4 * COLUMNS < only.operations < 4 * COLUMNS + 30


@pytest.mark.parametrize(("name", "count"), [("two passes", 3), ("largest", 3), ("mixture", 1)])
def test_how_many_passes(name: str, count: int) -> None:
    found = passes(by_name(name).graph())
    assert len(found) == count
    assert all(isinstance(one, Pass) for one in found)


def test_what_does_not_separate_and_where() -> None:
    reasons = {entry.primitive: entry.reason for entry in whole(by_name("neighbours").graph())}
    assert reasons["slice"] == "it picks some of the rows"
    assert not whole(by_name("mixture").graph())
