"""``check_range``: limits between which nothing lies, wherever a config has them."""

from __future__ import annotations

from optserve.config.schema.config import Expect
from optserve.config.schema.sweep import Statistic
from optserve.config.schema.uncertainty import SimulatedLimits
from optserve.errors import ConfigError

__all__ = ["check_range"]


def check_range(path: str, limits: Expect | Statistic | SimulatedLimits) -> None:
    """Refuse limits of ``path`` between which nothing lies."""
    if limits.min is not None and limits.max is not None and limits.min > limits.max:
        raise ConfigError(
            f"no value of {path} can be at least {limits.min:g} and at most {limits.max:g}",
            place=limits.place_of("max"),
            expected="a `max` of at least `min`",
            code="impossible-expectation",
        )
