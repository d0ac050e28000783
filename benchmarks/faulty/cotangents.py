"""Pullbacks that do something else with the cotangent than multiply it and sum it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faulty.mutant import VECTOR, Mutant, called
from optserve.plugin import Aval, Example, Reduced, Value, linear, opaque

__all__ = ["MUTANTS"]

COTANGENT, LINEAR = "cotangent", "transpose"


def squared(fault: str, name: str, rule: Any, **more: Any) -> Mutant:
    """The square of each entry, whose rule does this with ct."""
    return Mutant(COTANGENT, fault, called(name, lambda x: x * x, rule, **more))


def total(fault: str, name: str, rule: Any) -> Mutant:
    """The sum of squares, whose cotangent is one number."""
    primitive = opaque(
        name,
        lambda x: np.sum(x * x),
        shape=lambda x: Aval((), x.dtype),
        pullback=lambda ct, out, x: (rule(ct, out, x),),
        axes=lambda carried, x: Reduced("sum"),
        examples=VECTOR,
        doc="It has a fault.",
    )
    return Mutant(COTANGENT, fault, primitive, lambda f, a, x: f(a * x))


def _halves(x: Value) -> tuple[Value, Value]:
    return x * x, 3.0 * x


def two_results(fault: str, name: str, rule: Any) -> Mutant:
    primitive = opaque(
        name,
        _halves,
        shape=lambda x: (x, x),
        pullback=lambda ct, out, x: (rule(ct, out, x),),
        axes=lambda carried, x: (carried[0], carried[0]),
        examples=VECTOR,
        doc="It has a fault.",
    )
    return Mutant(COTANGENT, fault, primitive, lambda f, a, x: np.sum(f(a * x)[0] * f(a * x)[1]))


def _running(x: Value) -> Value:
    return np.cumsum(x, axis=-1)


def transposed(fault: str, name: str, impl: Any, transpose: Any, **more: Any) -> Mutant:
    given: dict[str, Any] = {
        "shape": lambda x: x,
        "examples": VECTOR,
        "floating": True,
        "doc": "It has a fault.",
    }
    primitive = linear(name, impl, transposes=[transpose], **{**given, **more})
    return Mutant(LINEAR, fault, primitive, lambda f, a, x: np.sum(f(a * np.exp(x[:4])) ** 2))


MUTANTS = (
    squared("dropped", "dropped", lambda ct, out, x: 2.0 * x),
    squared("clipped at 1", "clipped", lambda ct, out, x: np.clip(ct, -1.0, 1.0) * 2.0 * x),
    squared("clipped at 1e6", "clipped_high", lambda ct, out, x: np.clip(ct, -1e6, 1e6) * 2.0 * x),
    squared(
        "small ones dropped",
        "pruned",
        lambda ct, out, x: np.where(np.abs(ct) < 1e-8, 0.0, ct) * 2.0 * x,
    ),
    squared("squared", "ct_squared", lambda ct, out, x: ct * ct * 2.0 * x),
    squared("its size", "ct_sized", lambda ct, out, x: np.abs(ct) * 2.0 * x),
    squared("its sign", "ct_sign", lambda ct, out, x: np.sign(ct) * 2.0 * x),
    squared("its mean for all", "ct_mean", lambda ct, out, x: (0.0 * ct + np.mean(ct)) * 2.0 * x),
    squared(
        "reversed",
        "ct_reversed",
        lambda ct, out, x: ct[::-1] * 2.0 * x if np.ndim(ct) else ct * 2.0 * x,
    ),
    squared("an offset of 1e-3", "ct_offset", lambda ct, out, x: ct * 2.0 * x + 1e-3),
    squared("negated", "ct_negated", lambda ct, out, x: -ct * 2.0 * x),
    squared("twice", "ct_twice", lambda ct, out, x: 4.0 * ct * x),
    squared("rounded to three digits", "ct_rounded", lambda ct, out, x: np.round(ct, 3) * 2.0 * x),
    squared("that of the value", "ct_out", lambda ct, out, x: ct * 2.0 * out),
    squared(
        "only where it is positive", "ct_positive", lambda ct, out, x: np.maximum(ct, 0.0) * 2.0 * x
    ),
    total("dropped of a sum", "total_dropped", lambda ct, out, x: 2.0 * x),
    total(
        "of a sum, spread as of a mean", "total_mean", lambda ct, out, x: ct * 2.0 * x / np.size(x)
    ),
    total(
        "of a sum, all to the first",
        "total_first",
        lambda ct, out, x: ct * 2.0 * np.where(np.arange(np.size(x)) == 0, x, 0.0),
    ),
    two_results(
        "that of the second result dropped", "two_dropped", lambda ct, out, x: ct[0] * 2.0 * x
    ),
    two_results(
        "those of two results swapped",
        "two_swapped",
        lambda ct, out, x: ct[1] * 2.0 * x + 3.0 * ct[0],
    ),
    two_results(
        "of two results, the same for both", "two_same", lambda ct, out, x: ct[0] * (2.0 * x + 3.0)
    ),
    transposed("not transposed", "running", _running, lambda ct, x: np.cumsum(ct, axis=-1)),
    transposed("half of it", "doubled", lambda x: 2.0 * x, lambda ct, x: ct),
    transposed("sign", "turned", lambda x: -1.0 * x, lambda ct, x: ct),
    transposed(
        "shifted by one",
        "shifted_by_one",
        lambda x: x[..., ::-1],
        lambda ct, x: np.concatenate([ct[1:], ct[:1]]),
    ),
    transposed(
        "of a function that is not linear",
        "affine",
        lambda x: x + 1.0 + x * x,
        lambda ct, x: ct * 1.0,
    ),
    transposed(
        "an end forgotten",
        "differences",
        lambda x: np.diff(x),
        lambda ct, x: np.concatenate([-ct[:1], ct[:-1] - ct[1:], 0.0 * ct[-1:]]),
        shape=lambda x: Aval((x.shape[0] - 1,), x.dtype),
    ),
    Mutant(
        LINEAR,
        "factors swapped",
        linear(
            "applied",
            lambda m, v: m @ v,
            shape=lambda m, v: Aval(m.shape[:1], m.dtype),
            transposes=[lambda ct, m, v: np.outer(v, ct), lambda ct, m, v: m @ ct],
            examples=(Example(((3, 3), (3,))),),
            floating=True,
            doc="It has a fault.",
        ),
        lambda f, a, x: np.sum(f(a * np.reshape(np.exp(x[:9]), (3, 3)), a * x[:3]) ** 2),
    ),
)
