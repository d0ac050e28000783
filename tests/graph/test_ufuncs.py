"""Ufuncs that NumPy does not have, on traced values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import TraceError
from optserve.graph.ufuncs import CONTRIBUTED, Contributed
from optserve.primitives.constructors import elementwise
from optserve.transforms.functions import grad


def _ufunc() -> Any:
    """A ufunc that only this test has: the third power."""
    return np.frompyfunc(lambda x: x * x * x, 1, 1)


def test_a_ufunc_becomes_the_primitive_that_means_it() -> None:
    cubed = _ufunc()
    cube = elementwise(
        "cube", lambda x: x * x * x, partials=lambda out, x: (3.0 * x * x,), means=cubed
    )
    assert CONTRIBUTED.primitive(cubed) is cube
    assert float(grad(lambda x: cubed(x) + 1.0)(2.0)) == 12.0


def test_one_that_nobody_contributed_is_refused() -> None:
    cubed = _ufunc()
    with pytest.raises(TraceError, match="not defined on traced values"):
        grad(lambda x: cubed(x))(2.0)


def test_one_that_two_claim_is_refused_with_both_names() -> None:
    claimed, contributed = _ufunc(), Contributed()
    for name in ("cube", "third_power"):
        contributed.note(elementwise(name, lambda x: x * x * x, means=claimed))
    with pytest.raises(TraceError, match="may mean cube and third_power"):
        contributed.primitive(claimed)


def test_nothing_is_noted_of_an_internal_primitive() -> None:
    cubed, contributed = _ufunc(), Contributed()
    contributed.note(elementwise("cube", lambda x: x * x * x, means=cubed, internal=True))
    assert contributed.primitive(cubed) is None
