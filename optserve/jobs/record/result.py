"""``Result``: everything that is needed to believe the answer of a job; the record it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, SkipValidation, ValidationError
from pydantic.json_schema import SkipJsonSchema

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.jobs.descent.history import HistoryEntry
from optserve.jobs.record.forms import Forms
from optserve.jobs.record.large import filled, from_file, named
from optserve.jobs.record.parts import (
    Certified,
    ContourFound,
    EvidenceFound,
    ExpectationFound,
    Failure,
    FitFound,
    Known,
    Numbers,
    OutputFound,
    Part,
    ProfileFound,
    StartFound,
    Termination,
    UncertaintyFound,
    Used,
)

__all__ = ["Result", "read_result", "result_json_schema"]

_OF_OUTPUT = ("value", "standard_error", "interval", "at")
_BY_PARAMETER = ("parameters", "standard_errors", "intervals", "gradient")


class Result(Forms, Part):
    """The result of a job, as ``result.json`` holds it.

    ``loss`` is what was minimized, penalties and priors included; ``log_likelihood`` is what was
    maximized, without them. Where parameters have priors, ``log_prior`` is the sum of their log
    densities, and the estimate is a ``posterior mode``. Parameters, their standard errors,
    intervals and gradient are by name and on the natural scale. Where a standard error is ``None``,
    ``unavailable`` says why. The last axis of an interval holds its two ends, of which one alone
    that is ``None`` is infinite. ``covariance`` and ``correlation`` are of the entries that
    ``labels`` names. ``uncertainties`` are those that were asked for, by method; those of the
    result are the first of them. ``profiles`` and ``contours`` are of the entries of which they
    were asked for.
    ``notes`` say how intervals were made and what is not there, ``warnings`` what not to trust.
    ``memory`` is the largest that the process has had, in bytes. ``metrics`` holds, for each split
    of the data, what was asked for by name, and its ``loss`` where there are several splits.
    ``outputs`` are those that were asked for. ``aic``, ``bic`` and ``aicc`` compare fits of the
    same data; ``deviance`` is -2 log L, of least squares the sum of squares. Over minibatches
    evaluations are those of batches, and ``epochs`` counts the whole ones of the best start.
    ``levels`` are the values of each category in the order of its codes, from 0. ``config`` is the
    file it was declared in; ``data`` has of each table the file and its digest. ``history``,
    ``checkpoint`` and the table of the fit, ``fitted``, go to files of their own, and so do numbers
    of more than 1,000 entries: ``arrays``.
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
    uncertainties: dict[str, UncertaintyFound] = Field(default_factory=dict)
    level: float
    dof: Known
    labels: list[str]
    covariance: list[list[float | None]] | None
    correlation: list[list[float | None]] | None
    profiles: dict[str, ProfileFound] = Field(default_factory=dict)
    contours: dict[str, ContourFound] = Field(default_factory=dict)
    gradient: dict[str, Numbers]
    fit: FitFound | None
    aic: Known = None
    bic: Known = None
    aicc: Known = None
    deviance: Known = None
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
    notes: list[str] = Field([])
    levels: dict[str, list[str]] = Field(default_factory=dict)
    expectations: list[ExpectationFound]
    environment: dict[str, Any]
    config: str = ""
    data: dict[str, dict[str, str]] = Field(default_factory=dict)
    history: SkipJsonSchema[SkipValidation[list[list[HistoryEntry]]]] = Field(
        [], exclude=True, repr=False
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
            *((f"uncertainties.{name}", one.arrays) for name, one in self.uncertainties.items()),
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
    update = {name: filled(getattr(found, name), read) for name in _BY_PARAMETER}
    inner = {
        "starts": [_filled(one, ("parameters",), read) for one in found.starts],
        "outputs": {name: _filled(one, _OF_OUTPUT, read) for name, one in found.outputs.items()},
        "uncertainties": {
            name: _filled(one, ("standard_errors", "intervals"), read)
            for name, one in found.uncertainties.items()
        },
    }
    return found.model_copy(update={**update, **inner})


def _filled(part: Part, names: Sequence[str], read: Callable[[str], Array]) -> Part:
    """A part of the record with arrays in place of what describes them."""
    return part.model_copy(update={name: filled(getattr(part, name), read) for name in names})
