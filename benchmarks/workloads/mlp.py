"""``mlp``: steps of Adam on a small network, minibatch by minibatch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.dialects import cross_entropy
from benchmarks.workload import Contender, Lazy, Limit, Work, Workload
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.jobs.descent.batching import Batching
from optserve.jobs.descent.descent import steps_of
from optserve.jobs.descent.method import method_of
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.limits import Limits
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import BatchPlan, Objective, Problem, StoppingRule
from optserve.jobs.splits import Splits
from optserve.optimizers import adam
from optserve.primitives.tracing import trace

__all__ = ["BATCH", "STEPS", "batches", "loss", "parameters", "workload"]

BATCH, INPUTS, HIDDEN, CLASSES = 128, 64, 128, 10
STEPS = 64
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
SINGLE = np.dtype(np.float32)
BACKENDS = {"numpy": numpy_backend, "llvm": llvm_backend}


def loss(xp: Any, w: Any, b: Any, v: Any, c: Any, x: Any, label: Any) -> Any:
    """Cross-entropy of a network with one layer of tanh."""
    return cross_entropy(xp, xp.tanh(x @ w + b) @ v + c, label)


def parameters() -> list[Array]:
    """Where the descent begins."""
    rng = np.random.default_rng(3)
    shapes = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
    return [rng.normal(0.0, 0.1, shape).astype(SINGLE) for shape in shapes]


def batches() -> tuple[Array, Array]:
    """A minibatch for each step."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(STEPS, BATCH, INPUTS)).astype(SINGLE)
    truth = rng.normal(size=(INPUTS, CLASSES))
    return x, np.argmax(x @ truth, axis=-1)


def by_optserve(backend: str, threads: int) -> Work:
    """As a job takes its steps: as a loop where the backend has them, else one by one."""
    x, labels = batches()
    start = parameters()
    rows = Dim.rows("data")
    columns = [Aval((rows, INPUTS), SINGLE), Aval((rows,), np.dtype(np.int64))]

    def compiled() -> Work:
        traced = trace(
            partial(loss, np),
            *(Aval(value.shape, SINGLE) for value in start),
            *columns,
            precision=SINGLE,
        )
        optimizer = adam(RATE, BETA1, BETA2, EPSILON)
        data = {"x": x.reshape(-1, INPUTS), "label": labels.ravel()}
        problem = Problem(
            name="mlp",
            parameters=tuple(map(_parameter, "wbvc", start)),
            objective=Objective("loss", traced.graph, data),
            optimizer=optimizer,
            minibatch=BatchPlan(BATCH),
            precision="float32",
        )
        packing = Packing(problem.parameters, SINGLE)
        evaluator = Evaluator(problem, packing, BACKENDS[backend](threads))
        batching = Batching(evaluator, Splits(evaluator))
        limits = Limits.of(StoppingRule(steps=STEPS), optimizer, packing.size, STEPS)
        method = method_of(optimizer, evaluator, limits, batching)
        first = packing.flat({})

        def work() -> Sequence[Any]:
            walk = steps_of(method, first)
            losses: list[float] = []
            while len(losses) < STEPS:
                left = [column[len(losses) :] for column in (x, labels)]
                losses += map(float, walk.on(None, None, left).losses)
            return losses[-1], *packing.pieces(walk.point)

        return work

    return Lazy(compiled)


def _parameter(name: str, init: Array) -> JobParameter:
    infinite = np.full(init.shape, np.inf, SINGLE)
    return JobParameter(name, init, -infinite, infinite, np.zeros(init.shape, bool))


def jax_step() -> Callable[..., Any]:
    """((parameters, moments, step), batch) -> (the same, the loss)."""
    import jax

    xp = jax.numpy
    evaluate = jax.value_and_grad(partial(loss, xp), argnums=(0, 1, 2, 3))

    def step(carry: Any, batch: Any) -> Any:
        at, first, second, count = carry
        value, gradients = evaluate(*at, *batch)
        count = count + 1
        first = [BETA1 * m + (1 - BETA1) * g for m, g in zip(first, gradients, strict=True)]
        second = [BETA2 * s + (1 - BETA2) * g**2 for s, g in zip(second, gradients, strict=True)]
        means = [m / (1 - BETA1**count) for m in first]
        roots = [xp.sqrt(s / (1 - BETA2**count)) for s in second]
        at = [p - RATE * m / (r + EPSILON) for p, m, r in zip(at, means, roots, strict=True)]
        return (at, first, second, count), value

    return step


def jax_start(xp: Any) -> Any:
    """The carry before the first step."""
    at = [xp.asarray(value) for value in parameters()]
    zeros = [xp.zeros_like(value) for value in at]
    return at, zeros, zeros, xp.zeros((), SINGLE)


def by_jax_scanning() -> Work:
    """All steps as one compiled loop."""
    import jax

    x, labels = map(jax.numpy.asarray, batches())
    start, step = jax_start(jax.numpy), jax_step()
    descend = jax.jit(lambda carry, xs: jax.lax.scan(step, carry, xs))

    def work() -> Sequence[Any]:
        (at, *_), values = jax.block_until_ready(descend(start, (x, labels)))
        return values[-1], *at

    return work


def by_jax() -> Work:
    """A compiled step in a Python loop."""
    import jax

    x, labels = batches()
    ready = [(jax.numpy.asarray(b), jax.numpy.asarray(n)) for b, n in zip(x, labels, strict=True)]
    start, step = jax_start(jax.numpy), jax.jit(jax_step())

    def work() -> Sequence[Any]:
        carry = start
        for batch in ready:
            carry, value = step(carry, batch)
        jax.block_until_ready(carry)
        return value, *carry[0]

    return work


def by_torch() -> Work:
    """As one writes it, with ``torch.optim.Adam``."""
    import torch

    x, labels = map(torch.tensor, batches())
    ready = list(zip(x, labels, strict=True))

    def work() -> Sequence[Any]:
        at = [torch.tensor(value, requires_grad=True) for value in parameters()]
        optimizer = torch.optim.Adam(at, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)
        for batch in ready:
            optimizer.zero_grad()
            value = loss(torch, *(*at, *batch))
            value.backward()
            optimizer.step()
        return value.detach(), *(value.detach() for value in at)

    return work


def by_hand() -> Work:
    """NumPy as one writes it by hand."""
    x, labels = batches()
    rows = np.arange(BATCH)

    def gradient(at: Sequence[Array], batch: Array, label: Array) -> tuple[Any, list[Array]]:
        w, b, v, c = at
        hidden = np.tanh(batch @ w + b)
        logits = hidden @ v + c
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        totals = exponentials.sum(axis=1, keepdims=True)
        value = np.mean(np.log(totals[:, 0]) - logits[rows, label])
        ct = exponentials / totals
        ct[rows, label] -= 1
        ct /= np.float32(BATCH)
        inner = (ct @ v.T) * (1 - hidden * hidden)
        return value, [batch.T @ inner, inner.sum(axis=0), hidden.T @ ct, ct.sum(axis=0)]

    def work() -> Sequence[Any]:
        at = parameters()
        first, second = [np.zeros_like(p) for p in at], [np.zeros_like(p) for p in at]
        for count, (batch, label) in enumerate(zip(x, labels, strict=True), 1):
            value, gradients = gradient(at, batch, label)
            for p, m, s, g in zip(at, first, second, gradients, strict=True):
                m *= BETA1
                m += (1 - BETA1) * g
                s *= BETA2
                s += (1 - BETA2) * g * g
                root = np.sqrt(s / (1 - BETA2**count))
                p -= RATE * (m / (1 - BETA1**count)) / (root + EPSILON)
        return value, *at

    return work


@cache
def expected() -> Sequence[Any]:
    """Where the steps lead."""
    found: Sequence[Any] = by_hand()()
    return found


def check(result: Sequence[Any]) -> None:
    """In single precision paths part slowly; where Adam divides noise by noise, sooner."""
    for found, wanted in zip(result, expected(), strict=True):
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=0.0, atol=RATE)


workload = Workload(
    name="mlp",
    title=f"A step of Adam: {INPUTS}-{HIDDEN}-{CLASSES} tanh network, minibatch {BATCH}, float32.",
    contenders=tuple(
        Contender(name, prepare, threads, STEPS)
        for threads in (1, 2)
        for name, prepare in (
            ("numpy", partial(by_optserve, "numpy", threads)),
            ("llvm", partial(by_optserve, "llvm", threads)),
            ("jax, scan", by_jax_scanning),
            ("jax, a step in a Python loop", by_jax),
            ("torch", by_torch),
            ("NumPy by hand", by_hand),
        )
    ),
    limits=(Limit("numpy", 1.2, ("NumPy by hand",)), Limit("llvm", 1.0, ("jax, scan",))),
    check=check,
)
