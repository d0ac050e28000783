"""A function or module written in PyTorch."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.plugin import Primitive
from optserve_bridge.foreign import Array, Call, Shape
from optserve_bridge.frameworks import Framework, differentiated

__all__ = ["from_torch"]


def from_torch(
    function: Any,
    *,
    name: str = "",
    shape: Callable[..., Shape] | None = None,
    **options: Any,
) -> Primitive:
    """A PyTorch function or module of tensors to one tensor, with the derivatives torch.func finds.

    Derivatives exist to any order. A module is copied, its weights in float64, as all is computed;
    they are constants, and what it does in training only is switched off.

    Parameters
    ----------
    function:
        Positional parameters are the operands; of a module those of ``forward``.
    name:
        What configs call it; that of the function unless given. A module has none.
    shape:
        Maps the shapes of the operands to that of the value; found by trying it unless given.
    options:
        Those of ``optserve.plugin.opaque``: ``axes=aligned`` where rows are computed one by one,
        ``domain``, ``examples``, ``tolerance``, ``facts``, ``doc``.
    """
    forward = getattr(function, "forward", function)
    if forward is not function:
        if not name:
            kind = type(function).__name__
            raise TypeError(
                f"a module has no name of its own: from_torch({kind}(...), name='surrogate')"
            )
        function = copy.deepcopy(function).double().eval().requires_grad_(False)
    name = name or function.__name__
    operands = (*inspect.signature(forward).parameters,)
    options.setdefault("doc", inspect.getdoc(forward) or f"{name}, by PyTorch.")
    return differentiated(TORCH, function, name, operands, shape, **options)


# PyTorch takes a second to import, and only a run that calls the function needs it.


def _prepare(function: Callable[..., Any]) -> Call:
    def call(*values: Array) -> Array:
        import torch

        tensors = [torch.from_numpy(np.array(one, dtype=np.float64)) for one in values]
        return np.asarray(function(*tensors).detach().numpy())

    return call


def _tried(function: Callable[..., Any], shapes: Sequence[tuple[int, ...]]) -> Sequence[int]:
    return (*np.shape(_prepare(function)(*(np.full(one, 0.5) for one in shapes))),)


def _cotangent(function: Callable[[Any], Any], operand: Any, of_value: Any) -> Any:
    import torch

    return torch.func.vjp(function, operand)[1](of_value)[0]


TORCH = Framework(_prepare, _tried, _cotangent)
