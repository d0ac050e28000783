"""Functions that keep something, or fail later than they are looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faulty.mutant import Mutant, called
from optserve.plugin import Value

__all__ = ["MUTANTS"]

STATE, LATER = "state", "later"
CALLS = 550
"""After so many calls of its value a mutant fails, long after it was certified."""


def kept(fault: str, name: str, parts: Callable[[Keeping], tuple[Any, Any]]) -> Mutant:
    """A value and a rule that may keep something."""
    keeping = Keeping()
    return Mutant(STATE, fault, called(name, *parts(keeping)), renew=keeping.renew)


def _square(x: Value) -> Value:
    return x * x


def _rule(ct: Value, out: Value, x: Value) -> Value:
    return ct * 2.0 * x


def _still(ct: Value, out: Value, x: Value) -> Value:
    return 0.0 * ct * x


def _changing(x: Value) -> Value:
    x += 1.0
    return x * x


def _changing_rule(ct: Value, out: Value, x: Value) -> Value:
    if isinstance(x, np.ndarray) and x.ndim:
        x *= 2.0
        return ct * x
    return ct * 2.0 * x


def _changing_cotangent(ct: Value, out: Value, x: Value) -> Value:
    if isinstance(ct, np.ndarray) and ct.ndim:
        ct *= 2.0
        return ct * x
    return ct * 2.0 * x


class Keeping:
    """What is kept from call to call, and should not be."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.last: Any = 0.0
        self.calls = 0
        self.first: dict[Any, Any] = {}
        self.buffers: dict[Any, Any] = {}
        self.generator = np.random.default_rng(0)

    def value(self, x: Value) -> Value:
        self.last = np.array(x)
        return x * x

    def rule_of_last(self, ct: Value, out: Value, x: Value) -> Value:
        """An adjoint that relies on the forward run before it."""
        arrays = np.asarray(ct), np.asarray(self.last)
        return arrays[0] * 2.0 * arrays[1]

    def drifting(self, x: Value) -> Value:
        self.calls += 1
        return x * x * (1.0 + 1e-4 * self.calls)

    def remembered(self, x: Value) -> Value:
        return self.first.setdefault((np.shape(x), np.asarray(x).dtype), x * x)

    def buffered(self, x: Value) -> Value:
        key = np.shape(x), np.asarray(x).dtype
        found = self.buffers.setdefault(key, np.empty(*key))
        np.multiply(x, x, out=found)
        return found

    def drawn(self, ct: Value, out: Value, x: Value) -> Value:
        """A rule with a Monte Carlo estimate in it."""
        given = np.asarray(x)
        return (
            np.asarray(ct)
            * 2.0
            * given
            * (1.0 + 1e-3 * self.generator.standard_normal(given.shape))
        )


class Failing:
    """Right for a number of calls."""

    def __init__(self, fault: Callable[[Value], Value]) -> None:
        self.fault = fault
        self.calls = 0

    def renew(self) -> None:
        self.calls = 0

    def __call__(self, x: Value) -> Value:
        self.calls += 1
        return self.fault(x) if self.calls > CALLS else x * x


def _slow(primitive: Any, a: Value, x: Value) -> Value:
    """A loss that takes many evaluations, of several values each."""
    values = [np.sum(primitive(a * x + shift)) for shift in range(8)]
    return sum(values) + 100.0 * (np.exp(a) - 2.0) ** 4


def later(fault: str, name: str, what: Callable[[Value], Value]) -> Mutant:
    value = Failing(what)
    primitive = called(name, value, _rule)
    return Mutant(LATER, fault, primitive, _slow, start=9.0, renew=value.renew)


MUTANTS = (
    kept("the value changes its operand", "changes", lambda k: (_changing, _rule)),
    kept("the rule changes its operand", "rule_changes", lambda k: (_square, _changing_rule)),
    kept("the rule changes the cotangent", "spoils", lambda k: (_square, _changing_cotangent)),
    kept("the rule uses the last operand", "stale", lambda k: (k.value, k.rule_of_last)),
    kept("the value drifts", "drifts", lambda k: (k.drifting, _rule)),
    kept("the value of the first call", "remembers", lambda k: (k.remembered, _still)),
    kept("one buffer for all values", "buffers", lambda k: (k.buffered, _rule)),
    kept("a rule with noise", "noisy_rule", lambda k: (_square, k.drawn)),
    later("later it exits", "exits_later", lambda x: sys.exit(0)),
    later("later it raises", "raises_later", lambda x: 1 // 0),
    later("later of another shape", "shape_later", lambda x: np.ones(4)),
)
