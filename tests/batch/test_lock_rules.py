"""Every rule of every function, changed by its last digits, is another in the lock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from optserve.batch.lock.locked_rules import rule_of
from optserve.graph.primitive import Derivative, Primitive, Steep
from optserve.registry import load

pytestmark = pytest.mark.nightly

FACTOR = 1.0 + 1e-12


def scaled(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(map(scaled, value))
    if isinstance(value, Steep):
        return replace(value, value=scaled(value.value))
    return value * FACTOR


def mutants(own: Derivative) -> Iterator[Derivative]:
    """The derivative with one of the forms that it states scaled."""

    def of(form: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *operands, **attributes: scaled(form(*operands, **attributes))

    for name in ("partials", "transpose", "pullback"):
        form = getattr(own, name)
        if form is not None:
            changed: dict[str, Any] = {name: of(form)}
            yield replace(own, **changed)
    if own.jvp is not None:
        jvp = own.jvp

        def pushed(*operands: Any, **attributes: Any) -> Any:
            out, tangent = jvp(*operands, **attributes)
            return out, scaled(tangent)

        yield replace(own, jvp=pushed)


def test_no_rule_changes_unseen() -> None:
    unseen, seen = [], 0
    for entry in load().primitives.values():
        primitive: Primitive = entry.value
        own, before = primitive.derivative, rule_of(primitive)
        for mutant in mutants(own):
            object.__setattr__(primitive, "derivative", mutant)
            try:
                after = rule_of(primitive)
            finally:
                object.__setattr__(primitive, "derivative", own)
            if (after.reverse, after.forward) != (before.reverse, before.forward):
                seen += 1
            elif re.search(r"\bc\b", before.shown.partition("\n")[2]):
                unseen.append(primitive.name)  # else its derivative is 0, and scaled is itself
    assert unseen == []
    assert seen > 80
