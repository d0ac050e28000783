"""What NumPy, JAX, PyTorch and autograd call differently, by the module that a loss is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["cross_entropy", "logsumexp", "scan", "softplus"]


def softplus(xp: Any, z: Any) -> Any:
    """log(1 + exp(z)), entry by entry."""
    if xp.__name__ == "jax.numpy":
        import jax

        return jax.nn.softplus(z)
    if xp.__name__ == "torch":
        return xp.nn.functional.softplus(z)
    return xp.logaddexp(0.0, z)


def logsumexp(xp: Any, z: Any) -> Any:
    """log(sum(exp(z))) over the last axis."""
    if xp.__name__ == "jax.numpy":
        import jax

        return jax.scipy.special.logsumexp(z, axis=-1)
    if xp.__name__ == "torch":
        return xp.logsumexp(z, dim=-1)
    if xp.__name__ == "autograd.numpy":
        import autograd.scipy.special

        return autograd.scipy.special.logsumexp(z, axis=-1)
    return np.logaddexp.reduce(z, axis=-1)


def cross_entropy(xp: Any, logits: Any, labels: Any) -> Any:
    """The mean negative log likelihood of integer labels under softmax of the logits."""
    if xp.__name__ == "jax.numpy":
        own = xp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        return xp.mean(logsumexp(xp, logits) - own)
    if xp.__name__ == "torch":
        return xp.nn.functional.cross_entropy(logits, labels)
    from optserve.primitives.losses import cross_entropy as of_rows

    return np.mean(of_rows(logits, labels))


def scan(xp: Any, step: Callable[[Any], Any], init: Any, length: int) -> Any:
    """The states (length, ...) that ``step`` leads through from ``init``."""

    def stepped(state: Any, _: Any) -> Any:
        following = step(state)
        return following, following

    if xp.__name__ == "jax.numpy":
        import jax

        return jax.lax.scan(stepped, init, length=length)[1]
    if xp.__name__ == "numpy":
        from optserve.primitives.loops import scan as scanned

        return scanned(stepped, init, np.zeros(length))[1]
    states = []
    state = init
    for _ in range(length):
        state = step(state)
        states.append(state)
    return xp.stack(states)
