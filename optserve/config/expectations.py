"""``expect``: paths into the result, checked as far as they can be before there is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from optserve.config.metrics import check_metric_path
from optserve.config.nodes import Scalar
from optserve.config.parameters import numbers
from optserve.config.schema.config import Config, Expect
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Told
from optserve.jobs.parameters import Parameter
from optserve.jobs.problem import Expectation

__all__ = ["expectations_of"]

_NUMBERS = ("loss", "steps", "evaluations", "seconds", "memory", "termination")
_BY_PARAMETER = ("parameters", "standard_errors", "gradient")
_LATER = ("outputs",)
_INDEX = re.compile(r"(\[[0-9]{1,9}\])*")


def expectations_of(
    config: Config, parameters: Sequence[Parameter], splits: Collection[str]
) -> tuple[Expectation, ...]:
    """What must hold of the result; raises where a path can name nothing in it."""
    by_name = {parameter.name: parameter for parameter in parameters}
    found, told = [], Told()
    for path, entry in config.entries_of("expect").items():
        with told:
            if path.startswith("metrics."):
                check_metric_path(path, entry.key.place, splits, config.metrics)
            else:
                _check_path(entry.key, by_name)
            found.append(Expectation(path, _checks(path, config.expect[path]), entry.key.place))
    told.hold()
    return tuple(found)


def _checks(path: str, expect: Expect) -> Mapping[str, object]:
    near = None if expect.near is None else numbers(expect.node_of("near"))
    checks = {
        "min": expect.min,
        "max": expect.max,
        "near": near.item() if near is not None and not near.ndim else near,
        "rel": expect.rel,
        "abs": expect.abs,
        "one_of": expect.one_of,
    }
    given = {name: check for name, check in checks.items() if check is not None}
    tolerances = {"rel", "abs"} & set(given)
    if ("near" in given) != bool(tolerances):
        raise ConfigError(
            "`near` has no tolerance" if not tolerances else "there is no `near` to be close to",
            place=expect.place,
            expected="{near: NUMBER, rel: 1.0e-6}, or abs",
        )
    if not given:
        raise ConfigError(
            f"nothing is expected of {path}",
            place=expect.place,
            expected="one of min, max, near, one_of",
        )
    return given


def _check_path(key: Scalar, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a path that names nothing: the longest literal name wins, then come indices."""
    root, _, rest = key.text.partition(".")
    if root in _LATER:
        raise ConfigError(f"`{root}` is not supported yet", place=key.place)
    if root in _NUMBERS and not rest:
        return
    if root in _BY_PARAMETER and rest:
        _check_parameter(key, rest, parameters)
        return
    named = (f"{name}.NAME" for name in _BY_PARAMETER)
    raise _nothing(key, key.text, [*_NUMBERS, *named, "metrics.SPLIT.NAME"])


def _check_parameter(key: Scalar, rest: str, parameters: Mapping[str, Parameter]) -> None:
    name = next(
        (
            name
            for name in sorted(parameters, key=len, reverse=True)
            if rest.startswith(name) and _INDEX.fullmatch(rest[len(name) :])
        ),
        None,
    )
    if name is None:
        raise _nothing(key, rest.partition("[")[0], parameters)
    index = tuple(int(number) for number in re.findall("[0-9]+", rest[len(name) :]))
    shape = parameters[name].shape
    if len(index) > len(shape) or any(np.greater_equal(index, shape[: len(index)])):
        raise ConfigError(
            f"'{name}' has no entry {list(index)}",
            place=key.place,
            expected=f"indices into the shape {shape}",
        )


def _nothing(key: Scalar, written: str, valid: Iterable[str]) -> ConfigError:
    names = list(valid)
    return ConfigError(
        f"`{key.text}` names nothing in the result",
        place=key.place,
        expected=f"one of {choices(names)}",
        remedy=did_you_mean(written, names),
    )
