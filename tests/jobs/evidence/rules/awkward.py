"""Awkward but right rules, each with a loss that it is used in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.primitive import Primitive
from optserve.plugin import (
    Aval,
    Example,
    Reduced,
    aligned,
    broadcast_shapes,
    composite,
    elementwise,
    linear,
    opaque,
    positive,
    positive_definite,
    real,
    simplex,
    sorted_,
    symmetric,
    unit,
)

X = np.array([-2.0, -1.0, -0.5, 0.0, 0.0, 0.25, 1.0, 1.0, 3.0])
UP = np.array([0.1, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0, 8.0])
VECTOR = (Example(((4,),)),)


@dataclass(frozen=True)
class Awkward:
    """A primitive, the loss that it is used in, and whether the kit can measure it too."""

    primitive: Primitive
    loss: Callable[[Primitive, Any, Any], Any] = lambda f, a, x: np.sum(f(a * x))
    data: Array = field(default_factory=lambda: X)
    precision: str = "float64"
    kit: bool = True


def one(name: str, body: Callable[..., Any], partial: Callable[..., Any], **more: Any) -> Primitive:
    """An elementwise primitive of one operand."""
    return elementwise(
        name, body, partials=lambda out, x: (partial(out, x),), doc="Awkward.", **more
    )


def foreign(
    name: str, value: Callable[..., Any], rule: Callable[..., Any], **more: Any
) -> Primitive:
    """An entry by entry function that is called out to."""
    return opaque(
        name,
        value,
        shape=lambda *avals: Aval(broadcast_shapes(*(v.shape for v in avals)), avals[0].dtype),
        pullback=rule,
        axes=aligned,
        doc="Awkward.",
        **{"examples": VECTOR, **more},
    )


def _halved(x: Array) -> Array:
    """The root of y**3 + y = x by bisection, to 1e-7 only."""
    low, high = -np.abs(x) - 1.0, np.abs(x) + 1.0
    for _ in range(26):
        middle = 0.5 * (low + high)
        below = middle**3 + middle < x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high), x.dtype)


def _noisy(x: Array) -> Array:
    """A value with noise in its eighth digit, the same for the same numbers."""
    bits = np.asarray(x, np.float64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    noise = (bits >> np.uint64(40)).astype(np.float64) / 2.0**24 - 0.5
    return np.asarray(np.exp(x) * (1.0 + 2e-8 * noise), np.asarray(x).dtype)


def _drawn(generator: np.random.Generator) -> Callable[[Array], Array]:
    """A Monte Carlo estimate: other numbers at each call."""
    return lambda x: np.asarray(x * x * (1.0 + 1e-7 * generator.standard_normal(x.shape)), x.dtype)


def _single_inside(x: Array) -> Array:
    return np.exp(x.astype(np.float32)).astype(x.dtype)


def _raises_below(x: Array) -> Array:
    if (np.asarray(x) <= 0.0).any():
        raise ValueError("positive numbers only")
    return np.log(x)


def _only_scalars(x: Array) -> Array:
    flat = [math.erf(one) for one in np.asarray(x, np.float64).reshape(-1).tolist()]
    return np.array(flat, np.asarray(x).dtype).reshape(np.shape(x))


def _erf_rule(ct: Any, out: Any, x: Any) -> tuple[Any]:
    return (ct * 2.0 / math.sqrt(math.pi) * np.exp(-x * x),)


def _called_rule(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """A rule that only arrays can go through."""
    flat = [math.cosh(one) for one in np.asarray(x, np.float64).reshape(-1).tolist()]
    return (ct * np.array(flat, np.asarray(x).dtype).reshape(np.shape(x)),)


def _log_det(x: Array) -> Array:
    return np.asarray(2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(x)))), x.dtype)


def _spread(a: Any, x: Any) -> Any:
    """A positive definite matrix of a parameter."""
    return np.stack([np.stack([1.0 + a * a, a]), np.stack([a, 2.0 + a * a])])


AWKWARD = [
    Awkward(one("kink", lambda x: np.abs(x), lambda out, x: np.sign(x))),
    Awkward(
        one("one_sided", lambda x: np.maximum(x, 0.0), lambda out, x: np.where(x > 0, 1.0, 0.0))
    ),
    Awkward(
        one("other_side", lambda x: np.maximum(x, 0.0), lambda out, x: np.where(x >= 0, 1.0, 0.0))
    ),
    Awkward(
        one(
            "huberish",
            lambda x: np.where(np.abs(x) <= 1.0, 0.5 * x * x, np.abs(x) - 0.5),
            lambda out, x: np.clip(x, -1.0, 1.0),
        )
    ),
    Awkward(one("staircase", lambda x: np.floor(4.0 * x), lambda out, x: 0.0 * x), kit=False),
    Awkward(one("sawtooth", lambda x: x - np.floor(x), lambda out, x: 1.0 + 0.0 * x), kit=False),
    Awkward(
        one("step_height", lambda x: np.where(x > 0, x + 5.0, x), lambda out, x: 1.0 + 0.0 * x)
    ),
    Awkward(
        one(
            "fast", lambda x: np.sin(1e5 * x), lambda out, x: 1e5 * np.cos(1e5 * x), tolerance=1e-6
        ),
        kit=False,
    ),
    Awkward(one("tiny", lambda x: 1e-200 * x * x, lambda out, x: 2e-200 * x)),
    Awkward(one("huge", lambda x: 1e200 * x * x, lambda out, x: 2e200 * x), kit=False),
    Awkward(one("offset", lambda x: 1e9 + x * x, lambda out, x: 2.0 * x)),
    Awkward(
        one(
            "cancels", lambda x: np.sqrt(1.0 + x * x) - 1.0, lambda out, x: x / np.sqrt(1.0 + x * x)
        )
    ),
    Awkward(
        one(
            "saturates",
            lambda x: np.tanh(50.0 * x),
            lambda out, x: 50.0 / np.cosh(np.clip(50.0 * x, -300, 300)) ** 2,
        )
    ),
    Awkward(one("overflows", lambda x: np.exp(x * x), lambda out, x: 2.0 * x * out)),
    Awkward(one("flat_at_0", lambda x: x**4, lambda out, x: 4.0 * x**3)),
    Awkward(
        one(
            "bump",
            lambda x: np.where(
                np.abs(x) < 1.0, np.exp(-1.0 / np.maximum(1.0 - x * x, 1e-300)), 0.0
            ),
            lambda out, x: np.where(
                np.abs(x) < 1.0, -2.0 * x * out / np.maximum((1.0 - x * x) ** 2, 1e-300), 0.0
            ),
        )
    ),
    Awkward(
        one("steep_root", lambda x: np.sqrt(x), lambda out, x: 0.5 / out, domain=positive), data=UP
    ),
    Awkward(
        one("x_log_x", lambda x: x * np.log(x), lambda out, x: np.log(x) + 1.0, domain=positive),
        data=UP,
    ),
    Awkward(one("undeclared_log", lambda x: np.log(x), lambda out, x: 1.0 / x), data=UP, kit=False),
    Awkward(
        one(
            "logit",
            lambda x: np.log(x / (1.0 - x)),
            lambda out, x: 1.0 / (x * (1.0 - x)),
            domain=unit,
        ),
        lambda f, a, x: np.sum(f(1.0 / (1.0 + np.exp(-a * x)))),
    ),
    Awkward(
        foreign("raises_outside", _raises_below, lambda ct, out, x: (ct / x,), domain=positive),
        lambda f, a, x: np.sum(f(np.exp(a) * x) ** 2),
        data=UP,
    ),
    Awkward(
        foreign("raises_undeclared", _raises_below, lambda ct, out, x: (ct / x,)),
        lambda f, a, x: np.sum(f(np.exp(a) * x) ** 2),
        data=UP,
        kit=False,
    ),
    Awkward(foreign("only_scalars", _only_scalars, _erf_rule)),
    Awkward(
        foreign("called_rule", lambda x: np.sinh(x), _called_rule),
        lambda f, a, x: np.sum(f(a * x) ** 2),
    ),
    Awkward(foreign("noisy", _noisy, lambda ct, out, x: (ct * out,), tolerance=1e-7)),
    Awkward(foreign("noisy_undeclared", _noisy, lambda ct, out, x: (ct * out,)), kit=False),
    Awkward(
        foreign(
            "drawn",
            _drawn(np.random.default_rng(0)),
            lambda ct, out, x: (2.0 * ct * x,),
            tolerance=1e-5,
        ),
        kit=False,
    ),
    Awkward(
        foreign("single_inside", _single_inside, lambda ct, out, x: (ct * out,), tolerance=1e-6)
    ),
    Awkward(
        foreign(
            "stops_early",
            _halved,
            lambda ct, out, x: (ct / (3.0 * out * out + 1.0),),
            tolerance=1e-5,
        ),
        kit=False,
    ),
    Awkward(
        foreign(
            "broadcasts",
            lambda x, y: np.multiply(x, y),
            lambda ct, out, x, y: (ct * y, ct * x),
            examples=(Example(((3,), ())), Example(((2, 3), (3,)))),
        ),
        lambda f, a, x: np.sum(f(x, a) ** 2),
    ),
    Awkward(
        foreign(
            "no_derivative_by_data",
            lambda x, y: np.multiply(x, y),
            lambda ct, out, x, y: (ct * y, None),
            examples=VECTOR * 0,
        ),
        lambda f, a, x: np.sum(f(a, x) ** 2),
        kit=False,
    ),
    Awkward(
        one(
            "in_single",
            lambda x: np.log1p(np.exp(-np.abs(x))),
            lambda out, x: -np.sign(x) / (1.0 + np.exp(np.abs(x))),
        ),
        precision="float32",
    ),
    Awkward(
        one("cancels_in_single", lambda x: 1.0 - np.cos(x), lambda out, x: np.sin(x)),
        precision="float32",
    ),
    Awkward(
        linear(
            "scaled_differences",
            lambda x: np.diff(x),
            shape=lambda x: Aval((x.shape[0] - 1,), x.dtype),
            transposes=[lambda ct, x: np.concatenate([-ct[:1], ct[:-1] - ct[1:], ct[-1:]])],
            examples=VECTOR,
            floating=True,
            doc="Differences of neighbours.",
        ),
        lambda f, a, x: np.sum(f(np.stack([a, 2.0 * a, 0.5 * a])) ** 2),
    ),
    Awkward(
        opaque(
            "largest",
            lambda x: np.max(x),
            shape=lambda x: Aval((), x.dtype),
            pullback=lambda ct, out, x: (ct * (x == out) / np.sum(x == out),),
            axes=lambda carried, x: Reduced("max"),
            examples=VECTOR,
            doc="The largest entry; ties share.",
        ),
        lambda f, a, x: f(np.stack([a, 1.5 - a, a])) ** 2,
    ),
    Awkward(
        opaque(
            "log_det",
            _log_det,
            shape=lambda x: Aval((), x.dtype),
            pullback=lambda ct, out, x: (ct * np.linalg.inv(x),),
            domain=positive_definite,
            examples=(Example(((2, 2),)), Example(((3, 3),))),
            doc="The logarithm of the determinant.",
        ),
        lambda f, a, x: f(_spread(a, x)),
    ),
    Awkward(
        opaque(
            "top_eigenvalue",
            lambda x: np.asarray(np.linalg.eigvalsh(x)[-1]),
            shape=lambda x: Aval((), x.dtype),
            pullback=lambda ct, out, x: (
                ct * np.outer(np.linalg.eigh(x)[1][:, -1], np.linalg.eigh(x)[1][:, -1]),
            ),
            domain=symmetric,
            examples=(Example(((2, 2),)), Example(((3, 3),))),
            doc="The largest eigenvalue.",
        ),
        lambda f, a, x: f(_spread(a, x)),
    ),
    Awkward(
        opaque(
            "entropy",
            lambda p: -np.sum(p * np.log(p)),
            shape=lambda p: Aval((), p.dtype),
            pullback=lambda ct, out, p: (-ct * np.log(p),),  # but for what the sum to 1 cancels
            domain=simplex,
            examples=VECTOR,
            doc="The entropy of shares.",
        ),
        lambda f, a, x: f(np.stack([a, 1.0 - a])),
    ),
    Awkward(
        opaque(
            "sorted_gaps",
            lambda x: np.sum(np.diff(np.sort(x)) ** 2),
            shape=lambda x: Aval((), x.dtype),
            pullback=lambda ct, out, x: (
                2.0
                * ct
                * np.concatenate(
                    [x[:1] - x[1:2], 2.0 * x[1:-1] - x[:-2] - x[2:], x[-1:] - x[-2:-1]]
                ),
            ),
            domain=sorted_,
            examples=VECTOR,
            doc="Squares of the gaps of sorted numbers.",
        ),
        lambda f, a, x: f(np.stack([0.0 * a, a, 2.0 + a])),
    ),
    Awkward(
        composite(
            "stable",
            lambda x: np.logaddexp(x, -x),
            impl=lambda x: np.abs(x) + np.log1p(np.exp(-2.0 * np.abs(x))),
            pullback=lambda ct, out, x: (ct * np.tanh(x),),
            axes=aligned,
            examples=VECTOR,
            doc="log(2 cosh(x)).",
        ),
    ),
    Awkward(
        elementwise(
            "power_of",
            lambda x, y: x**y,
            partials=lambda out, x, y: (y * x ** (y - 1.0), out * np.log(x)),
            domain=(positive, real),
            doc="x to the y.",
        ),
        lambda f, a, x: np.sum(f(x, a)),
        data=UP,
    ),
    Awkward(
        elementwise(
            "step_of_option",
            lambda x, *, scale=1.0: scale * x * x,
            partials=lambda out, x, *, scale: (2.0 * scale * x,),
            doc="Scaled.",
        ),
        lambda f, a, x: np.sum(f(a * x, scale=3.0)),
    ),
    Awkward(
        elementwise(
            "where_inside",
            lambda x: np.where(
                x > 0.5, np.log(np.where(x > 0.5, x, 1.0)), 2.0 * x - 1.0 - math.log(2.0)
            ),
            doc="A body that is differentiated.",
        )
    ),
]
