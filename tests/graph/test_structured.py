"""Structured domains: what is drawn lies in them, and so does what a step leads to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optserve import testing
from optserve.graph.aval import Array, Aval
from optserve.graph.domain import Domain, Example
from optserve.graph.primitive import Primitive
from optserve.graph.structured import (
    full_rank,
    orthogonal,
    positive_definite,
    simplex,
    sorted_,
    symmetric,
    triangular,
)
from optserve.plugin import opaque
from optserve.transforms.probe_points import away, nearby, special


def turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


HOLDS: list[tuple[Domain, Callable[[Array], bool]]] = [
    (symmetric, lambda x: bool(np.allclose(x, turned(x)))),
    (
        positive_definite,
        lambda x: bool(np.allclose(x, turned(x)) and (np.linalg.eigvalsh(x) > 0.0).all()),
    ),
    (full_rank, lambda x: bool((np.linalg.svd(x, compute_uv=False) > 0.0).all())),
    (triangular, lambda x: bool((np.diagonal(x, 0, -2, -1) != 0.0).all())),
    (simplex, lambda x: bool(np.allclose(x.sum(axis=-1), 1.0) and (x > 0.0).all())),
    (sorted_, lambda x: bool((np.diff(x, axis=-1) > 0.0).all())),
    (orthogonal, lambda x: bool(np.allclose(x @ turned(x), np.eye(x.shape[-1])))),
]


@pytest.mark.parametrize(("domain", "holds"), HOLDS, ids=lambda one: getattr(one, "text", ""))
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4)], ids=str)
def test_what_is_drawn_and_what_is_near_lies_inside(
    domain: Domain, holds: Callable[[Array], bool], shape: tuple[int, ...]
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = domain.sample(rng, shape, np.dtype(np.float64))
        assert x.shape == shape
        assert holds(x)
        direction = domain.direction(x, rng)
        for step in (2.0**-5, -(2.0**-5), 2.0**-20):
            assert holds(domain.moved(x, direction, step))
        assert holds(nearby([x], [domain], seed=seed)[0])
        for moved in (away, special):
            assert holds(moved([x], [domain], [0], seed=seed)[0])


def log_determinant(pullback: Callable[..., tuple[Array]]) -> Primitive:
    return opaque(
        "log_determinant",
        lambda x: np.asarray(2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(x))))),
        shape=lambda x: Aval((), x.dtype),
        pullback=pullback,
        domain=positive_definite,
        examples=[Example(((3, 3),))],
        doc="The logarithm of the determinant of a positive definite matrix.",
    )


def test_a_rule_for_positive_definite_matrices_is_checked_inside_of_them() -> None:
    testing.check_primitive(log_determinant(lambda ct, out, x: (ct * np.linalg.inv(x).T,)))
    with pytest.raises(AssertionError, match="derivative by operand 0"):
        testing.check_primitive(log_determinant(lambda ct, out, x: (ct * np.linalg.inv(x) / 2.0,)))


def test_a_rule_for_orthogonal_matrices_is_checked_along_them() -> None:
    def angle(wrong: float) -> Primitive:
        return opaque(
            "angle",
            lambda x: np.asarray(np.trace(x @ x)),
            shape=lambda x: Aval((), x.dtype),
            pullback=lambda ct, out, x: (wrong * 2.0 * ct * np.transpose(x),),
            domain=orthogonal,
            examples=[Example(((3, 3),))],
            doc="The trace of the square of a rotation.",
        )

    testing.check_primitive(angle(1.0))
    with pytest.raises(AssertionError, match="derivative by operand 0"):
        testing.check_primitive(angle(1.1))
