"""``expect``: paths into the result, checked as far as they can be before there is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from optserve.config.metrics import SPLITS, check_metric_path
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import ScalarNode
from optserve.config.parameters import numbers
from optserve.config.schema.config import Config, Expect
from optserve.config.schema.uncertainty import Uncertainty
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.packing import entry_label
from optserve.jobs.parameters import Parameter
from optserve.jobs.problem import Expectation
from optserve.jobs.reasons import Reason
from optserve.jobs.record.parts import FitFound

__all__ = ["expectations_of"]

_CRITERIA = ("aic", "bic", "aicc", "deviance")
_NUMBERS = ("loss", "steps", "evaluations", "seconds", "memory", "termination", *_CRITERIA)
_BY_PARAMETER = ("parameters", "standard_errors", "intervals", "gradient")
_BY_METHOD = ("standard_errors", "intervals")
_OF_OUTPUT = ("value", "standard_error", "interval")
_ERRORS = frozenset({("outputs", "standard_error"), ("outputs", "interval")})
_NOT_NEGATIVE = frozenset({"steps", "evaluations", "seconds", "memory", "standard_errors"})
_INDEX = re.compile(r"(\[[0-9]{1,9}\])*")


def expectations_of(
    config: Config,
    parameters: Sequence[Parameter],
    splits: Collection[str] | None,
    outputs: Mapping[str, tuple[int, ...]],
    methods: Sequence[str],
    found: Mistakes,
) -> tuple[Expectation, ...]:
    """What must hold of the result.

    A path that can name nothing in it is wrong, and so is what could never hold. Of a parameter
    that is wrong nothing is checked. Where the ``splits`` are not known there may be all.
    ``outputs`` are the shapes of those that are not wrong, ``methods`` the names of those by which
    there are errors.
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    wrong = [name for name in config.parameters if name not in by_name]
    expectations = []
    for path, entry in config.entries_of("expect").items():
        of_parameter = path.partition(".")[2] if path.startswith(_BY_PARAMETER) else ""
        if any(_entry_of(of_parameter, name) for name in wrong):
            continue
        with found:
            shape: tuple[int, ...] = ()
            if path.startswith("metrics."):
                check_metric_path(path, entry.key.place, splits or SPLITS, config.metrics)
            elif path.startswith("outputs."):
                shape = _check_output(entry.key, config.outputs, outputs)
            else:
                shape = _check_path(entry.key, by_name, config, methods)
            _check_error_bars(config, entry.key, by_name, methods)
            checks = _checks(path, config.expect[path], shape)
            expectations.append(Expectation(path, checks, entry.key.place))
    return tuple(expectations)


def _entry_of(path: str, parameter: str) -> bool:
    """Whether ``path`` is a parameter or an entry of it."""
    return path.startswith(parameter) and bool(_INDEX.fullmatch(path[len(parameter) :]))


def _checks(path: str, expect: Expect, shape: tuple[int, ...]) -> Mapping[str, object]:
    near = None if expect.near is None else numbers(expect.node_of("near"))
    checks = {
        "min": expect.min,
        "max": expect.max,
        "near": None if near is None else near.tolist(),
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
            code="impossible-expectation",
        )
    if not given:
        raise ConfigError(
            f"nothing is expected of {path}",
            place=expect.place,
            expected="one of min, max, near, one_of",
            code="impossible-expectation",
        )
    _check_reasons(path, expect, given)
    _check_range(path, expect)
    if near is not None:
        _check_near(path, expect, near, shape)
    return given


def _check_range(path: str, expect: Expect) -> None:
    """Refuse limits between which nothing lies."""
    if expect.min is not None and expect.max is not None and expect.min > expect.max:
        raise ConfigError(
            f"no value of {path} can be at least {expect.min:g} and at most {expect.max:g}",
            place=expect.place_of("max"),
            expected="a `max` of at least `min`",
            code="impossible-expectation",
        )
    if path.partition(".")[0] in _NOT_NEGATIVE and expect.max is not None and expect.max < 0:
        raise ConfigError(
            f"{path} is never negative, so it cannot be at most {expect.max:g}",
            place=expect.place_of("max"),
            expected="a `max` of at least 0",
            code="impossible-expectation",
        )


def _check_near(path: str, expect: Expect, near: Array, shape: tuple[int, ...]) -> None:
    """Refuse numbers that the value can never be near to."""
    place = expect.place_of("near")
    if near.ndim and near.shape != shape:
        raise ConfigError(
            f"{path} has the shape {shape}, and `near` the shape {near.shape}",
            place=place,
            expected="one number, or a nested list of that shape",
            code="impossible-expectation",
        )
    allowed = np.maximum((expect.rel or 0.0) * np.abs(near), expect.abs or 0.0)
    if expect.rel and expect.abs is None and not near.all():
        raise ConfigError(
            "`rel` is relative to `near`, which is 0: nothing but 0 itself would hold",
            place=place,
            expected="a tolerance that does not depend on `near`",
            remedy="give `abs` too: {near: 0, abs: 1.0e-6}",
            code="impossible-expectation",
        )
    low = -np.inf if expect.min is None else expect.min
    high = np.inf if expect.max is None else expect.max
    if (near + allowed < low).any() or (near - allowed > high).any():
        raise ConfigError(
            f"no value of {path} can be near {expect.near} and within `min` and `max`",
            place=place,
            expected="limits that leave room for `near`",
            code="impossible-expectation",
        )


def _check_reasons(path: str, expect: Expect, given: Mapping[str, object]) -> None:
    """Refuse reasons that are none, and numbers where there are reasons."""
    is_reason = path == "termination"
    if is_reason and (others := sorted(set(given) - {"one_of"})):
        raise ConfigError(
            f"the termination is a word, and `{others[0]}` compares numbers",
            place=expect.place,
            expected="{one_of: [gradient, ...]}",
            code="impossible-expectation",
        )
    if expect.one_of is None:
        return
    if not expect.one_of:
        raise ConfigError(
            f"the list of what {path} may be is empty",
            place=expect.place_of("one_of"),
            expected="at least one value",
            code="impossible-expectation",
        )
    reasons = [reason.name for reason in Reason]
    wrong = (one for one in expect.one_of if (one not in reasons if is_reason else _is_text(one)))
    for one in wrong:
        raise ConfigError(
            f"no job ends for the reason {one!r}" if is_reason else f"{path} is never {one!r}",
            place=expect.place_of("one_of"),
            expected=f"one of {choices(reasons, len(reasons))}" if is_reason else "numbers",
            remedy=did_you_mean(str(one), reasons) if is_reason else "",
            code="impossible-expectation",
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_error_bars(
    config: Config,
    key: ScalarNode,
    parameters: Mapping[str, Parameter],
    methods: Sequence[str],
) -> None:
    """Refuse a standard error where the job will have none, whatever it finds."""
    root, _, rest = key.text.partition(".")
    part = key.text.split(".")[-1].partition("[")[0]
    if root == "uncertainties":
        root, rest = "standard_errors", rest.split(".", 2)[-1]
    if root not in ("standard_errors", "intervals") and (root, part) not in _ERRORS:
        return
    fixed = (name for name, one in parameters.items() if rest == name and one.fixed.all())
    why = ""
    refits = not {"bootstrap", "jackknife"}.isdisjoint(methods)
    if [*methods] == ["none"]:
        why = "`uncertainty: none` asks for no errors"
    elif config.loss is not None and not refits:
        why = "a loss is no likelihood: use least_squares or log_likelihood"
    elif config.minibatch is not None:
        why = "steps that see batches end at no exact minimum"
    elif config.optimizer == "none":
        why = "with `optimizer: none` nothing is estimated"
    elif name := next(fixed, None):
        why = f"'{name}' is fixed"
    if why:
        raise ConfigError(
            f"`{key.text}` will have no value: {why}",
            place=key.place,
            remedy="leave out this expectation",
            code="impossible-expectation",
        )


def _check_path(
    key: ScalarNode, parameters: Mapping[str, Parameter], config: Config, methods: Sequence[str]
) -> tuple[int, ...]:
    """The shape of what a path names: the longest literal name wins, then come indices."""
    root, _, rest = key.text.partition(".")
    if root in _NUMBERS and not rest:
        return ()
    if root in _BY_PARAMETER and rest:
        return _check_parameter(key, root, rest, parameters)
    if root == "uncertainties":
        method, _, inner = rest.partition(".")
        part, _, name = inner.partition(".")
        if method in methods and part in _BY_METHOD and name:
            return _check_parameter(key, part, name, parameters)
        paths = [f"{root}.{one}.{of}.NAME" for one in methods for of in _BY_METHOD]
        raise _nothing(key, key.text, paths)
    if root == "profiles":
        return _check_profile(key, rest, parameters, config)
    if root == "fit" and config.least_squares is not None:
        if rest in FitFound.model_fields:
            return ()
        raise _nothing(key, key.text, [f"fit.{one}" for one in FitFound.model_fields])
    named = (f"{name}.NAME" for name in _BY_PARAMETER)
    raise _nothing(key, key.text, [*_NUMBERS, *named, "metrics.SPLIT.NAME", "outputs.NAME.value"])


def _check_profile(
    key: ScalarNode, rest: str, parameters: Mapping[str, Parameter], config: Config
) -> tuple[int, ...]:
    """The shape of what a path ``profiles.w[0].interval[1]`` names."""
    written = config.uncertainty
    asked = written.profile if isinstance(written, Uncertainty) else ()
    labels = [
        entry_label(name, parameters[name].shape, int(position))
        for name in asked
        if name in parameters
        for position in np.flatnonzero(~parameters[name].fixed)
    ]
    label, _, part = rest.rpartition(".")
    if label in labels and part.partition("[")[0] == "interval" and _entry_of(part, "interval"):
        return _entry(key, rest.partition("[")[0], (2,), part.removeprefix("interval"))
    raise _nothing(key, key.text, [f"profiles.{one}.interval" for one in labels])


def _check_output(
    key: ScalarNode, written: Collection[str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[int, ...]:
    """The shape of what a path ``outputs.NAME.value[0]`` names."""
    _, name, part = [*key.text.split(".", 2), ""][:3]
    part, _, index = part.partition("[")
    if name not in written or part not in _OF_OUTPUT or not _INDEX.fullmatch(index and f"[{index}"):
        paths = [f"outputs.{one}.{of}" for one in written for of in _OF_OUTPUT]
        raise _nothing(key, key.text if part else f"{key.text}.value", paths)
    if name not in shapes:  # it is wrong itself
        return ()
    shape = (*shapes[name], 2) if part == "interval" else shapes[name]
    return _entry(key, f"outputs.{name}.{part}", shape, index)


def _check_parameter(
    key: ScalarNode, part: str, rest: str, parameters: Mapping[str, Parameter]
) -> tuple[int, ...]:
    name = next(
        (name for name in sorted(parameters, key=len, reverse=True) if _entry_of(rest, name)),
        None,
    )
    if name is None:
        raise _nothing(key, rest.partition("[")[0], parameters)
    shape = parameters[name].shape
    return _entry(key, name, (*shape, 2) if part == "intervals" else shape, rest[len(name) :])


def _entry(key: ScalarNode, name: str, shape: tuple[int, ...], written: str) -> tuple[int, ...]:
    """The shape of an entry of an array, whose index is ``written``."""
    index = tuple(int(number) for number in re.findall("[0-9]+", written))
    if len(index) > len(shape) or any(np.greater_equal(index, shape[: len(index)])):
        raise ConfigError(
            f"'{name}' has no entry {list(index)}",
            place=key.place,
            expected=f"indices into the shape {shape}",
            code="unknown-path",
        )
    return shape[len(index) :]


def _nothing(key: ScalarNode, written: str, valid: Iterable[str]) -> ConfigError:
    names = list(valid)
    return ConfigError(
        f"`{key.text}` names nothing in the result",
        place=key.place,
        expected=f"one of {choices(names, 20)}",
        remedy=did_you_mean(written, names),
        code="unknown-path",
    )
