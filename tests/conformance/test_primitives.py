"""Every built-in primitive keeps every law; a new one is covered by being listed in its module."""

from __future__ import annotations

import pytest

from optserve import testing
from optserve.primitives.vocabulary import builtin_primitives


@pytest.mark.parametrize("check", testing.checks(builtin_primitives()), ids=str)
def test_law(check: testing.Check) -> None:
    check()


def test_names_are_those_of_the_primitives_and_all_differ() -> None:
    names = [primitive.name for primitive in builtin_primitives()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() for name in names)
