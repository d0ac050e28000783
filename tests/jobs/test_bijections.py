"""Each transform against what it promises: its inverse, its constraint, its derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import optserve
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.graph.interpret import interpret
from optserve.jobs import bijections
from optserve.jobs.evidence.uncertainty.delta_method import varying_entries
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter, ParameterTransform
from optserve.primitives.tracing import trace

F8 = np.dtype(np.float64)


def _symmetric(value: Array) -> bool:
    return bool((np.linalg.eigvalsh(value) > 0).all()) and np.allclose(value, value.mT)


# the transform, a natural shape, how many coordinates it has, what its values hold
TRANSFORMS: dict[str, tuple[ParameterTransform, tuple[int, ...], int, Callable[[Array], bool]]] = {
    "log": (bijections.log(), (3,), 3, lambda p: bool((p > 0).all())),
    "softplus": (bijections.softplus(), (2, 2), 4, lambda p: bool((p > 0).all())),
    "logit": (bijections.logit(), (), 1, lambda p: bool(0 < p < 1)),
    "interval": (bijections.interval(-2, 5), (3,), 3, lambda p: bool(((p > -2) & (p < 5)).all())),
    "ordered": (bijections.ordered(), (2, 3), 6, lambda p: bool((np.diff(p) > 0).all())),
    "simplex": (bijections.simplex(), (2, 4), 6, lambda p: np.allclose(p.sum(-1), 1)),
    "unit_vector": (
        bijections.unit_vector(),
        (2, 3),
        4,
        lambda p: np.allclose(np.linalg.norm(p, axis=-1), 1),
    ),
    "cholesky_factor": (
        bijections.cholesky_factor(),
        (2, 3, 3),
        12,
        lambda p: bool((p == np.tril(p)).all() and (np.linalg.det(p) > 0).all()),
    ),
    "positive_definite": (bijections.positive_definite(), (3, 3), 6, _symmetric),
    "correlation": (
        bijections.correlation(),
        (2, 3, 3),
        6,
        lambda p: _symmetric(p) and np.allclose(np.diagonal(p, axis1=-2, axis2=-1), 1),
    ),
}
each = pytest.mark.parametrize("name", TRANSFORMS)


def _parameter(
    transform: ParameterTransform, init: Array, fixed: Array | None = None, upper: float = np.inf
) -> JobParameter:
    held = np.zeros(init.shape, bool) if fixed is None else fixed
    full = np.full(init.shape, upper, init.dtype)
    return JobParameter("p", init, -np.inf * np.ones(init.shape), full, held, transform)


def _coordinates(name: str, scale: float = 1.0) -> tuple[ParameterTransform, Array]:
    """The transform, and coordinates drawn at random in the shape that it takes."""
    transform, shape, count, _ = TRANSFORMS[name]
    of_start = np.shape(transform.inverse(np.asarray(transform.start(shape))))
    rng = np.random.default_rng(count)
    return transform, scale * np.asarray(rng.standard_normal(of_start))


def test_every_transform_that_is_contributed_is_here() -> None:
    assert set(TRANSFORMS) == set(bijections.__all__)


@each
@pytest.mark.parametrize("scale", [0.1, 1.0, 2.0])
def test_what_is_mapped_there_and_back_is_the_same(name: str, scale: float) -> None:
    transform, coordinates = _coordinates(name, scale)
    *_, holds = TRANSFORMS[name]
    natural = np.asarray(transform.forward(coordinates))
    assert transform.contains(natural)
    assert holds(natural)
    np.testing.assert_allclose(transform.inverse(natural), coordinates, rtol=1e-9, atol=1e-9)


@each
def test_it_starts_where_it_is_defined(name: str) -> None:
    transform, shape, count, holds = TRANSFORMS[name]
    start = np.asarray(transform.start(shape))
    assert start.shape == shape
    assert holds(start)
    packing = Packing([_parameter(transform, start)], F8)
    assert packing.size == count
    np.testing.assert_allclose(packing.natural(packing.flat({}))["p"], start, atol=1e-15)


@each
def test_coordinates_are_independent(name: str) -> None:
    """The natural values change in as many directions as there are coordinates."""
    transform, coordinates = _coordinates(name)
    packing = Packing([_parameter(transform, np.asarray(transform.forward(coordinates)))], F8)
    varying = varying_entries(packing, packing.flat({}))
    assert np.linalg.matrix_rank(varying.derivative) == packing.size
    if transform.own is not None:
        assert np.linalg.matrix_rank(varying.derivative[varying.own]) == packing.size


@each
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_backend_maps_it_as_numpy_does(name: str, precision: str) -> None:
    transform, coordinates = _coordinates(name)
    given = coordinates.astype(precision)
    graph = trace(transform.forward, given, precision=given.dtype)
    expected = np.asarray(transform.forward(given))
    assert expected.dtype == given.dtype
    operands = (given, *graph.captured)
    tolerance = float(64 * np.finfo(precision).eps)
    (value,) = interpret(graph.graph, *operands)
    np.testing.assert_allclose(np.asarray(value), expected, rtol=tolerance, atol=tolerance)
    for backend in (numpy_backend(), llvm_backend()):
        (value,) = backend.compile(graph.graph)(*operands)
        np.testing.assert_allclose(np.asarray(value), expected, rtol=tolerance, atol=tolerance)


@each
def test_its_derivative_is_that_of_differences(name: str) -> None:
    transform, coordinates = _coordinates(name)
    weights = np.random.default_rng(1).standard_normal(np.shape(transform.forward(coordinates)))
    gradient = optserve.grad(lambda u: np.sum(weights * transform.forward(u)))(coordinates)
    step = 1e-6
    for at in np.ndindex(coordinates.shape):
        moved = np.zeros_like(coordinates)
        moved[at] = step
        ends = [np.sum(weights * transform.forward(coordinates + to * moved)) for to in (1.0, -1.0)]
        np.testing.assert_allclose(
            gradient[at], (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log", [0.0, 1.0]),
        ("softplus", [-1.0]),
        ("logit", [0.5, 1.0]),
        ("interval", [5.0]),
        ("ordered", [1.0, 1.0]),
        ("ordered", 1.0),
        ("simplex", [0.5, 0.6]),
        ("simplex", [1.5, -0.5]),
        ("simplex", [1.0]),
        ("simplex", 1.0),
        ("unit_vector", [1.0, 1.0]),
        ("unit_vector", [1.0]),
        ("cholesky_factor", [[1.0, 1.0], [0.0, 1.0]]),
        ("cholesky_factor", [[1.0, 0.0], [0.0, -1.0]]),
        ("cholesky_factor", [1.0, 2.0]),
        ("positive_definite", [[1.0, 2.0], [2.0, 1.0]]),
        ("positive_definite", [[1.0, 0.5], [0.0, 1.0]]),
        ("correlation", [[1.0, 0.0], [0.0, 2.0]]),
        ("correlation", [[1.0, 1.0], [1.0, 1.0]]),
        ("correlation", [[1.0]]),
    ],
)
def test_values_beyond_it_are_refused(name: str, value: object) -> None:
    transform, *_ = TRANSFORMS[name]
    with pytest.raises(ConfigError, match=f"the transform {name} is not defined"):
        Packing([_parameter(transform, np.array(value))], F8)


@pytest.mark.parametrize("name", ["ordered", "simplex", "unit_vector", "correlation"])
def test_what_mixes_entries_has_no_bounds_and_no_entry_that_is_fixed(name: str) -> None:
    transform, shape, *_ = TRANSFORMS[name]
    start = np.array(transform.start(shape))
    some = np.zeros(shape, bool)
    some.flat[0] = True
    with pytest.raises(ConfigError, match="mixes its entries, and an entry is fixed"):
        Packing([_parameter(transform, start, some)], F8)
    with pytest.raises(ConfigError, match="mixes its entries, and it has bounds"):
        Packing([_parameter(transform, start, upper=9.0)], F8)
    assert Packing([_parameter(transform, start, np.ones(shape, bool))], F8).size == 0


def test_an_interval_has_a_width() -> None:
    with pytest.raises(ConfigError, match="not above low"):
        bijections.interval(1.0, 1.0)


def test_a_number_has_no_order() -> None:
    ordered = bijections.ordered()
    assert not ordered.contains(ordered.start(()))
    assert ordered.start((2, 3)).tolist() == [[0.0, 1.0, 2.0]] * 2
