"""JAX functions as primitives, where JAX is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optserve_bridge import from_jax

from optserve import testing
from optserve.plugin import Dim, Example, Primitive, ShapeError, aligned
from optserve.transforms.functions import grad

jax = pytest.importorskip("jax")
X = np.array([0.3, -1.2, 2.0])


def wave(amplitude: Any, x: Any) -> Any:
    """A wave that fades."""
    return amplitude * jax.numpy.sin(x) * jax.numpy.exp(-x * x)


def total(x: Any) -> Any:
    """The sum of all entries."""
    return jax.numpy.sum(x)


WAVE = from_jax(wave, axes=aligned, examples=[Example(((), (3,)))])


def formula(amplitude: float, x: Any) -> Any:
    return amplitude * np.sin(x) * np.exp(-x * x)


def test_value_and_derivatives_in_double_precision() -> None:
    assert (WAVE.name, WAVE.doc) == ("wave", "A wave that fades.")
    np.testing.assert_allclose(WAVE(1.5, X), formula(1.5, X), rtol=1e-15)
    slope = grad(lambda x: WAVE(1.5, x))
    expected = 1.5 * (np.cos(X) - 2.0 * X * np.sin(X)) * np.exp(-X * X)
    np.testing.assert_allclose([slope(x) for x in X], expected, rtol=1e-13)
    step = 1e-5
    bend = (slope(0.3 + step) - slope(0.3 - step)) / (2.0 * step)
    assert grad(slope)(0.3) == pytest.approx(bend, rel=1e-8)


@pytest.mark.parametrize("check", testing.checks([WAVE]), ids=str)
def test_it_keeps_the_laws(check: testing.Check) -> None:
    check()


def test_the_shape_follows_the_rows_of_a_table() -> None:
    rows = Dim.rows("data")
    assert shape_of(WAVE, (), (rows,)) == (rows,)
    assert shape_of(from_jax(total), (rows, 2)) == ()
    with pytest.raises(ShapeError, match="whose rule is not seen"):
        shape_of(from_jax(lambda x: jax.numpy.concatenate([x, x]), name="twice"), (rows,))


def shape_of(primitive: Primitive, *shapes: tuple[int | Dim, ...]) -> tuple[int | Dim, ...]:
    from optserve.plugin import Aval

    avals = [Aval(shape, np.dtype(np.float64)) for shape in shapes]
    assert primitive.shape is not None
    found = primitive.shape(*avals)
    assert isinstance(found, Aval)
    return found.shape
