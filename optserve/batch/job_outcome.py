"""``JobOutcome``: how one job of a batch ended; a line of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optserve.errors import OptserveError, Place
from optserve.jobs.result_paths import look_up

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["LOST", "HowEnded", "JobOutcome", "errors_of", "told_errors"]

HowEnded = Literal[
    "result", "refused", "failed", "killed", "timeout", "memory", "interrupted", "not run"
]
"""With a result, or why there is none: the config is wrong, an internal error, the process was
killed or crashed, it took too long or too much memory, a signal came, or it did not begin."""

LOST: frozenset[HowEnded] = frozenset({"failed", "killed", "timeout", "memory"})
"""Ended without a result by what is no fault of the config; the exit code of each is 1."""


EXPECTED_TO_FAIL = frozenset({3, 4, 5})
"""Exit codes by which a job may fail of which a person says that it must."""


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended.

    ``settings`` are those of the sweep, ``values`` numbers of the result that the sweep asks for,
    by path; ``xfail`` is why the job must fail, where it must. ``seconds`` are those of the job,
    ``wall`` those of its process. ``expectations`` counts those that hold, and all; ``fails`` says
    of the others what does not. ``folder`` is where its result is, from the folder of the batch on;
    where it is ``cached``, an identical job had it before; ``retries`` is how often the job was
    lost before that, and begun again. ``output`` is the end of what the
    process of a job without result printed; ``errors`` are those
    of a config that was refused.
    """

    id: str
    config: str
    ended: HowEnded
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    loss: float | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    xfail: str = ""
    expectations: tuple[int, int] = (0, 0)
    fails: tuple[str, ...] = ()
    evaluations: int | None = None
    steps: int | None = None
    seconds: float | None = None
    wall: float | None = None
    memory: int | None = None
    folder: str = ""
    cached: bool = False
    retries: int = 0
    output: str = ""
    errors: tuple[Mapping[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        return self.exit_code == 0

    def expected_to_fail(self, why: str) -> JobOutcome:
        """The outcome of a job that must fail: with code 3, 4 or 5, for any reason of these.

        >>> JobOutcome("a", "a.yaml", "result", 3, "steps").expected_to_fail("too few").exit_code
        0
        >>> JobOutcome("a", "a.yaml", "result", 0, "gradient").expected_to_fail("too few").fails
        ('passed, and was expected to fail: too few',)
        """
        if not why or self.ended != "result":
            return self
        if self.exit_code in EXPECTED_TO_FAIL:
            return replace(self, exit_code=0, xfail=why)
        if self.exit_code == 0:
            fails = (f"passed, and was expected to fail: {why}",)
            return replace(self, exit_code=4, xfail=why, fails=fails)
        return self

    def as_json(self) -> dict[str, Any]:
        """The outcome as ``batch.json`` holds it."""
        held, of = self.expectations
        return {**asdict(self), "expectations": {"hold": held, "of": of}}

    @staticmethod
    def of_json(told: Mapping[str, Any]) -> JobOutcome:
        """The outcome that ``as_json`` told of."""
        counts = told["expectations"]
        lists = {key: tuple(value) for key, value in told.items() if isinstance(value, list)}
        return JobOutcome(**{**told, **lists, "expectations": (counts["hold"], counts["of"])})


def of_result(result: Result, folder: Path, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """What an outcome says of a result: its fields, as they pass from one process to another.

    ``wanted`` are paths of the result whose values are to be known.
    """
    seen = result.model_dump() if wanted else {}
    return {
        "ended": "result",
        "exit_code": result.exit_code,
        "reason": result.termination.reason,
        "message": result.termination.message,
        "loss": result.loss,
        "metrics": result.metrics,
        "values": {path: look_up(seen, path) for path in wanted},
        "expectations": [sum(one.holds for one in result.expectations), len(result.expectations)],
        "fails": [one.message for one in result.expectations if not one.holds],
        "evaluations": result.evaluations,
        "steps": result.steps,
        "seconds": result.seconds,
        "memory": result.memory,
        "folder": folder.name,
    }


def told_errors(error: OptserveError, config: Path) -> list[dict[str, Any]]:
    """An error, or each of several, as mappings that pass from one process to another."""
    errors: Sequence[OptserveError] = getattr(error, "errors", (error,))
    return [
        {
            "kind": type(one).__name__,
            "message": one.message,
            "place": asdict(one.place or Place(str(config))),
            "expected": one.expected,
            "remedy": one.remedy,
            "code": one.code,
            "exit_code": one.exit_code,
        }
        for one in errors
    ]


class _Retold(OptserveError):
    """An error of another process."""


def errors_of(told: Sequence[Mapping[str, Any]]) -> list[OptserveError]:
    """The errors that ``told_errors`` made mappings of.

    >>> error = OptserveError("no primitive 'epx'", place=Place("fit.yaml", 2, 9), code="x")
    >>> [str(one) for one in errors_of(told_errors(error, Path("fit.yaml")))]
    ["fit.yaml:2:9: no primitive 'epx'"]
    """
    made: list[OptserveError] = []
    for one in told:
        fields = dict(one)
        code, place = fields.pop("exit_code"), Place(**fields.pop("place"))
        kind = type(fields.pop("kind"), (_Retold,), {})  # whose name JSON tells
        error: OptserveError = kind(fields.pop("message"), place=place, **fields)
        error.exit_code = code
        made.append(error)
    return made
