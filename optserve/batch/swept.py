"""What is asked of all jobs of a sweep together: its expectations, and which is the best."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from optserve.batch.job_outcome import JobOutcome
from optserve.config.schema.sweep import Best, Statistic
from optserve.jobs.record.artefacts import folder_name
from optserve.jobs.record.expectations import beyond
from optserve.reports.numbers import compact

__all__ = ["JudgedSweep", "StatisticFound", "Together", "judged", "statistic", "value_of"]


@dataclass(frozen=True)
class Together:
    """The jobs of a sweep by id, each with its settings, and what is asked of them together."""

    name: str
    jobs: Mapping[str, Mapping[str, Any]]
    expect: Mapping[str, Statistic] = field(default_factory=dict)
    best: Best | None = None

    def as_json(self) -> dict[str, Any]:
        """What another process, that has not read the config, needs to judge the sweep."""
        expect = {path: wanted.model_dump() for path, wanted in self.expect.items()}
        best = None if self.best is None else self.best.model_dump()
        return {"name": self.name, "jobs": self.jobs, "expect": expect, "best": best}

    @staticmethod
    def of_json(told: Mapping[str, Any]) -> Together:
        """The sweep that ``as_json`` told of."""
        expect = {path: Statistic.model_validate(one) for path, one in told["expect"].items()}
        best = None if told["best"] is None else Best.model_validate(told["best"])
        return Together(told["name"], told["jobs"], expect, best)


@dataclass(frozen=True)
class StatisticFound:
    """A statistic over some jobs: of which path, for which settings of the others, what it is."""

    path: str
    statistic: str
    settings: Mapping[str, Any]
    of: int
    value: float | None
    holds: bool
    message: str


@dataclass(frozen=True)
class JudgedSweep:
    """A sweep as a whole: its best job, if any, where its config is, and what was expected."""

    name: str
    best: str
    by: str
    value: float | None
    config: str
    expectations: tuple[StatisticFound, ...]

    @property
    def exit_code(self) -> int:
        return 0 if all(one.holds for one in self.expectations) else 4

    def as_json(self) -> dict[str, Any]:
        """The sweep as ``batch.json`` holds it."""
        return asdict(self)


def judged(group: Together, outcomes: Mapping[str, JobOutcome], folder: Path) -> JudgedSweep:
    """What the jobs of a sweep come to; the config of the best one is written into ``folder``."""
    found = [outcomes[job] for job in group.jobs]
    by, best = _best(group, found)
    config = ""
    if best is not None:
        config = f"{folder_name(group.name)}.best.yaml"
        shutil.copyfile(folder / best.folder / "config.resolved.yaml", folder / config)
    return JudgedSweep(
        group.name,
        "" if best is None else best.id,
        by,
        None if best is None else value_of(best, by),
        config,
        tuple(_expectations(group, outcomes)),
    )


def _best(group: Together, found: Sequence[JobOutcome]) -> tuple[str, JobOutcome | None]:
    """By what, and which of those that passed is the best; the first of several that are equal."""
    wanted = group.best
    validated = any("loss" in one.metrics.get("validation", {}) for one in found)
    by = "metrics.validation.loss" if validated else "loss"
    sign = 1.0
    if wanted is not None:
        by, sign = wanted.metric, 1.0 if wanted.mode == "min" else -1.0
    valued = [
        (sign * value, one)
        for one in found
        if one.passed and one.folder and (value := value_of(one, by)) is not None
    ]
    return by, min(valued, key=lambda pair: pair[0])[1] if valued else None


def value_of(outcome: JobOutcome, path: str) -> float | None:
    """The number of a job that a sweep asks for, if it has it."""
    if path == "loss":
        return outcome.loss
    if path == "metrics.validation.loss" and path not in outcome.values:
        return outcome.metrics.get("validation", {}).get("loss")
    found = outcome.values.get(path)
    return found if isinstance(found, int | float) else None


def _expectations(group: Together, outcomes: Mapping[str, JobOutcome]) -> Iterator[StatisticFound]:
    for path, wanted in group.expect.items():
        over = (wanted.over,) if isinstance(wanted.over, str) else wanted.over
        together = dict[str, list[Any]]()
        for job, settings in group.jobs.items():
            rest = {one: value for one, value in settings.items() if over and one not in over}
            together.setdefault(json.dumps(rest), []).append((rest, outcomes[job]))
        for pairs in together.values():
            yield _found(path, wanted, pairs[0][0], [outcome for _, outcome in pairs])


def _found(
    path: str, wanted: Statistic, settings: Mapping[str, Any], found: Sequence[JobOutcome]
) -> StatisticFound:
    values = [value_of(one, path) for one in found]
    without = [one.id for one, value in zip(found, values, strict=True) if value is None]
    where = "".join(f", {name}={value}" for name, value in settings.items())
    subject = f"{wanted.statistic} of {path} over {len(found)} jobs{where}"
    value, wrong = None, ""
    if without:
        wrong = f"{subject}: {without[0]} has no such number"
        wrong += f", nor have {len(without) - 1} more" if len(without) > 1 else ""
    else:
        value = statistic(wanted.statistic, [one for one in values if one is not None])
        outside = beyond(value, wanted.min, wanted.max)
        wrong = f"{subject} is {compact(value)}: {outside}" if outside else ""
    return StatisticFound(
        path, wanted.statistic, dict(settings), len(found), value, not wrong, wrong
    )


def statistic(name: str, values: Sequence[float]) -> float:
    """The statistic of this name; a quantile is interpolated linearly.

    >>> statistic("median", [1, 4, 2]), statistic("q25", [0, 4]), statistic("max", [1, 2])
    (2.0, 1.0, 2.0)
    """
    array = np.asarray(values, dtype=np.float64)
    match name:
        case "median":
            return float(np.median(array))
        case "mean":
            return float(array.mean())
        case "min":
            return float(array.min())
        case "max":
            return float(array.max())
    return float(np.quantile(array, int(name[1:]) / 100))
