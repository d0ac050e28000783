"""``python -m benchmarks.hips FOLDER``: run autograd's tests, and count what became of them.

FOLDER is the ``tests`` of autograd's source distribution, or some of its files: they are no part of
this repository. Needs pytest. The exit code is 1 where an answer is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.hips.face import ComplexValuesError
from benchmarks.hips.modules import InternalsError, Missing, install
from optserve.errors import OptserveError

__all__ = ["KINDS", "main"]

KINDS = ("passes", "complex values", "autograd's internals", "refused", "skipped", "wrong")
"""What may become of a test. ``wrong`` is whatever is neither right nor refused by name."""


_OWN = {
    "test_custom_where": "where takes keywords",
    "test_custom_where_dtypes": "where gives Python's numbers",
    "test_list.py::test_isinstance": "a list of numbers stays a list; here it is an array",
    "test_nograd": "a comparison is refused; here its derivative is 0",
    "test_wrapped_name_and_docs": "names and docstrings of operators",
}
"""Tests of autograd's own conventions, which are neither NumPy's nor ours."""


class _Tally:
    """What became of each test, and why; a plugin of pytest."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    def pytest_runtest_setup(self) -> None:
        np.random.seed(0)
        Missing.running = True

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        report = (yield).get_result()
        if report.when == "call" or not report.passed:
            kind, why = "skipped", ""
            if report.passed:
                kind = "passes"
            elif report.failed:
                kind, why = _kind(call.excinfo.value)
                plain = item.nodeid.partition("[")[0]
                own = [told for name, told in _OWN.items() if plain.endswith(name)]
                kind, why = ("autograd's internals", own[0]) if own else (kind, why)
            before = self.found.get(item.nodeid)
            if before is None or before[0] == "passes":
                self.found[item.nodeid] = kind, why

    def pytest_collectreport(self, report: Any) -> None:
        Missing.running = False
        if report.failed:
            self.found[report.nodeid] = "wrong", str(report.longrepr).splitlines()[-1]


def _kind(error: BaseException) -> tuple[str, str]:
    """The kind of an error, and its first line; what it was raised from counts as well."""
    link: BaseException | None = error
    while link is not None:
        told = str(link).splitlines()[:1]
        why = f"{type(link).__name__}: {told[0] if told else ''}"
        if isinstance(link, ComplexValuesError) or (
            isinstance(link, OptserveError) and "complex" in str(link)
        ):
            return "complex values", why
        if isinstance(link, InternalsError):
            return "autograd's internals", why
        if isinstance(link, OptserveError):
            return "refused", why
        link = link.__cause__ or link.__context__
    told = str(error).splitlines()[:1]
    return "wrong", f"{type(error).__name__}: {told[0] if told else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, list what does not pass, and print how many there are of each kind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hips", description=__doc__)
    parser.add_argument("tests", nargs="+", type=Path, metavar="FOLDER")
    given = parser.parse_args(arguments)
    install()
    tally = _Tally()
    options = ["-q", "-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:xdist"]
    paths = [str(path.resolve()) for path in given.tests]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        ended = pytest.main([*options, "--rootdir", paths[0], *paths], plugins=[tally])
    if not tally.found:
        print(printed.getvalue(), file=sys.stderr)
        return int(ended) or 1
    for kind in KINDS[1:]:
        for test, (its, why) in sorted(tally.found.items()):
            if its == kind:
                print(f"{kind}: {test}  {why}")
    counts = Counter(kind for kind, _ in tally.found.values())
    print(", ".join(f"{counts[kind]} {kind}" for kind in KINDS), f"of {len(tally.found)}")
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
