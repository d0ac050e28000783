"""``Result``: everything that is needed to believe the answer of a job; the record it leaves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.jobs.history import Entry

__all__ = [
    "Certified",
    "ExpectationFound",
    "Failure",
    "FitFound",
    "Numbers",
    "Result",
    "StartFound",
    "Termination",
    "Used",
    "numbers",
    "placed",
]

Numbers = Any
"""A number, ``None`` where there is none, or lists of these, nested as the array's axes are."""


class _Record(BaseModel):
    # Schemas are built when a job has something to record, not on import.
    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="null", defer_build=True
    )


class Termination(_Record):
    """Why the job ended. ``reason`` is a name of ``Reason``; the exit codes are in precedence."""

    reason: str
    message: str
    reasons: list[str]
    converged: bool
    exit_code: int
    exit_codes: list[int]


class StartFound(_Record):
    """How the descent from one start ended; parameters are those it began with.

    ``rejected`` counts trial points that were not finite, from which a search stepped back.
    """

    parameters: dict[str, Numbers]
    loss: float | None
    reason: str
    message: str
    evaluations: int
    steps: int
    rejected: int
    seconds: float


class FitFound(_Record):
    """Of least squares: how well the predictions fit (see ``optserve.jobs.uncertainty.Fit``)."""

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None
    r_squared: float | None


class Used(_Record):
    """What the job was done with; ``given`` tells what a person chose and what was automatic."""

    optimizer: str
    optimizer_given: bool
    backend: str
    backend_given: bool
    precision: str
    seed: int
    rows_used: int | None
    rows_read: int | None


class Certified(_Record):
    """The certificate of one primitive of a plugin (see ``optserve.jobs.certificate``)."""

    primitive: str
    distribution: str
    version: str
    uses: int
    passed: bool
    error: float
    order: float | None
    conclusive: float
    failure: str


class ExpectationFound(_Record):
    """One expectation: what was asked of which path, what was found there, whether it holds."""

    path: str
    checks: dict[str, Any]
    found: Any
    holds: bool
    message: str
    place: dict[str, Any] | None


class Failure(_Record):
    """What made the numbers not finite (see ``optserve.jobs.blame``)."""

    message: str
    primitive: str
    place: dict[str, Any] | None
    operands: list[str]
    remedy: str
    provider: str


class Result(_Record):
    """The result of a job, as ``result.json`` holds it.

    Parameters, their standard errors, intervals and gradient are by name and on the natural scale.
    Where a standard error is ``None``, ``unavailable`` says why. ``covariance`` and
    ``correlation`` are of the entries that ``labels`` names. ``memory`` is the largest that the
    process has had, in bytes. ``history`` and ``checkpoint`` go to files of their own.
    """

    version: Literal[1] = 1
    name: str
    objective: Literal["loss", "least_squares", "log_likelihood"]
    termination: Termination
    loss: float | None
    parameters: dict[str, Numbers]
    standard_errors: dict[str, Numbers]
    intervals: dict[str, Numbers]
    unavailable: dict[str, str]
    uncertainty: str
    level: float
    dof: float | None
    labels: list[str]
    covariance: list[list[float]] | None
    correlation: list[list[float]] | None
    gradient: dict[str, Numbers]
    fit: FitFound | None
    probes: dict[str, Any]
    start: int | None
    starts: list[StartFound]
    evaluations: int
    steps: int
    seconds: float
    memory: int | None
    used: Used
    plugins: list[Certified]
    failure: Failure | None
    warnings: list[str]
    expectations: list[ExpectationFound]
    environment: dict[str, Any]
    history: list[list[Entry]] = Field(exclude=True, repr=False)
    checkpoint: dict[str, Any] = Field(exclude=True, repr=False)

    @property
    def exit_code(self) -> int:
        return self.termination.exit_code


def placed(place: Place | None) -> dict[str, Any] | None:
    """A place as a record holds it."""
    return None if place is None else asdict(place)


def numbers(array: Array) -> Numbers:
    """An array as plain numbers, nested as its axes are; ``None`` for what is not finite.

    >>> numbers(np.array([1.0, np.nan])), numbers(np.array(2.0))
    ([1.0, None], 2.0)
    """
    values = np.asarray(array)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        finite = np.isfinite(values)
        values = values.astype(object)
        values[~finite] = None
    return values.tolist()
