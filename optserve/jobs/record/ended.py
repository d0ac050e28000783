"""``EndedJob``: how a job ended, which every report is made of; ``Finding``: one thing it tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optserve.errors import ConfigErrors, OptserveError, Place
from optserve.jobs.reasons import PRECEDENCE

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = [
    "EndedJob",
    "EndedSweep",
    "Finding",
    "Level",
    "ReportWriter",
    "SweptJob",
    "exit_code",
    "passed",
]

Level = Literal["passed", "warning", "failed", "error"]
"""A case that holds; what not to trust; a case that does not hold; one that cannot be told."""

_FAILED = frozenset({3, 4})
"""Exit codes of jobs that computed what they should, and did not find what they should."""

_AT_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[0-9]+)(:(?P<column>[0-9]+))?: (?P<rest>.+)", re.S)


@dataclass(frozen=True)
class Finding:
    """One thing to tell of a job: a case that holds or does not, or a warning.

    ``name`` is what it is about, once a job: ``termination``, ``expect.loss``. ``rule`` is what
    kind of thing it is, in a word that does not change. The file of ``place`` is relative to the
    repository, and that of the config where nothing else is known.
    """

    name: str
    rule: str
    level: Level
    message: str
    place: Place
    remedy: str = ""

    @property
    def is_case(self) -> bool:
        """Whether it counts as a test: a warning does not."""
        return self.level != "warning"

    @property
    def holds(self) -> bool:
        """Whether it is a case that passed."""
        return self.level == "passed"


@dataclass(frozen=True)
class SweptJob:
    """A job of a sweep: its settings by path, the number that it is compared by, if it has one."""

    name: str
    settings: Mapping[str, Any]
    value: float | None
    passed: bool


@dataclass(frozen=True)
class EndedSweep:
    """All jobs of a sweep, compared ``by`` a path of their results; the ``best`` of them, if any
    passed; and how many of its expectations ``hold``, ``of`` all."""

    by: str
    jobs: tuple[SweptJob, ...]
    best: str = ""
    hold: int = 0
    of: int = 0

    @property
    def verdict(self) -> str:
        """In a sentence, which job is best, and whether all holds that should."""
        passed = sum(one.passed for one in self.jobs)
        told = [f"{passed} of {len(self.jobs)} jobs of the sweep passed"]
        value = next((one.value for one in self.jobs if one.name == self.best), None)
        if value is not None:
            told.append(f"the best is {self.best}, whose {self.by} is {value:.7g}")
        if self.of:
            told.append(f"{self.hold} of {self.of} expectations hold")
        return "; ".join(told)


@dataclass(frozen=True)
class EndedJob:
    """How one job ended: its result, or the errors for which there is none.

    ``exit_code`` is that of its process; there may be errors beside a result, where that could
    not be saved. ``config`` is the file, ``text`` what it says with all that is merged into it,
    ``graph`` its loss as it was traced, ``saved`` the ``result.json`` that was written, if any.
    What is told of all jobs of a ``sweep`` together is an entry of its own, without a result.

    >>> from optserve.errors import ConfigError
    >>> error = ConfigError("no primitive 'epx'", place=Place("fit.yaml", 2, 9), code="unknown")
    >>> job = EndedJob.of_error("fit", error, config="fit.yaml")
    >>> [(one.name, one.level, one.message) for one in job.findings]
    [('unknown', 'error', "no primitive 'epx'")]
    >>> job.verdict
    "did not run: no primitive 'epx'"
    """

    name: str
    exit_code: int
    config: str = ""
    result: Result | None = None
    errors: tuple[OptserveError, ...] = ()
    saved: str = ""
    text: str = ""
    sweep: EndedSweep | None = None
    graph: str = ""

    @staticmethod
    def of_error(name: str, error: OptserveError, *, config: str = "") -> EndedJob:
        """A job that has no result, for ``error`` or for each of several."""
        errors = error.errors if isinstance(error, ConfigErrors) else (error,)
        return EndedJob(name, error.exit_code, config, errors=errors)

    @property
    def seconds(self) -> float:
        """How long the descents took, and what belongs to them."""
        return 0.0 if self.result is None else self.result.seconds

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that there is to tell: errors, how it ended, expectations, warnings."""
        found = [*self._of_errors(), *self._of_result()]
        here = _repository(Path(self.config or "."))
        return tuple(_told(one, self.config, here) for one in found)

    @property
    def cases(self) -> tuple[Finding, ...]:
        """Those that count as tests."""
        return tuple(one for one in self.findings if one.is_case)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that do not."""
        return tuple(one for one in self.findings if not one.is_case)

    @property
    def verdict(self) -> str:
        """In a sentence, whether the answer can be used and whether all holds that should."""
        if self.sweep is not None:
            return "; ".join([self.sweep.verdict, *(error.message for error in self.errors)])
        if self.result is None:
            more = len(self.errors) - 1
            told = self.errors[0].message if self.errors else "no result"
            ran = "did not run" if self.exit_code == 2 else "ended without a result"
            return f"{ran}: {told}" + (f", and {more} more" if more > 0 else "")
        expected = self.result.expectations
        held = sum(one.holds for one in expected)
        told = self.result.termination.message
        if expected:
            told += f"; {held} of {len(expected)} expectations hold"
        return "; ".join([told, *(error.message for error in self.errors)])

    def _of_errors(self) -> Iterator[Finding]:
        often: Counter[str] = Counter()
        for error in self.errors:
            often[error.code] += 1
            number = f" {often[error.code]}" if often[error.code] > 1 else ""
            expected = f"expected: {error.expected}" if error.expected else ""
            yield Finding(
                f"{error.code}{number}",
                error.code,
                "error",
                "; ".join(filter(None, [error.message, expected])),
                error.place or Place(self.config),
                error.remedy,
            )

    def _of_result(self) -> Iterator[Finding]:
        result = self.result
        if result is None:
            return
        codes = {*result.termination.exit_codes} - {0, 4}
        level: Level = "passed" if not codes else "failed" if codes <= _FAILED else "error"
        failure = result.failure
        yield Finding(
            "termination",
            "termination",
            level,
            result.termination.message,
            (failure and failure.place) or Place(self.config),
            failure.remedy if failure else "",
        )
        for one in result.expectations:
            told = one.message or f"{one.path} is as expected"
            level = "passed" if one.holds else "failed"
            place = one.place or Place(self.config)
            asked = "baseline" if "baseline" in one.checks else "expect"
            yield Finding(f"{asked}.{one.path}", "expectation", level, told, place)
        for number, warning in enumerate(result.warnings, 1):
            message, place = _placed(warning, self.config)
            yield Finding(f"warning {number}", "warning", "warning", message, place)


ReportWriter = Callable[[Sequence[EndedJob]], str | bytes]
"""What a report is made by: the content of a file that tells of some jobs."""


def passed(jobs: Sequence[EndedJob]) -> str:
    """How many jobs passed, in words; what is told of a sweep is none of them.

    >>> passed([EndedJob("a", 0), EndedJob("b", 4), EndedJob("s", 4, sweep=EndedSweep("loss", ()))])
    '1 of 2 jobs passed'
    """
    alone = [job for job in jobs if job.sweep is None]
    return f"{sum(job.exit_code == 0 for job in alone)} of {len(alone)} jobs passed"


def exit_code(jobs: Sequence[EndedJob]) -> int:
    """The exit code of several jobs: the first in precedence of theirs."""
    return min((job.exit_code for job in jobs), key=PRECEDENCE.index, default=0)


def _placed(warning: str, config: str) -> tuple[str, Place]:
    """A warning without the place that it begins with, and that place."""
    found = _AT_PLACE.fullmatch(warning) if config and warning.startswith(f"{config}:") else None
    if found is None:
        return warning, Place(config)
    return found["rest"], Place(found["file"], int(found["line"]), int(found["column"] or 0))


def _repository(file: Path) -> Path:
    """The folder that files are told from: the repository that ``file`` is in, else this folder."""
    folders = file.absolute().parents
    return next((one for one in folders if (one / ".git").exists()), Path.cwd())


def _told(one: Finding, config: str, here: Path) -> Finding:
    """``one`` at a place in a file: what stands on the command line is told of the config."""
    if one.place.file.startswith("-"):
        one = replace(one, message=f"{one.place}: {one.message}", place=Place(config))
    return replace(one, place=_relative(one.place, here))


def _relative(place: Place, here: Path) -> Place:
    """``place`` with its file as a path from ``here`` on, with slashes, where it is in there."""
    file = Path(place.file).absolute() if place.file else here
    inside = file.relative_to(here) if file.is_relative_to(here) else file
    return replace(place, file=inside.as_posix() if place.file else "")
