"""Rewritings: spellings in whose place something is recorded that is the same, and better far out.

Each is exact, for values and for derivatives, wherever those of the spelling are numbers. They are
made when the outermost primitive is recorded, so that every mode and every backend sees one graph,
and ``optserve explain`` shows them. What is composed stays as it is composed.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from optserve.graph.graph import Atom, Literal
from optserve.graph.meaning import Rewriting
from optserve.graph.primitive import Primitive, Value
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    power,
    reciprocal,
    square,
    subtract,
)
from optserve.primitives.elementary import (
    cosh,
    exp,
    expm1,
    hypot,
    log,
    log1mexp,
    log1p,
    logaddexp,
    occupation,
    sigmoid,
    sinh,
    softplus,
    sqrt,
)
from optserve.primitives.linear_algebra.matrix_rewritings import function_of_matrix
from optserve.primitives.matching import (
    both_ways,
    exponentials,
    is_number,
    made,
    negated,
    one_minus,
    operand,
    operands,
    plus_one,
    rewriting,
    same,
    square_of,
)
from optserve.primitives.normal_rewritings import (
    log_of_erfc,
    one_minus_erf,
    one_minus_ndtr,
    one_plus_erf,
)
from optserve.primitives.products import matmul
from optserve.primitives.reductions import entry_count, logsumexp, mean, norm, std, var
from optserve.primitives.scaled import (
    HOLDERS,
    holds_exponential,
    is_sum,
    scaled_logarithm,
    scaled_quotient,
)
from optserve.primitives.sums import sum_

__all__ = ["REWRITINGS"]


def _to_the(exponent: float, of_base: Rewriting) -> Rewriting:
    """The same of a power with that number as its exponent."""

    def rule(x: Tracer, y: Tracer) -> Value | None:
        return of_base.rule(x) if is_number(y, exponent) else None

    return replace(of_base, rule=rule)


@rewriting("exp(z) - 1", "expm1(z)", of=[exp])
def _exp_minus_one(x: Tracer, y: Tracer) -> Value | None:
    z = operand(x, exp)
    return expm1(z) if z is not None and is_number(y, 1.0) else None


@rewriting("exp(a) * exp(b)", "exp(a + b)", of=[exp, multiply])
def _exp_times_exp(x: Tracer, y: Tracer) -> Value | None:
    left, right = _factors(x), _factors(y)
    if left is None or right is None:
        return None
    beside = [*left[0], *right[0]]
    product = np.exp(left[1] + right[1])
    return _product(beside) * product if beside else product


@rewriting("1 - sigmoid(z)", "sigmoid(-z)", of=[sigmoid])
def _one_minus_sigmoid(x: Tracer, y: Tracer) -> Value | None:
    z = operand(y, sigmoid)
    return sigmoid(negated(z)) if z is not None and is_number(x, 1.0) else None


@rewriting("1 / (1 + exp(z))", "sigmoid(-z)", of=[add])
def _one_over_one_plus_exp(y: Tracer) -> Value | None:
    z = operand(plus_one(y), exp)
    return None if z is None else sigmoid(negated(z))


@rewriting("a * exp(z) / (1 + exp(z))", "a / (1 + exp(-z))", of=[add])
def _exp_over_one_plus_exp(x: Tracer, y: Tracer) -> Value | None:
    u = plus_one(y)
    how, z = made(u), operand(u, exp)
    found = None if z is None else _factors(x, z)
    if how is None or z is None or found is None:
        return None
    with z.trace.at(how.place):
        inverse = np.exp(negated(z))
    return _product(found[0]) / (1.0 + inverse)


@rewriting("a / (1 + exp(z))", "a * sigmoid(-z)", of=[add])
def _over_one_plus_exp(x: Tracer, y: Tracer) -> Value | None:
    z = operand(plus_one(y), exp)
    return None if z is None or holds_exponential(x) else _product([x, sigmoid(negated(z))])


def _factors(value: Tracer, z: Tracer | None = None) -> tuple[list[Tracer], Tracer] | None:
    """The exponent of an exponential in a product, of exp(z) if it is given, and what is beside."""
    exponent = operand(value, exp)
    if exponent is not None:
        return ([], exponent) if z is None or same(exponent, z) else None
    if not _has_exponential_factor(value):
        return None
    for factor, other in both_ways(operands(value, multiply)):
        found = _factors(factor, z)
        if found is not None:
            return [other, *found[0]], found[1]
    return None


def _has_exponential_factor(value: Tracer) -> bool:
    """Whether it is a product in which an exponential stands; each product is looked at once."""
    noted: dict[Atom, bool] = value.trace.noted
    if value.atom not in noted:
        noted[value.atom] = bool(operands(value, exp)) or any(
            map(_has_exponential_factor, operands(value, multiply))
        )
    return noted[value.atom]


def _product(factors: Sequence[Tracer]) -> Value:
    others = [factor for factor in factors if not is_number(factor, 1.0)]
    return functools.reduce(operator.mul, others) if others else 1.0


@rewriting("a / (exp(z) - 1)", "a * occupation(z)", of=[expm1])
def _over_expm1(x: Tracer, y: Tracer) -> Value | None:
    z = operand(y, expm1)
    return None if z is None or holds_exponential(x) else _product([x, occupation(z)])


@rewriting("(exp(a) - exp(b)) / (exp(a) + exp(b))", "tanh((a - b) / 2)", of=[add, subtract, expm1])
def _difference_over_sum(x: Tracer, y: Tracer) -> Value | None:
    above, below = exponentials(x), exponentials(y)
    if {sign for sign, _ in above} != {1, -1} or {sign for sign, _ in below} != {1}:
        return None
    (_, a), (_, b) = sorted(above, key=lambda term: -term[0])
    (_, p), (_, q) = below
    if not (same(a, p) and same(b, q)) and not (same(a, q) and same(b, p)):
        return None
    return np.tanh(_half_difference(a, b))


def _half_difference(a: Tracer | None, b: Tracer | None) -> Value:
    """(a - b) / 2, an exponent of ``None`` being 0."""
    if b is None:
        return a * 0.5 if a is not None else 0.0
    if a is None:
        return 0.5 * negated(b)
    opposite = same(operand(b, negative), a) or same(operand(a, negative), b)
    return a if opposite else 0.5 * (a - b)


@rewriting("sinh(z) / cosh(z)", "tanh(z)", of=[sinh])
def _sinh_over_cosh(x: Tracer, y: Tracer) -> Value | None:
    z = operand(x, sinh)
    return np.tanh(z) if z is not None and same(z, operand(y, cosh)) else None


@rewriting(
    "a quotient of sums of exponentials or powers",
    "the same, each divided by its largest",
    of=HOLDERS,
)
def _quotient_of_sums(x: Tracer, y: Tracer) -> Value | None:
    return scaled_quotient(x, y) if holds_exponential(x) and holds_exponential(y) else None


@rewriting("log(sigmoid(z))", "-softplus(-z)", of=[sigmoid])
def _log_of_sigmoid(x: Tracer) -> Value | None:
    z = operand(x, sigmoid)
    return None if z is None else -softplus(negated(z))


@rewriting("log(1 + exp(z))", "softplus(z)", of=[add])
def _log_of_one_plus_exp(x: Tracer) -> Value | None:
    z = operand(plus_one(x), exp)
    return None if z is None else softplus(z)


@rewriting("log(exp(z) - 1)", "z + log1mexp(z)", of=[expm1])
def _log_of_expm1(x: Tracer) -> Value | None:
    z = operand(x, expm1)
    return None if z is None else z + log1mexp(z)


@rewriting("log(1 - exp(z))", "log1mexp(-z)", of=[subtract])
def _log_of_one_minus_exp(x: Tracer) -> Value | None:
    z = operand(one_minus(x), exp)
    return None if z is None else log1mexp(negated(z))


@rewriting("log(exp(a) + exp(b))", "logaddexp(a, b)", of=[add])
def _log_of_two_exps(x: Tracer) -> Value | None:
    terms = operands(x, add)
    if not terms or not all(operands(term, exp) for term in terms):
        return None
    return logaddexp(*(operand(term, exp) for term in terms))


@rewriting("log(sum(exp(z)))", "logsumexp(z)", of=[sum_])
def _log_of_sum_of_exps(x: Tracer) -> Value | None:
    how, z = made(x), operand(operand(x, sum_), exp)
    return None if how is None or z is None else logsumexp.bind(z, **how.attributes)


@rewriting("log(cosh(z))", "logaddexp(z, -z) - log(2)", of=[cosh])
def _log_of_cosh(x: Tracer) -> Value | None:
    z = operand(x, cosh)
    return None if z is None else logaddexp(z, -z) - float(np.log(2.0))


@rewriting("log of a sum of exponentials or powers", "the same, divided by its largest", of=HOLDERS)
def _log_of_sum(x: Tracer) -> Value | None:
    return scaled_logarithm(x) if is_sum(x) else None


@rewriting("log(1 + x)", "log1p(x)", of=[add])
def _log_of_one_plus(x: Tracer) -> Value | None:
    u = plus_one(x)
    return None if u is None else log1p(u)


@rewriting("log(1 - x)", "log1p(-x)", of=[subtract])
def _log_of_one_minus(x: Tracer) -> Value | None:
    u = one_minus(x)
    return None if u is None else log1p(negated(u))


@rewriting("log1p(exp(z))", "softplus(z)", of=[exp])
def _log1p_of_exp(u: Tracer) -> Value | None:
    z = operand(u, exp)
    return None if z is None else softplus(z)


@rewriting("log1p(-exp(z))", "log1mexp(-z)", of=[negative])
def _log1p_of_minus_exp(u: Tracer) -> Value | None:
    z = operand(operand(u, negative), exp)
    return None if z is None else log1mexp(negated(z))


@rewriting("log1p of exponentials or powers", "the same, divided by the largest", of=HOLDERS)
def _log1p_of_exponentials(u: Tracer) -> Value | None:
    return scaled_logarithm(u, plus_one=True) if holds_exponential(u) else None


@rewriting("sqrt(sum(x**2)), sqrt(mean(x**2))", "norm(x), norm(x) / sqrt(n)", of=[sum_, mean])
def _root_of_squares(v: Tracer) -> Value | None:
    how = made(v)
    if how is None or how.primitive not in (sum_, mean) or not how.attributes["axis"]:
        return None
    x = square_of(how.operands[0])
    if x is None or x.dtype.kind != "f":
        return None
    length = norm.bind(x, **how.attributes)
    if how.primitive is mean:
        return length / entry_count(x, how.attributes["axis"]) ** 0.5
    return length


@rewriting(
    "norm(x)**2, std(x)**2, abs(x)**2, hypot(x, y)**2",
    "sum(x**2), var(x), x**2, x**2 + y**2",
    of=[absolute, hypot, norm, std, multiply],
)
def _square_of_length(x: Tracer) -> Value | None:
    how = made(x)
    if how is None:
        return None
    if how.primitive is absolute or (how.primitive is hypot and _are_floats(how.operands)):
        return functools.reduce(operator.add, (side * side for side in how.operands))
    if how.primitive is norm:
        [inner] = how.operands
        return sum_.bind(inner * inner, **how.attributes)
    if how.primitive is std:
        return var.bind(*how.operands, **how.attributes)
    if how.primitive is not multiply:
        return None
    number = how.operands[-1].atom
    if isinstance(number, Literal):  # std with its ddof
        squared = _square_of_length.rule(how.operands[0])
        return None if squared is None else squared * float(number.value) ** 2
    return None


def _are_floats(values: Sequence[Tracer]) -> bool:
    return all(value.dtype.kind == "f" for value in values)


def _times_itself(x: Tracer, y: Tracer) -> Value | None:
    return _square_of_length.rule(x) if same(x, y) else None


REWRITINGS: Mapping[Primitive, Sequence[Rewriting]] = MappingProxyType(
    {
        add: (one_plus_erf,),
        subtract: (_exp_minus_one, _one_minus_sigmoid, one_minus_erf, one_minus_ndtr),
        reciprocal: (_one_over_one_plus_exp,),
        divide: (
            _exp_over_one_plus_exp,
            _over_one_plus_exp,
            _over_expm1,
            _difference_over_sum,
            _sinh_over_cosh,
            _quotient_of_sums,
        ),
        log: (
            _log_of_sigmoid,
            log_of_erfc,
            _log_of_one_plus_exp,
            _log_of_expm1,
            _log_of_one_minus_exp,
            _log_of_two_exps,
            _log_of_sum_of_exps,
            _log_of_cosh,
            _log_of_sum,
            _log_of_one_plus,
            _log_of_one_minus,
        ),
        log1p: (_log1p_of_exp, _log1p_of_minus_exp, _log1p_of_exponentials),
        matmul: (function_of_matrix,),
        sqrt: (_root_of_squares,),
        square: (_square_of_length,),
        multiply: (
            _exp_times_exp,
            replace(_square_of_length, rule=_times_itself),
        ),
        power: (
            _to_the(-1.0, _one_over_one_plus_exp),
            _to_the(0.5, _root_of_squares),
            _to_the(2.0, _square_of_length),
        ),
    }
)
"""What is tried where each primitive is recorded, in this order."""
