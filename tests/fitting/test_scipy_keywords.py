"""Calls as SciPy's are: what is not taken is refused with what there is instead."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError
from optserve.fitting.scipy_keywords import INSTEAD

optimize = pytest.importorskip("scipy.optimize")

CALLS: dict[str, tuple[Any, ...]] = {
    "minimize": (lambda x: np.sum(x**2), np.ones(2)),
    "least_squares": (lambda x: x - 1.0, np.ones(2)),
    "curve_fit": (lambda x, a: a * x, np.arange(3.0), np.arange(3.0)),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_keyword_of_scipy_is_taken_or_told_of(name: str) -> None:
    own = inspect.signature(getattr(optserve, name)).parameters
    theirs = inspect.signature(getattr(optimize, name)).parameters
    others = [one for one in theirs if one not in own and one not in ("kwargs", "workers")]
    assert others
    for keyword in (*others, "maxfev"):
        with pytest.raises(ConfigError) as caught:
            getattr(optserve, name)(*CALLS[name], **{keyword: None})
        assert caught.value.message == f"{name}() has no `{keyword}`"
        assert caught.value.remedy == INSTEAD[keyword]


@pytest.mark.parametrize("name", CALLS)
def test_what_nobody_knows_is_a_mistake_of_python(name: str) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'tolerance'"):
        getattr(optserve, name)(*CALLS[name], tolerance=1)
