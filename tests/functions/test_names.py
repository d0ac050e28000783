"""The vocabulary by its names, for Python."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import optserve
import optserve.functions
from optserve.errors import OptserveError
from optserve.primitives.vocabulary import builtin_vocabulary


def test_every_function_that_expressions_know_is_there() -> None:
    vocabulary = builtin_vocabulary()
    names = {name for name, one in vocabulary.primitives.items() if not one.call.internal}
    assert {*dir(optserve.functions)} == names | {*vocabulary.macros}
    for name in names:
        assert getattr(optserve.functions, name) is vocabulary.primitives[name]


def test_what_is_internal_or_unknown_is_not() -> None:
    for name in ("mulz", "slice", "sigmoidal", "__path_of__"):
        assert not hasattr(optserve.functions, name)


def test_they_work_on_arrays_and_on_traced_values() -> None:
    from optserve.functions import logsumexp, normal_logpdf, sigmoid, softmax

    x = np.array([0.5, -1.0, 2.0])
    np.testing.assert_allclose(sigmoid(x), 1.0 / (1.0 + np.exp(-x)), rtol=1e-15)
    shares = optserve.grad(logsumexp)(x)
    np.testing.assert_allclose(shares, softmax(x), rtol=1e-15)
    slopes = optserve.compile(optserve.grad(lambda mean: np.sum(normal_logpdf(x, mean, 2.0))))(0.1)
    assert slopes == pytest.approx(np.sum(x - 0.1) / 4.0, rel=1e-14)
    with pytest.raises(OptserveError, match="sigmoid"):
        sigmoid(x, x)


def test_a_number_comes_as_one() -> None:
    from optserve.functions import poisson_logpmf, relu, where, xlogy

    for found in (poisson_logpmf(2.0, 3.0), relu(0.5), where(True, 1.0, 2.0), xlogy(0.0, 0.0)):
        assert isinstance(found, np.float64)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_whole_numbers_mean_what_they_mean_with_a_point(dtype: Any) -> None:
    from optserve.functions import cross_entropy, logsumexp, polygamma, segment_min, sigmoid

    x: Any = np.array([1, 1, 1], dtype)
    y = x.astype(float)
    functions: Any = (logsumexp, sigmoid, polygamma, lambda x: cross_entropy(x, 1))
    for function in functions:
        assert np.array_equal(function(x), function(y))
        assert np.array_equal(function(x.tolist()), function(y))
    assert np.array_equal(logsumexp([1, 2, 3]), logsumexp([1.0, 2.0, 3.0]))
    assert polygamma(2) == polygamma(2.0)
    if dtype is not np.bool_:
        assert np.array_equal(segment_min(x, [0, 0, 1], 2), [1, 1])
    assert sigmoid(np.float32(1.0)).dtype == np.float32


def test_densities_are_imported_where_one_is_named() -> None:
    code = "import sys; from optserve.functions import sigmoid; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "optserve.primitives.elementary" in told.stdout
    assert "optserve.primitives.densities.normal" not in told.stdout
