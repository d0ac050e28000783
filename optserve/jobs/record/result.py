"""``Result``: everything that is needed to believe the answer of a job; the record it leaves."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    SkipValidation,
    ValidationError,
)
from pydantic.json_schema import SkipJsonSchema

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.jobs.descent.history import Entry
from optserve.jobs.record.forms import Forms
from optserve.jobs.record.large import described, filled, from_file, is_large, named

__all__ = [
    "Certified",
    "DirectionFound",
    "EvidenceFound",
    "ExpectationFound",
    "Failure",
    "FitFound",
    "OutputFound",
    "Result",
    "StartFound",
    "Termination",
    "Used",
    "numbers",
    "read_result",
    "result_json_schema",
]


def numbers(array: Array) -> Any:
    """An array as plain numbers, nested as its axes are; ``None`` for what is not finite.

    One of more than 1,000 entries stays an array, with NaN for what is not finite.

    >>> numbers(np.array([1.0, np.nan])), numbers(np.array(2.0))
    ([1.0, None], 2.0)
    """
    values = np.asarray(array)
    if is_large(values):
        return values if values.dtype.kind != "f" else _without_infinities(values)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        finite = np.isfinite(values)
        values = values.astype(object)
        values[~finite] = None
    return values.tolist()


def _without_infinities(values: Array) -> Array:
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def _in_json(value: Any, info: SerializationInfo) -> Any:
    """A large array as what ``result.json`` holds of it; its name is known to ``to_json``."""
    return described(value, (info.context or {}).get(id(value))) if is_large(value) else value


def _plain(value: Any) -> Any:
    return numbers(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


Numbers = Annotated[
    Any, BeforeValidator(_plain), PlainSerializer(_in_json, return_type=Any, when_used="json")
]
"""A number, ``None`` where there is none, or lists of these, nested as the array's axes are; of
more than 1,000 numbers an array, with NaN for ``None``, of which JSON holds shape, range and name.
"""

Known = Annotated[float | None, BeforeValidator(_known)]
"""A number, ``None`` for one that is infinite or none."""


_OF_OUTPUT = ("value", "standard_error", "interval")
_BY_PARAMETER = ("parameters", "standard_errors", "intervals", "gradient")


class Part(BaseModel):
    """A part of the record; it is made from a mapping, or from an object by its attributes."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", from_attributes=True, defer_build=True
    )


class Termination(Part):
    """Why the job ended. ``reason`` names a ``Reason``; exit codes come in their precedence."""

    reason: str
    message: str
    reasons: list[str]
    converged: bool
    exit_code: int
    exit_codes: list[int]


class StartFound(Part):
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


class DirectionFound(Part):
    """A direction in which the end is no ordinary minimum."""

    kind: str
    parameters: tuple[str, ...]


class EvidenceFound(Part):
    """What shows that the end is a minimum, or speaks against it."""

    verified: bool
    sentence: str
    moved: bool
    predicted_decrease: Known
    rounding: Known
    distance: Known
    least_curvature: Known
    directions: tuple[DirectionFound, ...]
    evaluations: int
    seconds: float


class FitFound(Part):
    """Of least squares: how well the predictions fit.

    The residual standard error is known where no sigma is given, the reduced chi-square, the sum of
    squares over the degrees of freedom, where one is.
    """

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None
    reduced_chi_square: float | None = None
    r_squared: float | None


class Used(Part):
    """What the job ran with. ``..._given`` says whether a person chose it, or optserve did.

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


class Certified(Part):
    """The certificate of one primitive of a plugin."""

    primitive: str
    distribution: str
    version: str
    uses: int
    passed: bool
    error: Known
    order: float | None
    conclusive: float
    failure: str


class ExpectationFound(Part):
    """One expectation: what was asked of which path, what was found there, whether it holds."""

    path: str
    checks: dict[str, Any]
    found: Numbers
    holds: bool
    message: str
    place: Place | None


class OutputFound(Part):
    """An output: its value at the estimates, with its error and interval (whose last axis holds its
    two ends) at the ``level``; ``None`` where there is none, and ``unavailable`` says why. ``at``
    is what it was computed at."""

    value: Numbers
    standard_error: Numbers
    interval: Numbers
    level: float
    at: dict[str, Numbers]
    unavailable: str = ""

    @property
    def arrays(self) -> dict[str, Any]:
        """What may be too long for ``result.json``, by its name there."""
        own = {name: getattr(self, name) for name in _OF_OUTPUT}
        return own | {f"at.{name}": value for name, value in self.at.items()}


class Failure(Part):
    """What made the numbers not finite."""

    message: str
    primitive: str
    place: Place | None
    operands: tuple[str, ...]
    remedy: str
    provider: str
    what: str = ""


class Result(Forms, Part):
    """The result of a job, as ``result.json`` holds it.

    ``loss`` is what was minimized, penalties and priors included; ``log_likelihood`` is what was
    maximized, without them. Where parameters have priors, ``log_prior`` is the sum of their log
    densities, and the estimate is a ``posterior mode``. Parameters, their standard errors,
    intervals and gradient are by name and on the natural scale. Where a standard error is ``None``,
    ``unavailable`` says why. The last axis of an interval holds its two ends, of which one alone
    that is ``None`` is infinite. ``covariance`` and ``correlation`` are of the entries that
    ``labels`` names. ``notes`` say how intervals were made and what is not there, ``warnings`` what
    not to trust. ``memory`` is the largest that the process has had, in bytes. ``metrics`` holds,
    for each split of the data, what was asked for by name, and its ``loss`` where there are several
    splits. ``outputs`` are those that were asked for. ``aic`` and ``bic`` compare fits of the same
    data. Over minibatches evaluations are those of batches, and ``epochs`` counts the whole ones of
    the best start. ``levels`` are the values of each category in the order of its codes, from 0.
    ``config`` is the file it was declared in; ``data`` has of each table the file and its digest.
    ``history``, ``checkpoint`` and the table of the fit, ``fitted``, go to files of their own, and
    so do numbers of more than 1,000 entries: ``arrays``.
    """

    version: Literal[1] = 1
    name: str
    objective: Literal["loss", "least_squares", "log_likelihood"]
    termination: Termination
    evidence: EvidenceFound
    loss: float | None
    log_likelihood: float | None = None
    log_prior: float | None = None
    estimate: Literal["posterior mode"] | None = None
    parameters: dict[str, Numbers]
    standard_errors: dict[str, Numbers]
    intervals: dict[str, Numbers]
    unavailable: dict[str, str]
    uncertainty: str
    level: float
    dof: Known
    labels: list[str]
    covariance: list[list[float | None]] | None
    correlation: list[list[float | None]] | None
    gradient: dict[str, Numbers]
    fit: FitFound | None
    aic: Known = None
    bic: Known = None
    probes: dict[str, Any]
    metrics: dict[str, dict[str, Known]]
    outputs: dict[str, OutputFound] = Field(default_factory=dict)
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
    notes: list[str] = Field(default_factory=list)
    levels: dict[str, list[str]] = Field(default_factory=dict)
    expectations: list[ExpectationFound]
    environment: dict[str, Any]
    config: str = ""
    data: dict[str, dict[str, str]] = Field(default_factory=dict)
    history: SkipJsonSchema[SkipValidation[list[list[Entry]]]] = Field(
        default_factory=list, exclude=True, repr=False
    )
    fitted: SkipJsonSchema[SkipValidation[dict[str, Any]]] = Field(
        default_factory=dict, exclude=True, repr=False
    )
    checkpoint: SkipJsonSchema[SkipValidation[dict[str, Any]]] = Field(
        default_factory=dict, exclude=True, repr=False
    )

    @property
    def exit_code(self) -> int:
        return self.termination.exit_code

    @property
    def arrays(self) -> dict[str, Array]:
        """The numbers of more than 1,000 entries, by their names in ``arrays.npz``.

        A name is the path in ``result.json``: ``parameters.w``, ``starts[0].parameters.w``. What
        has no number at all is not among them.
        """
        parts = [
            *((name, getattr(self, name)) for name in _BY_PARAMETER),
            *((f"starts[{at}].parameters", one.parameters) for at, one in enumerate(self.starts)),
            *((f"outputs.{name}", one.arrays) for name, one in self.outputs.items()),
        ]
        pairs = (pair for name, part in parts for pair in named(part, name))
        return {name: array for name, array in pairs if np.isfinite(array).any()}

    def to_json(self) -> str:
        """The text of ``result.json``; a number that is infinite or none becomes ``null``.

        Of numbers of more than 1,000 entries it holds shape, range and name: see ``arrays``.
        """
        names = {id(array): name for name, array in reversed(self.arrays.items())}
        text = self.model_dump_json(context=names)
        return json.dumps(json.loads(text), indent=2)  # in ASCII


def result_json_schema() -> dict[str, Any]:
    """The JSON Schema of ``result.json``.

    >>> result_json_schema()["properties"]["version"]["const"]
    1
    """
    schema = Result.model_json_schema()
    for part in schema["$defs"].values():
        part["description"] = part["description"].partition("\n\n>>>")[0]  # without doctests
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_result(path: Path) -> Result:
    """The result that a job left at ``path``; its history and checkpoint are not read.

    Arrays that are in ``arrays.npz`` beside it are.

    Raises ``ConfigError`` where the file cannot be read, or is no result of this version.
    """
    try:
        found = Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", code="unreadable-file"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"'{where}': {first['msg']}" if where else first["msg"],
            place=Place(str(path)),
            expected="the result.json of a job, of version 1",
            remedy="run the job again with this version of optserve",
            code="unreadable-file",
        ) from error
    read = from_file(path)
    starts = [
        one.model_copy(update={"parameters": filled(one.parameters, read)}) for one in found.starts
    ]
    update = {name: filled(getattr(found, name), read) for name in _BY_PARAMETER}
    outputs = {
        name: one.model_copy(
            update={part: filled(getattr(one, part), read) for part in (*_OF_OUTPUT, "at")}
        )
        for name, one in found.outputs.items()
    }
    return found.model_copy(update={**update, "starts": starts, "outputs": outputs})
