"""``key_of``: all that the result of a job depends on, to the last bit; as a text."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from optserve.graph.graph import to_text
from optserve.jobs.problem import Expectation, Problem
from optserve.jobs.reasons import Reason
from optserve.jobs.record.environment import environment
from optserve.jobs.record.result import Result
from optserve.registry.code import content_digest, reached_digest, versions

__all__ = [
    "asks_for_time",
    "digests_of",
    "installed",
    "is_pure",
    "key_of",
    "may_be_stored",
    "surroundings",
]

JUDGING = frozenset({"expect", "baseline", "xfail", "sweep", "metadata"})
"""Keys of a config by which a result is judged, and which do not change it."""

MEASURED = frozenset({"seconds", "memory"})
"""What differs each time that a job runs."""

PASSING = frozenset(
    {
        Reason.interrupted.name,
        Reason.terminated.name,
        Reason.seconds.name,
        Reason.aborted.name,
        Reason.data.name,
        Reason.plugin.name,
        Reason.certificate.name,
    }
)
"""Reasons to end that another run may not have."""

LIBRARIES = ("numpy", "scipy", "llvmlite", "pyarrow", "pydantic", "ruamel.yaml")


def surroundings() -> Mapping[str, Any]:
    """What jobs depend on that is the same for all of a process: code, libraries, processor."""
    found = environment(1)
    return {
        **{key: value for key, value in found.items() if key not in ("threads", "cores")},
        "code": content_digest("optserve"),
        "libraries": versions(LIBRARIES),
        "processor": _processor(),
        "blas": os.environ.get("OPENBLAS_CORETYPE", ""),
    }


def key_of(problem: Problem, around: Mapping[str, Any]) -> str:
    """What the result of ``problem`` depends on, as JSON."""
    config = problem.metadata["config"]
    told = {
        "name": problem.name,
        "file": problem.metadata.get("file", ""),
        "config": {key: value for key, value in config.items() if key not in JUDGING},
        "seed": problem.seed,
        "data": {name: one["sha256"] for name, one in problem.metadata["data"].items()},
        "graph": to_text(problem.objective.graph, places=True),
        "warnings": problem.warnings,
        "plugins": [
            {**one, "code": reached_digest(one["module"])} for one in problem.metadata["plugins"]
        ],
        "around": around,
    }
    return json.dumps(told, sort_keys=True, default=str)


def digests_of(problem: Problem) -> Mapping[str, str]:
    """Digests of what a result of ``problem`` depends on, by what it is: equal on two machines
    where both have the same of it. Processors may differ; the result tells which it was."""
    told = json.loads(key_of(problem, installed()))
    parts = {"config": told.pop("config"), "data": told.pop("data")}
    parts |= {"plugins": told.pop("plugins"), "optserve or libraries": told.pop("around")}
    return {
        name: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
        for name, part in {**parts, "graph": told}.items()
    }


@functools.cache
def installed() -> Mapping[str, Any]:
    """What jobs depend on that is installed."""
    found = surroundings()
    return {name: found[name] for name in ("python", "optserve", "code", "libraries")}


def is_pure(problem: Problem) -> bool:
    """Whether a result of ``problem`` is another's: it is limited by no clock, and every plugin
    says that what it gives depends on nothing else."""
    clocked = problem.stop.seconds is not None
    return not clocked and all(one["pure"] for one in problem.metadata["plugins"])


def may_be_stored(result: Result) -> bool:
    """Whether another run would end likewise."""
    return PASSING.isdisjoint(result.termination.reasons)


def asks_for_time(expectations: Sequence[Expectation], wanted: Sequence[str]) -> bool:
    """Whether something is expected of what a run measures, which none that was stored can tell."""
    paths = [one.path for one in expectations] + [*wanted]
    return any(not MEASURED.isdisjoint(path.replace("[", ".").split(".")) for path in paths)


def _processor() -> str:
    """The model of the processor, by which products choose their kernels."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return next((line for line in file if line.startswith("model name")), "").strip()
    except OSError:
        return platform.processor()
