"""``simulate``: what a config expects of data that are drawn from its model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optserve.config.mistakes import Mistakes
from optserve.config.ranges import check_range
from optserve.config.schema.uncertainty import Simulate
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError
from optserve.jobs.packing import entry_label
from optserve.jobs.parameters import JobParameter

__all__ = ["check_simulation"]

_BY_LABEL = (
    *("coverage", "profile_coverage", "bias", "spread", "mean", "mean_error"),
    *("bias_error", "coverage_low", "coverage_high", "coverage_of"),
    *("profile_coverage_low", "profile_coverage_high", "profile_coverage_of"),
)


def check_simulation(asked: Simulate, parameters: Sequence[JobParameter], found: Mistakes) -> None:
    """Refuse a path that names nothing, and what expects nothing or can never hold."""
    labels = [
        entry_label(one.name, one.shape, int(position))
        for one in parameters
        for position in np.flatnonzero(~one.fixed)
    ]
    paths = ["failures", *(f"{part}.{label}" for part in _BY_LABEL for label in labels)]
    for path, entry in asked.entries_of("expect").items():
        limits = asked.expect[path]
        with found:
            if path not in paths:
                raise ConfigError(
                    f"`{path}` names nothing in a simulation",
                    place=entry.key.place,
                    expected=f"one of {choices(paths)}",
                    remedy=did_you_mean(path, paths),
                    code="unknown-path",
                )
            if limits.min is None and limits.max is None:
                raise ConfigError(
                    f"nothing is expected of {path}",
                    place=entry.key.place,
                    expected="min, max, or both",
                    code="impossible-expectation",
                )
            check_range(path, limits)
