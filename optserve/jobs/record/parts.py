"""The parts of a ``Result``, and the numbers they hold: plain ones, lists, or long arrays."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SerializationInfo,
)

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.jobs.record.large import described, is_large

__all__ = [
    "Certified",
    "ContourFound",
    "DirectionFound",
    "EvidenceFound",
    "ExpectationFound",
    "Failure",
    "FitFound",
    "Known",
    "Numbers",
    "OutputFound",
    "Part",
    "ProfileFound",
    "StartFound",
    "Termination",
    "UncertaintyFound",
    "Used",
    "numbers",
]


def numbers(array: Array | np.generic) -> Any:
    """An array as plain numbers, nested as its axes are; ``None`` for what is not finite.

    One of more than 1,000 entries stays an array, with NaN for what is not finite.

    >>> numbers(np.array([1.0, np.nan])), numbers(np.array(2.0))
    ([1.0, None], 2.0)
    """
    values = np.asarray(array)
    if values.ndim == 0 and values.dtype.kind == "f":  # as most are
        value = values.item()
        return value if isfinite(value) else None
    if is_large(values):
        return values if values.dtype.kind != "f" else _without_infinities(values)
    if values.ndim == 1 and values.dtype.kind == "f":
        return [one if isfinite(one) else None for one in values.tolist()]
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


_ARRAYS = (np.ndarray, np.generic)


def _plain(value: Any) -> Any:
    return numbers(value) if isinstance(value, _ARRAYS) else value


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
    squares over the degrees of freedom, where one is: a larger one has the chance ``chi_square_p``.
    ``runs`` of one sign among the residuals, in the order of the rows, have the chance ``runs_p``
    to be as many or few; ``autocorrelation`` is that of neighbours, and ``durbin_watson`` tells the
    same. ``largest_leverage`` is the largest share of an observation in its own prediction.
    """

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None
    reduced_chi_square: float | None = None
    chi_square_p: Known = None
    r_squared: float | None
    runs: int | None = None
    runs_p: Known = None
    autocorrelation: Known = None
    durbin_watson: Known = None
    largest_leverage: Known = None


class Used(Part):
    """What the job ran with. ``..._given`` says whether a person chose it, or optserve did.

    ``equations`` are those of what the method evaluates, the loss and its gradient or the residual
    and its Jacobian, of which a backend of native code leaves ``equations_on_numpy`` to NumPy.
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


class UncertaintyFound(Part):
    """The errors of the estimates by one method.

    ``covariance`` says which covariance it is, ``scaled`` by what it was multiplied, ``left_out``
    what it does not count. The rest is as in the result; ``refits`` were made, of which ``failed``
    did not come to a minimum and are left out.
    """

    covariance: str
    scaled: str
    left_out: list[str]
    standard_errors: dict[str, Numbers]
    intervals: dict[str, Numbers]
    unavailable: dict[str, str]
    level: float
    dof: Known
    refits: int | None = None
    failed: int | None = None

    @property
    def arrays(self) -> dict[str, Any]:
        """What may be too long for ``result.json``, by its name there."""
        return {
            f"{part}.{name}": value
            for part in ("standard_errors", "intervals")
            for name, value in getattr(self, part).items()
        }


class ProfileFound(Part):
    """The profile of the loss over one entry of a parameter.

    ``interval`` has its two ends, ``None`` where there is none, and ``unavailable`` says why. At
    ``values`` of the entry, with all the rest fitted again, the loss has risen by ``rise`` squared
    units; ``rise`` has the sign of the side, and the ends lie where it is ``limit``. Of ``refits``
    that were made ``failed`` were no minima.
    """

    estimate: float
    interval: Numbers
    level: float
    limit: float
    values: list[float]
    rise: list[float]
    refits: int
    failed: int
    unavailable: list[str]


class ContourFound(Part):
    """The contour of the profile of the loss over two entries, the edge of their joint region.

    Along each of its ``lines``, which have the values of both entries, the loss has risen by
    ``limit`` squared units, all the rest fitted again. One that is ``closed`` is one line, which
    comes back to its first point, along bounds where these cut the region; else ``unavailable``
    says why not. Of ``refits`` that were made ``failed`` were no minima.
    """

    labels: list[str]
    estimate: list[float]
    level: float
    limit: float
    lines: list[list[list[float]]]
    closed: bool
    refits: int
    failed: int
    unavailable: list[str]
