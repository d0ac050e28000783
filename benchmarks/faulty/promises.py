"""Shapes, dtypes, rows, second derivatives and matrices that are not as promised."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faulty.mutant import VECTOR, Mutant, called, entries
from optserve.plugin import (
    Aval,
    Example,
    Primitive,
    Reduced,
    Value,
    aligned,
    composite,
    opaque,
    orthogonal,
    positive_definite,
    simplex,
    symmetric,
)

__all__ = ["MUTANTS"]

TYPE, ROWS, ORDER, MATRIX = "shape or dtype", "rows", "recording or order", "matrix"


def typed(fault: str, name: str, value: Any, rule: Any, **more: Any) -> Mutant:
    fields = {key: more.pop(key) for key in ("loss", "precision") if key in more}
    return Mutant(TYPE, fault, called(name, value, rule, **more), **fields)


def square_rule(ct: Value, out: Value, x: Value) -> Value:
    return ct * 2.0 * x


def _square(x: Value) -> Value:
    return x * x


def over_rows(fault: str, name: str, value: Any, rule: Any, axes: Any, *, reduces: bool) -> Mutant:
    """A function of all rows, whose axis rule says something else."""
    primitive = opaque(
        name,
        lambda x: value(x),
        shape=(lambda x: Aval((), x.dtype)) if reduces else (lambda x: x),
        pullback=lambda ct, out, x: (rule(ct, out, x),),
        axes=axes,
        examples=VECTOR,
        doc="It has a fault.",
    )
    return Mutant(ROWS, fault, primitive, lambda f, a, x: np.sum(f(a * x) ** 2))


def reduced(kind: Any) -> Any:
    return lambda carried, x: Reduced(kind)


def _softmax(x: Value) -> Value:
    grown = np.exp(x - np.max(x))
    return grown / np.sum(grown)


def ordered(fault: str, primitive: Primitive, **more: Any) -> Mutant:
    return Mutant(ORDER, fault, primitive, **more)


_double = entries("double", lambda x: 2.0 * x, lambda out, x: 0.5 + 0.0 * x)
_plateau = entries("plateau", lambda x: 2.0 * x, lambda out, x: 0.0 * x)
_cosine = entries("own_cosine", np.cos, lambda out, x: np.sin(x))


_frozen = entries("frozen_slope", np.exp, lambda out, x: 0.0 * x)


def _only_arrays(right: Value, wrong: Value, x: Value) -> Value:
    return right if isinstance(x, np.ndarray | np.generic) else wrong


def matrices(
    fault: str, name: str, value: Any, rule: Any, domain: Any, of: Any, shape: Any = None
) -> Mutant:
    """A function of a matrix (or vector) that a parameter is in."""
    primitive = opaque(
        name,
        lambda x: np.asarray(value(x)),
        shape=shape or (lambda x: Aval((), x.dtype)),
        pullback=lambda ct, out, x: (rule(ct, out, x),),
        domain=domain,
        examples=VECTOR if domain is simplex else (Example(((2, 2),)), Example(((3, 3),))),
        doc="It has a fault.",
    )
    return Mutant(MATRIX, fault, primitive, lambda f, a, x: np.sum(f(of(a))), start=0.6)


def _spread(a: Value) -> Value:
    return np.stack([np.stack([1.0 + a * a, a]), np.stack([a, 2.0 + a * a])])


def _turn(a: Value) -> Value:
    return np.stack([np.stack([np.cos(a), -np.sin(a)]), np.stack([np.sin(a), np.cos(a)])])


def _shares(a: Value) -> Value:
    return np.stack([0.5 * a, 0.5 - 0.5 * a, 0.3 + 0.0 * a, 0.2 + 0.0 * a])


def _log_det(x: Value) -> Value:
    return np.linalg.slogdet(x)[1]


def _eigenvectors(x: Value) -> Value:
    return np.linalg.eigh(x)[1]


MUTANTS = (
    typed("a value in single precision", "narrow", lambda x: np.float32(x * x), square_rule),
    typed(
        "a cotangent in single precision",
        "narrow_rule",
        _square,
        lambda ct, out, x: np.float32(ct * 2.0 * x) if isinstance(x, np.ndarray) else ct * 2.0 * x,
    ),
    typed(
        "a value in double precision in a job in single",
        "wide",
        lambda x: np.float64(x) ** 2,
        square_rule,
        precision="float32",
    ),
    typed("a cotangent of another shape", "short_rule", _square, lambda ct, out, x: np.ones(3)),
    typed("a value of another shape", "short", lambda x: (x * x)[..., :-1], square_rule),
    typed("an axis too many", "deep", lambda x: (x * x)[None], square_rule),
    typed("no axis where there is one row", "squeezed", lambda x: np.squeeze(x * x), square_rule),
    typed(
        "two cotangents for one operand",
        "two_for_one",
        _square,
        lambda ct, out, x: (ct * 2.0 * x, ct),
    ),
    typed("no cotangent at all", "nothing", _square, lambda ct, out, x: ()),
    typed("a rule that raises", "raising", _square, lambda ct, out, x: 1 // 0),
    typed("two results where one is promised", "two_values", lambda x: (x * x, x), square_rule),
    typed("whole numbers", "rounded", lambda x: np.asarray(x * x, np.int64), square_rule),
    typed(
        "the rule sums where nothing was broadcast",
        "undone",
        lambda x, y: x * y,
        lambda ct, out, x, y: (ct * y, np.sum(ct * x) + 0.0 * y),
        loss=lambda f, a, x: np.sum(f(x, a + 0.0 * x) ** 2),
        examples=(Example(((3,), ())), Example(((3,), (3,)))),
    ),
    over_rows(
        "a mean declared a sum",
        "mean_as_sum",
        np.mean,
        lambda ct, out, x: ct / np.size(x) + 0.0 * x,
        reduced("sum"),
        reduces=True,
    ),
    over_rows(
        "a sum declared a maximum",
        "sum_as_max",
        np.sum,
        lambda ct, out, x: ct + 0.0 * x,
        reduced("max"),
        reduces=True,
    ),
    over_rows(
        "a root of a sum declared a sum",
        "norm_as_sum",
        lambda x: np.sqrt(np.sum(x * x)),
        lambda ct, out, x: ct * x / out,
        reduced("sum"),
        reduces=True,
    ),
    over_rows(
        "a spread declared a sum",
        "spread_as_sum",
        np.ptp,
        lambda ct, out, x: ct * ((x == np.max(x)) * 1.0 - (x == np.min(x)) * 1.0),
        reduced("sum"),
        reduces=True,
    ),
    over_rows(
        "rows are centred",
        "centred",
        lambda x: x - np.mean(x),
        lambda ct, out, x: ct - np.mean(ct),
        aligned,
        reduces=False,
    ),
    over_rows(
        "rows are added up",
        "added_up",
        np.cumsum,
        lambda ct, out, x: np.cumsum(ct[::-1])[::-1],
        aligned,
        reduces=False,
    ),
    over_rows(
        "rows share a total",
        "shares",
        _softmax,
        lambda ct, out, x: out * (ct - np.sum(ct * out)),
        aligned,
        reduces=False,
    ),
    over_rows(
        "rows are divided by their number",
        "by_number",
        lambda x: x / np.size(x),
        lambda ct, out, x: ct / np.size(x),
        aligned,
        reduces=False,
    ),
    over_rows(
        "rows are reversed",
        "turned_round",
        lambda x: x[::-1],
        lambda ct, out, x: ct[::-1],
        aligned,
        reduces=False,
    ),
    over_rows(
        "rows are scaled by the largest",
        "by_largest",
        lambda x: x / np.max(np.abs(x)),
        lambda ct, out, x: ct / np.max(np.abs(x)),
        aligned,
        reduces=False,
    ),
    ordered(
        "a helper's derivative is wrong",
        entries("by_helper", lambda x: x * x, lambda out, x: _double(x)),
    ),
    ordered(
        "a helper declares no slope",
        entries("by_plateau", lambda x: x * x, lambda out, x: _plateau(x)),
    ),
    ordered("a helper's sign is wrong", entries("by_cosine", np.sin, lambda out, x: _cosine(x))),
    ordered(
        "a helper of a pullback is wrong",
        called("by_pullback", lambda x: x * x, lambda ct, out, x: ct * _double(x)),
    ),
    ordered(
        "a helper in the body is wrong",
        composite("by_body", lambda x: _double(x) * x, examples=VECTOR, doc="It has a fault."),
    ),
    ordered(
        "held fixed: the second derivative is 0",
        called("held", lambda x: np.exp(x), lambda ct, out, x: ct * _frozen(x)),
    ),
    ordered(
        "wrong when recorded",
        entries("recorded", lambda x: x * x, lambda out, x: _only_arrays(2.0 * x, x, x)),
    ),
    ordered(
        "wrong on arrays",
        entries("on_arrays", lambda x: x * x, lambda out, x: _only_arrays(x, 2.0 * x, x)),
    ),
    ordered(
        "wrong in single precision",
        entries(
            "in_single", lambda x: x * x, lambda out, x: x if x.dtype == np.float32 else 2.0 * x
        ),
        precision="float32",
    ),
    ordered(
        "a value wrong in single precision",
        called(
            "value_in_single",
            lambda x: x * x if x.dtype == np.float64 else x * x * np.float32(1.1),
            square_rule,
        ),
        precision="float32",
    ),
    ordered(
        "another value than the body",
        composite(
            "other_body",
            lambda x: x * x,
            impl=lambda x: 1.01 * x * x,
            axes=aligned,
            examples=VECTOR,
            doc="It has a fault.",
        ),
    ),
    ordered(
        "a wrong jvp beside a right pullback",
        composite(
            "wrong_jvp",
            lambda x: x * x,
            pullback=lambda ct, out, x: (ct * 2.0 * x,),
            jvp=lambda operands, tangents: (operands[0] ** 2, tangents[0] * operands[0]),
            axes=aligned,
            examples=VECTOR,
            doc="It has a fault.",
        ),
    ),
    ordered(
        "a wrong pullback beside a right jvp",
        composite(
            "wrong_pullback",
            lambda x: x * x,
            pullback=lambda ct, out, x: (ct * x,),
            jvp=lambda operands, tangents: (operands[0] ** 2, 2.0 * tangents[0] * operands[0]),
            axes=aligned,
            examples=VECTOR,
            doc="It has a fault.",
        ),
    ),
    ordered(
        "a pullback of a body that is wrong",
        composite(
            "wrong_composite",
            lambda x: np.logaddexp(x, -x),
            pullback=lambda ct, out, x: (ct * np.tanh(0.5 * x),),
            axes=aligned,
            examples=VECTOR,
            doc="It has a fault.",
        ),
    ),
    matrices(
        "half of a log determinant",
        "half_log_det",
        _log_det,
        lambda ct, out, x: 0.5 * ct * np.linalg.inv(x),
        positive_definite,
        _spread,
    ),
    matrices(
        "only the diagonal of a log determinant",
        "diagonal_log_det",
        _log_det,
        lambda ct, out, x: ct * np.diag(np.diag(np.linalg.inv(x))),
        positive_definite,
        _spread,
    ),
    matrices(
        "an inverse without its sign",
        "inverse",
        np.linalg.inv,
        lambda ct, out, x: np.transpose(out) @ ct @ np.transpose(out),
        positive_definite,
        _spread,
        lambda x: x,
    ),
    matrices(
        "the wrong eigenvector",
        "eigenvalue",
        lambda x: np.linalg.eigvalsh(x)[-1],
        lambda ct, out, x: ct * np.outer(_eigenvectors(x)[:, 0], _eigenvectors(x)[:, 0]),
        symmetric,
        _spread,
    ),
    matrices(
        "a trace, not transposed",
        "trace_of_square",
        lambda x: np.trace(x @ x @ x),
        lambda ct, out, x: 3.0 * ct * (x @ x),
        orthogonal,
        _turn,
    ),
    matrices(
        "a one added to the entropy of shares, by the first",
        "entropy",
        lambda p: -np.sum(p * np.log(p)),
        lambda ct, out, p: -ct * (np.log(p) + np.where(np.arange(4) == 0, 1.0, 0.0)),
        simplex,
        _shares,
    ),
)
