"""Sharing work among threads: all of it is done, once, and failures reach the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from optserve.backends.threads import share, together


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_every_number_is_given_once(count: int, threads: int) -> None:
    seen: list[int] = []
    share(seen.extend, count, threads)
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize("helper_fails", [True, False])
def test_a_failure_in_any_thread_ends_all(helper_fails: bool) -> None:
    caller = threading.get_ident()
    both = threading.Barrier(2)
    seen: list[int] = []

    def run(numbers: Iterator[int]) -> None:
        both.wait(timeout=10)
        if (threading.get_ident() != caller) is helper_fails:
            raise ArithmeticError("failed")
        seen.extend(numbers)

    with pytest.raises(ArithmeticError, match="failed"):
        share(run, 50, threads=2)
    assert len(seen) == len(set(seen)) <= 50


def test_all_threads_run_at_once_and_no_more_than_parts() -> None:
    three = threading.Barrier(3)

    def run() -> None:
        three.wait(timeout=10)

    together(run, threads=8, parts=3)
    assert not three.broken
