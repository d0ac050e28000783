"""``Outcome``: how one job of a batch ended; a line of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optserve.errors import OptserveError, Place

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["LOST", "Ended", "Outcome", "errors_of", "told_errors"]

Ended = Literal[
    "result", "refused", "failed", "killed", "timeout", "memory", "interrupted", "not run"
]
"""With a result, or why there is none: the config is wrong, an internal error, the process was
killed or crashed, it took too long or too much memory, a signal came, or it did not begin."""

LOST: frozenset[Ended] = frozenset({"failed", "killed", "timeout", "memory"})
"""Ended without a result by what is no fault of the config; the exit code of each is 1."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    ``seconds`` are those of the job, ``wall`` those of its process. ``expectations`` counts all and
    those that hold; ``fails`` says of the others what does not. ``folder`` is where its result is,
    from the folder of the batch on. ``output`` is the end of what the process of a job without
    result printed; ``errors`` are those of a config that was refused.
    """

    id: str
    config: str
    ended: Ended
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    loss: float | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    expectations: tuple[int, int] = (0, 0)
    fails: tuple[str, ...] = ()
    evaluations: int | None = None
    steps: int | None = None
    seconds: float | None = None
    wall: float | None = None
    memory: int | None = None
    folder: str = ""
    output: str = ""
    errors: tuple[Mapping[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        return self.exit_code == 0

    def as_json(self) -> dict[str, Any]:
        """The outcome as ``batch.json`` holds it."""
        held, of = self.expectations
        return {**asdict(self), "expectations": {"hold": held, "of": of}}


def of_result(result: Result, folder: Path) -> dict[str, Any]:
    """What an outcome says of a result: its fields, as they pass from one process to another."""
    return {
        "ended": "result",
        "exit_code": result.exit_code,
        "reason": result.termination.reason,
        "message": result.termination.message,
        "loss": result.loss,
        "metrics": result.metrics,
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
        error = _Retold(fields.pop("message"), place=place, **fields)
        error.exit_code = code
        made.append(error)
    return made
