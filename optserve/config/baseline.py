"""``baseline``: what a job found when it was right becomes what is expected of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from optserve.config.allowed_paths import FileReach
from optserve.config.nodes import ScalarNode
from optserve.config.schema.config import Baseline
from optserve.errors import ConfigError, Place
from optserve.jobs.problem import Expectation, Problem
from optserve.jobs.record.large import is_large
from optserve.jobs.record.replacing import alone_in, replace_file
from optserve.jobs.record.result import Result
from optserve.jobs.result_paths import look_up

__all__ = [
    "BaselineEntry",
    "baseline_expectations",
    "data_digest",
    "entry_of",
    "read_entries",
    "write_entry",
]

_NAMES = frozenset({"read", "sha256"})
"""Keys of a table that say where its data are, and not which."""


class BaselineEntry(NamedTuple):
    """What one job found: values by path of the result, with the standard errors of parameters."""

    data: str
    values: Mapping[str, Any]
    standard_errors: Mapping[str, Any]


def baseline_expectations(
    baseline: Baseline, reach: FileReach, name: str, data: str, parameters: Sequence[str]
) -> tuple[Sequence[Expectation], Sequence[str]]:
    """What ``baseline`` expects of the job ``name``, and what is left out of it, in sentences.

    On the ``data`` (their digest) of the baseline numbers are within ``rel`` and ``abs``, or where
    there is neither within joint standard errors. On others they are within joint standard errors
    where these are given; what has no standard error is then not compared.
    """
    written = baseline.node_of("file")
    assert isinstance(written, ScalarNode)
    path = reach.path(written)
    entry = read_entries(path, written.place).get(name)
    if entry is None:
        raise ConfigError(
            f"there is no baseline of '{name}' in {baseline.file}",
            place=written.place,
            expected="a file with an entry for it",
            remedy="`optserve baseline update CONFIG` runs the job and writes one",
            code="baseline",
        )
    same = entry.data == data
    expectations, left_out = [], []
    for one in _compared(baseline, entry, parameters, written.place):
        error = entry.standard_errors.get(one.removeprefix("parameters."))
        error = error if one.startswith("parameters.") else None
        checks: dict[str, Any] = {"near": entry.values[one]}
        checks["baseline"] = f"{baseline.file}, {'the same data' if same else 'other data'}"
        tolerances = {"rel": baseline.rel, "abs": baseline.abs}
        tolerances = {key: value for key, value in tolerances.items() if value is not None}
        if baseline.within_se is not None and not (same and tolerances):
            if error is None and not same:
                left_out.append(
                    f"{one} is not compared with the baseline: the data have changed, and it has "
                    "no standard error"
                )
                continue
            if error is not None:
                tolerances = {"within_se": baseline.within_se, "se": error}
        expectations.append(
            Expectation(one, {**checks, **tolerances}, baseline.place_of("compare"))
        )
    return expectations, left_out


def _compared(
    baseline: Baseline, entry: BaselineEntry, parameters: Sequence[str], place: Place
) -> Iterator[str]:
    """The paths that are compared: those of the baseline, and all parameters where these are."""
    for wanted in baseline.compare:
        found = [one for one in entry.values if one == wanted or one.startswith(f"{wanted}.")]
        if wanted == "parameters":
            names = [f"parameters.{name}" for name in parameters]
            missing = [one for one in names if one not in found]
            gone = [one for one in found if one not in names]
            found = names
        else:
            missing, gone = [] if found else [wanted], []
        if missing or gone:
            what = f"has no {missing[0]}" if missing else f"has {gone[0]}, which the config has not"
            raise ConfigError(
                f"the baseline {what}",
                place=place,
                expected="an entry of what is compared",
                remedy="if the change is meant: `optserve baseline update CONFIG`",
                code="baseline",
            )
        yield from found


def data_digest(metadata: Mapping[str, Any]) -> str:
    """A digest of the data of a job and of how they are read, whatever the files are called."""
    files = {name: one["sha256"] for name, one in metadata["data"].items()}
    told = {"files": files, "data": _which(metadata["config"].get("data"))}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _which(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _which(one) for key, one in value.items() if key not in _NAMES}
    return value


def entry_of(result: Result, problem: Problem, compare: Sequence[str]) -> BaselineEntry:
    """What the baseline is to hold of a result."""
    seen = result.model_dump()
    values = dict(pair for path in compare for pair in _leaves(path, look_up(seen, path)))
    errors = {
        name: error
        for name, error in result.standard_errors.items()
        if f"parameters.{name}" in values and _is_known(error)
    }
    return BaselineEntry(data_digest(problem.metadata), values, errors)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(f"{path}.{key}", one)
    elif is_large(value) or not _is_known(value):
        why = "has more than 1,000 numbers" if is_large(value) else "is not a known number"
        raise ConfigError(
            f"{path} {why}, so it cannot be part of a baseline",
            expected="paths of numbers",
            remedy="name others: baseline: {compare: [loss, ...]}",
            code="baseline",
        )
    else:
        yield path, value


def _is_known(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_known, value))
    return isinstance(value, int | float)


def read_entries(path: Path, place: Place | None = None) -> dict[str, BaselineEntry]:
    """The entries of a baseline file by the names of the jobs; none where there is no file."""
    if not path.exists():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["version"] != 1:
            raise ValueError(f"version {told['version']}")
        return {name: BaselineEntry(**one) for name, one in told["jobs"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no baseline: {error}",
            place=place,
            expected="a file that `optserve baseline update` wrote",
            code="unreadable-file",
        ) from None


def write_entry(path: Path, name: str, entry: BaselineEntry) -> None:
    """Put the entry of one job into a baseline file, in the order of names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(path.parent):  # another process may add other jobs
        entries = read_entries(path)
        entries[name] = entry
        jobs = {name: entries[name]._asdict() for name in sorted(entries)}
        told = json.dumps({"version": 1, "jobs": jobs}, indent=1) + "\n"
        replace_file(path, told.encode("utf-8"))
