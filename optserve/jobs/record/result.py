"""``Result``: everything that is needed to believe the answer of a job; the record it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.jobs.descent.history import Entry
from optserve.values import as_tree, fields_of

__all__ = [
    "Certified",
    "DirectionFound",
    "EvidenceFound",
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


@dataclass(frozen=True, kw_only=True)
class Termination:
    """Why the job ended. ``reason`` is a name of ``Reason``; the exit codes are in precedence."""

    reason: str
    message: str
    reasons: list[str]
    converged: bool
    exit_code: int
    exit_codes: list[int]


@dataclass(frozen=True, kw_only=True)
class StartFound:
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


@dataclass(frozen=True, kw_only=True)
class DirectionFound:
    """A direction in which the end is no ordinary minimum (see ``Direction``)."""

    kind: str
    parameters: list[str]


@dataclass(frozen=True, kw_only=True)
class EvidenceFound:
    """What shows that the end is a minimum, or speaks against it (see ``Evidence``)."""

    verified: bool
    sentence: str
    moved: bool
    predicted_decrease: float | None
    rounding: float | None
    distance: float | None
    least_curvature: float | None
    directions: list[DirectionFound]
    evaluations: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FitFound:
    """Of least squares: how well the predictions fit (see ``Fit``)."""

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None
    r_squared: float | None


@dataclass(frozen=True, kw_only=True)
class Used:
    """What the job was done with; ``given`` tells what a person chose and what was automatic.

    ``equations`` are those of the loss and its gradient, of which a backend of native code leaves
    ``equations_on_numpy`` to NumPy.
    """

    optimizer: str
    optimizer_given: bool
    backend: str
    backend_given: bool
    backend_reason: str
    precision: str
    seed: int
    rows_used: int | None
    rows_read: int | None
    equations: int | None = None
    equations_on_numpy: int | None = None


@dataclass(frozen=True, kw_only=True)
class Certified:
    """The certificate of one primitive of a plugin (see ``Certificate``)."""

    primitive: str
    distribution: str
    version: str
    uses: int
    passed: bool
    error: float
    order: float | None
    conclusive: float
    failure: str


@dataclass(frozen=True, kw_only=True)
class ExpectationFound:
    """One expectation: what was asked of which path, what was found there, whether it holds."""

    path: str
    checks: dict[str, Any]
    found: Any
    holds: bool
    message: str
    place: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What made the numbers not finite (see ``optserve.jobs.evidence.blame``)."""

    message: str
    primitive: str
    place: dict[str, Any] | None
    operands: list[str]
    remedy: str
    provider: str
    what: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a job, as ``result.json`` holds it.

    ``loss`` is what was minimized, penalties included; ``log_likelihood`` is what was maximized,
    without them. Parameters, their standard errors, intervals and gradient are by name and on the
    natural scale. Where a standard error is ``None``, ``unavailable`` says why. The last axis of an
    interval holds its two ends, of which one alone that is ``None`` is infinite. ``covariance`` and
    ``correlation`` are of the entries that ``labels`` names. ``notes`` say how intervals were made
    and what is not there, ``warnings`` what not to trust. ``memory`` is the largest that the
    process has had, in bytes. ``metrics`` holds, for each split of the data, what was asked for by
    name, and its ``loss`` where there are several splits. Over minibatches evaluations are those of
    batches, and ``epochs`` counts the whole ones of the best start. ``history`` and ``checkpoint``
    go to files of their own.
    """

    version: Literal[1] = 1
    name: str
    objective: Literal["loss", "least_squares", "log_likelihood"]
    termination: Termination
    evidence: EvidenceFound
    loss: float | None
    log_likelihood: float | None = None
    parameters: dict[str, Numbers]
    standard_errors: dict[str, Numbers]
    intervals: dict[str, Numbers]
    unavailable: dict[str, str]
    uncertainty: str
    level: float
    dof: float | None
    labels: list[str]
    covariance: list[list[float | None]] | None
    correlation: list[list[float | None]] | None
    gradient: dict[str, Numbers]
    fit: FitFound | None
    probes: dict[str, Any]
    metrics: dict[str, dict[str, float | None]]
    start: int | None
    starts: list[StartFound]
    evaluations: int
    steps: int
    epochs: int | None
    seconds: float
    memory: int | None
    used: Used
    plugins: list[Certified]
    failure: Failure | None
    warnings: list[str]
    notes: list[str] = field(default_factory=list)
    expectations: list[ExpectationFound]
    environment: dict[str, Any]
    history: list[list[Entry]]
    checkpoint: dict[str, Any]

    @property
    def exit_code(self) -> int:
        return self.termination.exit_code

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> Result:
        """The result whose parts are mappings in ``tree``, as ``tree()`` gives them."""
        fit, failure = tree["fit"], tree["failure"]
        return cls(
            **{
                **tree,
                "termination": Termination(**tree["termination"]),
                "evidence": _evidence(tree["evidence"]),
                "fit": None if fit is None else FitFound(**fit),
                "starts": [StartFound(**start) for start in tree["starts"]],
                "used": Used(**tree["used"]),
                "plugins": [Certified(**plugin) for plugin in tree["plugins"]],
                "failure": None if failure is None else Failure(**failure),
                "expectations": [ExpectationFound(**found) for found in tree["expectations"]],
            }
        )

    def tree(self) -> dict[str, Any]:
        """The result as mappings, lists and numbers, without what has files of its own."""
        kept = [name for name in fields_of(Result) if name not in ("history", "checkpoint")]
        return {name: as_tree(getattr(self, name)) for name in kept}

    def json(self) -> str:
        """The text of ``result.json``; a number that is infinite or none becomes ``null``."""
        return json.dumps(_finite(self.tree()), indent=2, allow_nan=False)


def _evidence(tree: Mapping[str, Any]) -> EvidenceFound:
    directions = [DirectionFound(**direction) for direction in tree["directions"]]
    return EvidenceFound(**{**tree, "directions": directions})


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def placed(place: Place | None) -> dict[str, Any] | None:
    """A place as a record holds it."""
    return None if place is None else as_tree(place)


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
