"""``expect``: paths into the result, checked as far as they can be before there is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from optserve.config.mistakes import Mistakes
from optserve.config.nodes import ScalarNode
from optserve.config.parameters import numbers
from optserve.config.ranges import check_range
from optserve.config.schema.config import Config, Expect
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import Expectation
from optserve.jobs.reasons import Reason
from optserve.jobs.record.outline import Expected, outline
from optserve.jobs.result_paths import look_up

__all__ = ["expectations_of"]

_ERRORS = frozenset({("outputs", "standard_error"), ("outputs", "interval")})
_NOT_NEGATIVE = frozenset({"steps", "evaluations", "seconds", "memory", "standard_errors"})


def expectations_of(config: Config, expected: Expected, found: Mistakes) -> tuple[Expectation, ...]:
    """What must hold of the result, of which as much is known as is ``expected``.

    A path that names no number in it is wrong, and so is what could never hold. Of parameters and
    outputs that are wrong themselves nothing is checked.
    """
    if not config.expect:
        return ()
    known, parameters = outline(expected), {one.name: one for one in expected.parameters}
    wrong = [name for name in config.parameters if name not in parameters]
    wrong += [f"outputs.{name}" for name in config.outputs if name not in expected.outputs]
    expectations = []
    for path, entry in config.entries_of("expect").items():
        if any(_is_of(path, name) for name in wrong):
            continue
        with found:
            shape = _shape_of(known, entry.key)
            _check_error_bars(config, entry.key, parameters, expected.methods)
            checks = _checks(path, config.expect[path], shape)
            expectations.append(Expectation(path, checks, entry.key.place))
    return tuple(expectations)


def _is_of(path: str, name: str) -> bool:
    """Whether ``path`` is of what has this name, or of an entry of it."""
    return re.search(rf"(^|\.){re.escape(name)}([.\[]|$)", path) is not None


def _shape_of(known: Mapping[str, Any], key: ScalarNode) -> tuple[int, ...]:
    """The shape of what the path ``key`` names."""
    found = look_up(known, key.text, key.place)
    if isinstance(found, Mapping):
        raise ConfigError(
            f"`{key.text}` is no number",
            place=key.place,
            expected=choices([f"{key.text}.{name}" for name in found]),
            code="unknown-path",
        )
    return np.shape(found)


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
    check_range(path, expect)
    _check_sign(path, expect)
    if near is not None:
        _check_near(path, expect, near, shape)
    return given


def _check_sign(path: str, expect: Expect) -> None:
    """Refuse what a number that is never negative can never be."""
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
    parameters: Mapping[str, JobParameter],
    methods: Collection[str],
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
