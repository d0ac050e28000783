"""What a person expects of a result, compared with what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.problem import Expectation
from optserve.jobs.record.parts import ExpectationFound, numbers
from optserve.jobs.result_paths import look_up

__all__ = ["beyond", "check", "check_paths"]

_CHECKS = frozenset({"min", "max", "near", "rel", "abs", "one_of", "within_se", "se", "baseline"})
"""``se`` is the standard error of ``near``, of which joint ones with that of the value count, and
``baseline`` says where both are from."""


def check_paths(expectations: Sequence[Expectation], outline: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` for a path that will name nothing, before anything runs.

    ``outline`` has the keys and the shapes of the result.
    """
    for expectation in expectations:
        look_up(outline, expectation.path, expectation.place)
        unknown = sorted(set(expectation.checks) - _CHECKS)
        if unknown:
            raise ConfigError(
                f"`{unknown[0]}` is no check",
                place=expectation.place,
                expected=", ".join(sorted(_CHECKS)),
                code="impossible-expectation",
            )


def check(expectation: Expectation, record: Mapping[str, Any]) -> ExpectationFound:
    """Whether ``expectation`` holds of a result, which is given as nested mappings and lists.

    Of an array every entry must hold. Where there is no value (a standard error of a parameter at
    its bound, a metric that a plugin failed at) nothing holds.

    >>> checks = {"near": 238.94, "rel": 1e-4}
    >>> found = check(Expectation("loss", checks), {"loss": 238.95})
    >>> found.holds, found.message
    (True, '')
    >>> check(Expectation("loss", {"max": 0.2}), {"loss": 0.5}).message
    'loss is 0.5: above max 0.2'
    """
    try:
        found = look_up(record, expectation.path, expectation.place)
    except ConfigError:  # it was to be there: what failed is left out
        found = None
    if expectation.path == "termination":
        found = found["reason"]
    if isinstance(found, np.ndarray | np.generic):
        found = numbers(np.asarray(found))
    checks = expectation.checks
    if "within_se" in checks:
        name = expectation.path.removeprefix("parameters.")
        errors = look_up(record, f"standard_errors.{name}", expectation.place)
        checks = {**checks, "abs": _joint(checks, errors)}
    wrong = _wrong(found, checks)
    if wrong and "baseline" in checks:
        wrong = f"{wrong} (baseline: {checks['baseline']})"
    message = f"{expectation.path} is {_shown(found)}: {wrong}" if wrong else ""
    return ExpectationFound(
        path=expectation.path,
        checks=dict(expectation.checks),
        found=found,
        holds=not wrong,
        message=message,
        place=expectation.place,
    )


def _joint(checks: Mapping[str, Any], errors: Any) -> Any:
    """How far off may be what has these standard errors; NaN where one is not known."""
    now = np.asarray(errors, dtype=np.float64)
    return checks["within_se"] * np.hypot(now, np.asarray(checks["se"], dtype=np.float64))


def _wrong(found: Any, checks: Mapping[str, Any]) -> str:
    """What does not hold, or nothing."""
    if "one_of" in checks and found not in checks["one_of"]:
        return f"not one of {', '.join(map(str, checks['one_of']))}"
    if not {"min", "max", "near"} & checks.keys():
        return ""
    try:
        values = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        return "not a number"
    outside = beyond(values, checks.get("min"), checks.get("max"))
    if outside:
        return outside
    return _far(values, checks) if "near" in checks else ""


def beyond(value: float | Array | None, least: float | None, most: float | None) -> str:
    """Which limit a number is beyond, or an entry of an array, in words; nothing if none.

    >>> beyond(0.5, None, 0.2), beyond(0.1, None, 0.2), beyond(None, 0.0, None)
    ('above max 0.2', '', 'there is no value')
    """
    values = np.asarray(np.nan if value is None else value, dtype=np.float64)
    if np.isnan(values).any():
        return "there is no value"
    if least is not None and (values < least).any():
        return f"below min {least:.12g}"
    if most is not None and (values > most).any():
        return f"above max {most:.12g}"
    return ""


def _far(values: Any, checks: Mapping[str, Any]) -> str:
    """How far off ``near`` the farthest value is, where that is more than is allowed."""
    near = np.asarray(checks["near"], dtype=np.float64)
    if near.ndim and near.shape != values.shape:
        return f"its shape is {values.shape}, that of near {near.shape}"
    allowed = np.maximum(checks.get("rel", 0.0) * np.abs(near), checks.get("abs", 0.0))
    distance = np.abs(values - near)
    if np.isnan(allowed).any():
        return "there is no standard error to compare by"
    if (distance <= allowed).all():
        return ""
    with np.errstate(all="ignore"):
        worst = int(np.argmax(np.where(distance <= allowed, -inf, distance / allowed)))
    farthest, limit = distance.flat[worst], np.broadcast_to(allowed, distance.shape).flat[worst]
    return f"off near {_shown(checks['near'])} by {farthest:.3g}, more than {limit:.3g}"


def _shown(found: Any) -> str:
    if isinstance(found, float):
        return f"{found:.12g}"
    text = str(found)
    return text if len(text) <= 60 else f"{text[:57]}..."
