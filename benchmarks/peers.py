"""The contenders of a problem: optserve's backends, and the peers that differentiate by themselves.

Each evaluates the loss and its gradient with respect to all parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.problem import Problem
from benchmarks.workload import Contender, Lazy, Work
from optserve.backends import llvm, numpy
from optserve.backends.backend import Compiled
from optserve.graph.graph import Graph

__all__ = ["COMPILE", "PEERS", "by_optserve", "from_python", "repeated", "with_peers"]

PEERS = ("jax", "torch", "autograd")
"""What differentiates by itself; what is written by hand is no such peer."""

COMPILE: dict[str, Callable[[Graph, int], Compiled]] = {
    "numpy": numpy.compile_graph,
    "llvm": llvm.compile_graph,
}


def with_peers(problem: Problem, units: int = 1) -> tuple[Contender, ...]:
    """optserve, then the peers, on one thread and on two; ``units`` evaluations in a run."""
    contenders = [
        Contender(peer, partial(prepare, problem, units), threads, units)
        for peer, prepare in (("jax", _jax), ("torch", _torch), ("autograd", _autograd))
        for threads in (1, 2)
    ]
    return (*by_optserve(problem, units), *contenders)


def by_optserve(problem: Problem, units: int = 1) -> tuple[Contender, ...]:
    """Both backends, on one thread and on two."""
    return tuple(
        Contender(backend, partial(_optserve, problem, units, backend, threads), threads, units)
        for backend in COMPILE
        for threads in (1, 2)
    )


def repeated(units: int, evaluate: Work) -> Work:
    """``units`` calls as one piece of work."""
    if units == 1:
        return evaluate

    def work() -> Any:
        for _ in range(units - 1):
            evaluate()
        return evaluate()

    return work


def _optserve(problem: Problem, units: int, backend: str, threads: int) -> Work:
    arguments = problem.arguments  # made here, not in the first run

    def compiled() -> Work:
        evaluate = COMPILE[backend](problem.gradient_graph(), threads)
        return repeated(units, lambda: evaluate(*arguments))

    return Lazy(compiled)


def from_python(problem: Problem, units: int) -> tuple[Contender, ...]:
    """Calls of derivatives of a Python function: as it stands, and compiled; ``units`` in a run."""
    listed: tuple[tuple[str, Callable[[Problem, int], Work]], ...] = (
        ("eager", _eager),
        ("compiled", _compiled),
        ("autograd", _autograd),
        ("jax", partial(_jax, jit=False)),
        ("jax.jit", _jax),
        ("torch", _torch),
    )
    return tuple(
        Contender(name, partial(prepare, problem, units), 1, units) for name, prepare in listed
    )


def _eager(problem: Problem, units: int) -> Work:
    import optserve

    wrt = range(len(problem.parameters()))
    return _called(problem, units, optserve.value_and_grad(partial(problem.loss, np), tuple(wrt)))


def _compiled(problem: Problem, units: int) -> Work:
    import optserve

    wrt = range(len(problem.parameters()))
    function = optserve.value_and_grad(partial(problem.loss, np), tuple(wrt))
    return _called(problem, units, optserve.compile(function))


def _called(problem: Problem, units: int, function: Callable[..., Any]) -> Work:
    arguments = problem.arguments

    def once() -> Sequence[Any]:
        value, gradients = function(*arguments)
        return value, *gradients

    return repeated(units, once)


def _jax(problem: Problem, units: int, jit: bool = True) -> Work:
    import jax

    jax.config.update("jax_enable_x64", True)
    loss = partial(problem.loss, jax.numpy)
    arguments = [jax.numpy.asarray(value) for value in problem.arguments]
    wrt = tuple(range(len(problem.parameters())))
    evaluate = jax.value_and_grad(loss, argnums=wrt)
    if jit:
        evaluate = jax.jit(evaluate)

    def once() -> Sequence[Any]:
        value, gradients = jax.block_until_ready(evaluate(*arguments))
        return value, *gradients

    return repeated(units, once)


def _torch(problem: Problem, units: int) -> Work:
    import torch

    loss = partial(problem.loss, torch)
    count = len(problem.parameters())
    tensors = [torch.tensor(value) for value in problem.arguments]
    parameters = [tensor.requires_grad_() for tensor in tensors[:count]]

    def once() -> Sequence[Any]:
        value = loss(*tensors)
        return value.detach(), *torch.autograd.grad(value, parameters)

    return repeated(units, once)


def _autograd(problem: Problem, units: int) -> Work:
    import autograd

    loss = partial(problem.loss, autograd.numpy)
    count = len(problem.parameters())
    data = problem.arguments[count:]
    parameters = tuple(problem.arguments[:count])
    evaluate = autograd.value_and_grad(lambda given: loss(*given, *data))

    def once() -> Sequence[Any]:
        value, gradients = evaluate(parameters)
        return value, *gradients

    return repeated(units, once)
