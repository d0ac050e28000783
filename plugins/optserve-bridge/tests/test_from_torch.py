"""PyTorch functions and modules as primitives, where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optserve_bridge import from_torch

from optserve import testing
from optserve.plugin import Example, aligned
from optserve.transforms.functions import grad

torch = pytest.importorskip("torch")
X = np.array([0.3, -1.2, 2.0])


def wave(amplitude: Any, x: Any) -> Any:
    """A wave that fades."""
    return amplitude * torch.sin(x) * torch.exp(-x * x)


WAVE = from_torch(wave, axes=aligned, examples=[Example(((), (3,)))])


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


def test_a_module_needs_a_name_and_stays_as_it_is() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    with pytest.raises(TypeError, match=r"from_torch\(Sequential\(...\), name='surrogate'\)"):
        from_torch(module)
    surrogate = from_torch(module, name="surrogate", examples=[Example(((3,),))])
    assert next(module.parameters()).dtype == torch.float32
    with torch.no_grad():
        expected = module(torch.from_numpy(X.astype(np.float32))).numpy()
    np.testing.assert_allclose(surrogate(X), expected, rtol=1e-5)
    testing.check_primitive(surrogate)
