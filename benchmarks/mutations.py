"""``python -m benchmarks.mutations``: which faults of rules are found, and by what.

Each mutant of ``benchmarks.faulty`` goes through the kit for authors (``optserve.testing``) and
through a run (its certificate, and what is looked at while it runs), and through the gradient
checks of PyTorch, JAX and autograd where these are installed. They are given the same NumPy value
and pullback as a custom function, at operands drawn as the kit draws its first ones: what a mutant
does when it is recorded, in second order or over rows is out of their reach.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.faulty import MUTANTS, Mutant
from optserve import testing
from optserve.graph.aval import Array, Aval, resolve_shape
from optserve.graph.dim import Dim
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import Objective, Problem, Provided
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.primitives.tracing import trace
from optserve.testing.cases import Case, cases
from optserve.transforms.reverse import value_and_pull

__all__ = ["OURS", "PEERS", "Row", "main", "measured", "table"]

NOT_INSTALLED = "not installed"
Found = Callable[[Mutant], bool]


@dataclass(frozen=True)
class Row:
    """A mutant, and by name whether each method finds it; ``None`` where it is not installed."""

    mutant: Mutant
    found: Mapping[str, bool | None]


def by_testing(mutant: Mutant) -> bool:
    """Whether the kit for authors finds it."""
    try:
        testing.check_primitive(mutant.primitive)
    except (Exception, SystemExit):
        return True
    return False


def by_run(mutant: Mutant) -> bool:
    """Whether a run ends with code 6: by the certificate, or by what is looked at on the way."""
    return result_of(mutant).exit_code == 6


def result_of(mutant: Mutant) -> Result:
    """The run of its loss."""
    precision = np.dtype(mutant.precision)
    column = mutant.column.astype(precision)
    avals = Aval((), precision), Aval((Dim.rows("rows"),), precision)

    def loss(a: Any, x: Any) -> Any:
        return mutant.loss(mutant.primitive, a, x) + (a - 1.5) ** 2

    traced = trace(loss, *avals, precision=precision, names=("a", "x"))
    nowhere = np.full((), np.inf, precision)
    start = np.asarray(mutant.start, precision)
    problem = Problem(
        name=mutant.primitive.name,
        parameters=(JobParameter("a", start, -nowhere, nowhere, np.array(False)),),
        objective=Objective("loss", traced.graph, {"x": column}),
        optimizer=lbfgs(),
        third_party=(Provided(mutant.primitive, "faulty", "1"),),
        precision="float32" if mutant.precision == "float32" else "float64",
    )
    return run(problem)


def _first(mutant: Mutant) -> Case:
    return cases(mutant.primitive)[0]


def _numpy(case: Case) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The value and the pullback at arrays, each giving arrays."""
    primitive, attributes = case.primitive, case.attributes

    def value(*operands: Array) -> tuple[Array, ...]:
        out = primitive.impl(*map(np.array, operands), **attributes)
        return tuple(map(np.asarray, out if isinstance(out, tuple) else (out,)))

    def pull(cts: Sequence[Array], *operands: Array) -> tuple[Array, ...]:
        _, pullback = value_and_pull(primitive, [np.array(one) for one in operands], attributes)
        back = pullback(tuple(np.array(ct) for ct in cts), False)
        return tuple(
            np.zeros_like(operand) if ct is None else np.asarray(ct)
            for ct, operand in zip(back, operands, strict=True)
        )

    return value, pull


def by_torch(mutant: Mutant) -> bool:
    """``torch.autograd.gradcheck``."""
    import torch

    case = _first(mutant)
    value, pull = _numpy(case)

    class Custom(torch.autograd.Function):  # type: ignore[misc,name-defined,unused-ignore]
        @staticmethod
        def forward(ctx: Any, *operands: Any) -> Any:
            ctx.save_for_backward(*operands)
            out = tuple(torch.tensor(one) for one in value(*(x.numpy() for x in operands)))
            return out if len(out) > 1 else out[0]

        @staticmethod
        def backward(ctx: Any, *cts: Any) -> Any:
            operands = [x.detach().numpy() for x in ctx.saved_tensors]
            back = pull([ct.numpy() for ct in cts], *operands)
            pairs = zip(back, operands, strict=False)
            return tuple(torch.tensor(np.broadcast_to(b, x.shape).copy()) for b, x in pairs)

    operands = [torch.tensor(x, requires_grad=True) for x in case.operands]
    try:
        return not torch.autograd.gradcheck(Custom.apply, operands, raise_exception=True)
    except (Exception, SystemExit):
        return True


def by_jax(mutant: Mutant) -> bool:
    """``jax.test_util.check_grads`` of a ``custom_vjp``."""
    import jax
    import jax.test_util

    jax.config.update("jax_enable_x64", True)
    case = _first(mutant)
    value, pull = _numpy(case)
    results = tuple(
        jax.ShapeDtypeStruct(resolve_shape(atom.aval.shape, {}), atom.aval.dtype)
        for atom in case.graph.outputs
    )
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in case.operands)

    def plain(*operands: Any) -> Any:
        return jax.pure_callback(value, results, *operands)

    function = jax.custom_vjp(plain)

    def forward(*operands: Any) -> Any:
        return function(*operands), operands

    def backward(operands: Any, cts: Any) -> Any:
        return jax.pure_callback(lambda c, *x: pull(c, *x), shapes, cts, *operands)

    function.defvjp(forward, backward)
    try:
        jax.test_util.check_grads(function, case.operands, order=1, modes=["rev"])
    except (Exception, SystemExit):
        return True
    return False


def by_autograd(mutant: Mutant) -> bool:
    """``autograd.test_util.check_grads`` of a ``primitive`` with ``defvjp``."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    np.random.seed(0)  # autograd draws its directions from there
    case = _first(mutant)
    value, pull = _numpy(case)

    @primitive  # type: ignore[untyped-decorator,unused-ignore]
    def function(*operands: Any) -> Any:
        return np.concatenate([np.ravel(one) for one in value(*operands)])

    def rule(index: int) -> Callable[..., Any]:
        def made(ans: Any, *operands: Any) -> Callable[..., Any]:
            def back(ct: Any) -> Any:
                parts, rest = [], ct
                for out in value(*operands):
                    parts.append(np.reshape(rest[: out.size], out.shape))
                    rest = rest[out.size :]
                return pull(parts, *operands)[index]

            return back

        return made

    defvjp(function, *(rule(index) for index in range(len(case.operands))))
    try:
        every = tuple(range(len(case.operands)))
        check_grads(function, every, modes=["rev"], order=1)(*case.operands)
    except (Exception, SystemExit):
        return True
    return False


OURS: Mapping[str, Found] = {"optserve.testing": by_testing, "a run": by_run}
PEERS: Mapping[str, tuple[str, Found]] = {
    "PyTorch": ("torch", by_torch),
    "JAX": ("jax", by_jax),
    "autograd": ("autograd", by_autograd),
}


def measured(mutants: Sequence[Mutant] = MUTANTS, *, peers: bool = True) -> list[Row]:
    """What finds each of the mutants."""
    rows = []
    for mutant in mutants:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found: dict[str, bool | None] = {}
            for name, one in OURS.items():
                mutant.renew()
                found[name] = one(mutant)
            for name, (module, one) in PEERS.items() if peers else ():
                mutant.renew()
                found[name] = one(mutant) if find_spec(module) is not None else None
        rows.append(Row(mutant, found))
    return rows


def table(rows: Sequence[Row]) -> str:
    """A row a kind of fault: how many there are, and how many each method finds; what none finds.

    >>> print(table([Row(MUTANTS[0], {"optserve.testing": True, "a run": True})]))
    | fault | mutants | optserve.testing | a run |
    |---|---|---|---|
    | formula | 1 | 1 | 1 |
    | all | 1 | 1 | 1 |
    """
    names = list(rows[0].found)
    lines = [f"| {' | '.join(['fault', 'mutants', *names])} |", "|---" * (len(names) + 2) + "|"]
    kinds = list(dict.fromkeys(row.mutant.kind for row in rows))
    for kind in [*kinds, "all"]:
        of_kind = [row for row in rows if kind in (row.mutant.kind, "all")]
        counts = [_count([row.found[name] for row in of_kind]) for name in names]
        lines.append(f"| {' | '.join([kind, str(len(of_kind)), *counts])} |")
    for name in OURS:
        missed = [row.mutant for row in rows if not row.found[name]]
        told = "; ".join(f"`{one.primitive.name}` ({one.fault})" for one in missed)
        lines += ["", f"Not found by {name}: {told}."] if missed else []
    return "\n".join(lines)


def _count(found: Sequence[bool | None]) -> str:
    return NOT_INSTALLED if None in found else str(sum(map(bool, found)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a method of ours misses what a peer finds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=__doc__)
    parser.add_argument("--all", action="store_true", help="print a line for each mutant too")
    given = parser.parse_args(arguments)
    rows = measured()
    print(table(rows))
    behind = [
        row
        for row in rows
        if any(row.found[name] for name in PEERS) and not all(row.found[name] for name in OURS)
    ]
    for row in rows if given.all else behind:
        finds = ", ".join(name for name, found in row.found.items() if found) or "nothing"
        print(f"{row.mutant.kind}, {row.mutant.fault} ({row.mutant.primitive.name}): {finds}")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
