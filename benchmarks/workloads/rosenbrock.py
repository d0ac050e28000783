"""``rosenbrock``: many steps of gradient descent, each next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workload import Contender, Lazy, Limit, Work, Workload

__all__ = ["workload"]

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "rosenbrock-gd.yaml"
START = (-1.2, 1.0)
RATE = 1e-3


def loss(x: Any, y: Any) -> Any:
    """The valley."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def by_optserve(steps: int, backend: str, tolerance: float | None = None) -> Work:
    """A descent as in a job: stopping tests, the best point, the check for finite numbers, the
    history. With a ``tolerance`` of the gradient that is measured at every step too.

    The first run reads the configuration and compiles, which a job does once.
    """
    from optserve.backends.backend_choice import choose
    from optserve.config.problem import load
    from optserve.jobs.descent.descent import descend
    from optserve.jobs.descent.method import method_of
    from optserve.jobs.evaluator import Evaluator
    from optserve.jobs.interruption import Interruption
    from optserve.jobs.limits import Limits
    from optserve.jobs.packing import Packing
    from optserve.jobs.watch import Watch

    overrides = [f"stop.steps={steps}", "expect={}"]
    if tolerance is not None:
        overrides.append(f"stop.gradient={tolerance}")

    def compiled() -> Work:
        problem = load(CONFIG, overrides=overrides)
        packing = Packing(problem.parameters, np.dtype(problem.precision))
        evaluator = Evaluator(problem, packing, choose(backend).backend)
        assert problem.optimizer is not None
        limits = Limits.of(problem.stop, problem.optimizer, packing.size)
        method, start = method_of(problem.optimizer, evaluator, limits), packing.flat({})

        def work() -> Sequence[Any]:
            found = descend(method, start, limits, Watch(Interruption()))
            assert found.best is not None
            return found.steps, *found.best.point

        return work

    return Lazy(compiled)


def in_a_loop(steps: int, gradient: Callable[[Any, Any], tuple[Any, Any]]) -> Work:
    """A Python loop around a gradient."""

    def work() -> Sequence[Any]:
        x, y = START
        for _ in range(steps):
            dx, dy = gradient(x, y)
            x, y = x - RATE * dx, y - RATE * dy
        return steps, float(x), float(y)

    return work


def by_jax(steps: int) -> Work:
    """A gradient and a Python loop."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return in_a_loop(steps, jax.jit(jax.grad(loss, argnums=(0, 1))))


def by_jax_stepping(steps: int) -> Work:
    """A whole step and a Python loop."""
    import jax

    jax.config.update("jax_enable_x64", True)

    gradient = jax.grad(lambda point: loss(point[0], point[1]))
    step = jax.jit(lambda point: point - RATE * gradient(point))

    def work() -> Sequence[Any]:
        point = jax.numpy.array(START)
        for _ in range(steps):
            point = step(point)
        return steps, float(point[0]), float(point[1])

    return work


def by_jax_looping(steps: int) -> Work:
    """The loop compiled too."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def step(_: Any, point: Any) -> Any:
        dx, dy = jax.grad(loss, argnums=(0, 1))(*point)
        return point[0] - RATE * dx, point[1] - RATE * dy

    descend = jax.jit(lambda start: jax.lax.fori_loop(0, steps, step, start))

    def work() -> Sequence[Any]:
        x, y = jax.block_until_ready(descend(START))
        return steps, float(x), float(y)

    return work


def by_torch(steps: int) -> Work:
    """A gradient and a Python loop."""
    import torch

    def work() -> Sequence[Any]:
        at = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in START]
        optimizer = torch.optim.SGD(at, lr=RATE)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(*at).backward()
            optimizer.step()
        return steps, *(value.item() for value in at)

    return work


def by_autograd(steps: int) -> Work:
    """A gradient and a Python loop."""
    import autograd

    return in_a_loop(steps, autograd.grad(lambda x, y: loss(x, y), (0, 1)))


@cache
def expected(steps: int) -> tuple[float, float]:
    """The same steps in plain Python floats."""
    x, y = START
    for _ in range(steps):
        slope = y - x * x
        x, y = x + RATE * (2 * (1 - x) + 400 * slope * x), y - RATE * 200 * slope
    return x, y


def check(result: Sequence[Any]) -> None:
    """The point is where the steps lead."""
    steps, *found = result
    np.testing.assert_allclose(found, expected(steps), rtol=1e-9)


CONTENDERS = (
    ("numpy", partial(by_optserve, backend="numpy"), 5_000),
    ("llvm", partial(by_optserve, backend="llvm"), 1_000_000),
    ("llvm, gradient measured", partial(by_optserve, backend="llvm", tolerance=1e-300), 1_000_000),
    ("jax, fori_loop", by_jax_looping, 1_000_000),
    ("jax, a step in a Python loop", by_jax_stepping, 2_000),
    ("jax, a gradient in a Python loop", by_jax, 2_000),
    ("torch", by_torch, 500),
    ("autograd", by_autograd, 500),
)

workload = Workload(
    name="rosenbrock",
    title="A step of gradient descent on the Rosenbrock function, 2 parameters.",
    contenders=tuple(
        Contender(name, partial(prepare, steps), threads=1, units=steps)
        for name, prepare, steps in CONTENDERS
    ),
    limits=(Limit("numpy", 25e-6), Limit("llvm", 0.5, ("jax, fori_loop",))),
    check=check,
)
