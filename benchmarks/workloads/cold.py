"""``cold``: whole processes from start to printed result, beside those of the peers."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec

from benchmarks.workload import Contender, Limit, Work, Workload
from benchmarks.workloads.startup import IMPORTS, optserve_run, process

__all__ = ["workload"]

LOSS = """
def loss(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2
"""

LOOP = """
x, y = -1.2, 1.0
for _ in range(1000):
    dx, dy = gradient(x, y)
    x, y = x - 1e-3 * dx, y - 1e-3 * dy
print(float(x), float(y))
"""

GRADIENTS = {
    "autograd": """
import autograd
gradient = autograd.grad(loss, (0, 1))
""",
    "jax": """
import jax
jax.config.update("jax_enable_x64", True)
gradient = jax.jit(jax.grad(loss, (0, 1)))
""",
    "torch": """
import torch
def gradient(x, y):
    at = [torch.as_tensor(v, dtype=torch.float64).requires_grad_() for v in (x, y)]
    return torch.autograd.grad(loss(*at), at)
""",
}


def by_peer(peer: str) -> Work:
    """A script of a few lines."""
    if find_spec(peer) is None:
        raise ImportError(f"No module named '{peer}'")
    return process(sys.executable, "-c", LOSS + GRADIENTS[peer] + LOOP)


workload = Workload(
    name="cold",
    title="Rosenbrock, 1,000 steps of gradient descent: a whole process.",
    contenders=(
        Contender(f"python -c '{IMPORTS}'", partial(process, sys.executable, "-c", IMPORTS)),
        Contender("optserve run", partial(optserve_run, "rosenbrock-gd.yaml")),
        *(Contender(peer, partial(by_peer, peer)) for peer in GRADIENTS),
    ),
    limits=(Limit("optserve run", 3.0, (f"python -c '{IMPORTS}'",)),),
    runs=9,
)
