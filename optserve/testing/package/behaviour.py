"""What a plugin does when it is imported and its hooks are called: run in a process of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from optserve.graph.aval import aval_of, is_float
from optserve.graph.primitive import Primitive
from optserve.jobs.evidence.rules.certificate import certify
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import Objective, Problem, Provided
from optserve.optimizers import lbfgs
from optserve.primitives.tracing import trace
from optserve.registry import load
from optserve.registry.harvest import Harvest, harvest
from optserve.registry.hookspecs import Kind
from optserve.registry.plugin_source import PluginSource, canonical, entry_value, file_source
from optserve.testing.cases import Case, cases
from optserve.testing.checks import checks
from optserve.testing.package.findings import PackageFinding, error, warning

__all__ = ["ContributedNames", "examine"]

ContributedNames = dict[str, list[str]]
"""The names that a plugin contributes, by kind."""

SLOW = 0.5
"""Seconds from which an import is told to be slow: every run that uses the plugin waits for it."""

CERTIFIED = 2
"""At so many of its operands a primitive is certified as a run would do it."""


def examine(
    module: str, name: str, version: str, roots: Sequence[Path]
) -> tuple[ContributedNames, list[PackageFinding]]:
    """Import ``module`` (or a file ``*.py``) of the distribution ``name`` from ``roots``."""
    sys.path[:0] = [str(root) for root in roots]
    if module.endswith(".py"):
        source = file_source(Path(module))
    else:
        source = PluginSource(name, version, module, "", partial(entry_value, module))
    found: list[PackageFinding] = []
    with _printed() as printed:
        before, began = set(sys.modules), time.perf_counter()
        harvested = harvest(source)
        seconds = time.perf_counter() - began
    if not isinstance(harvested, Harvest):
        place = str(harvested.place or module)
        return {}, [error("load", f"it does not load: {harvested.message}", _HINT, place)]
    found += _imported(module, printed[0], seconds, set(sys.modules) - before)
    found += [warning("style", text, "rename it", module) for text in harvested.warnings]
    contributed = {str(kind): list(names) for kind, names in harvested.names.items() if names}
    if not contributed:
        found.append(
            error(
                "nothing",
                "it contributes nothing",
                "write a hook, such as optserve_primitives, marked with @hookimpl",
                module,
            )
        )
    found += _taken(contributed, source)
    for primitive in harvested.values.get("primitives", {}).values():
        found += _primitive(primitive, Provided(primitive, name, version))
    made: tuple[Kind, ...] = ("optimizers", "schedules", "transforms", "initializers", "readers")
    for kind in (*made, "reports", "executors"):
        for one, function in harvested.values.get(kind, {}).items():
            if not (function.__doc__ or "").strip():
                found.append(_undocumented(f"{kind}: {one}"))
    return contributed, found


_HINT = "mend what it says: the place is the line of the plugin that it went wrong on"


def _imported(module: str, printed: str, seconds: float, new: set[str]) -> Iterator[PackageFinding]:
    if printed.strip():
        yield error(
            "prints",
            f"it prints when it is imported: {printed.strip().splitlines()[0]!r}",
            "remove the print: a run would show it among its own lines",
            module,
        )
    if seconds > SLOW:
        tops = sorted({name.partition(".")[0] for name in new} - set(sys.stdlib_module_names))
        yield warning(
            "slow",
            f"importing it takes {seconds:.1f} s (with {', '.join(tops[:6])})",
            "import heavy libraries inside the functions that need them",
            module,
        )
    others = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
    if others:
        yield error(
            "thread",
            f"importing it starts a thread ({', '.join(others)})",
            "start it where it is needed, and end it there",
            module,
        )


def _taken(contributed: ContributedNames, source: PluginSource) -> Iterator[PackageFinding]:
    """Names that optserve or another installed plugin has."""
    registry = load()
    own = canonical(source.distribution)
    for kind, names in contributed.items():
        entries = getattr(registry, kind, {})
        for name in names:
            homes = [entries[name].distribution] if name in entries else []
            homes += [
                claimant.distribution
                for claimant in registry.collisions.get((cast(Kind, kind), name), ())
            ]
            others = {home for home in homes if canonical(home) != own}
            if others:
                yield error(
                    "taken",
                    f"the name {name!r} ({kind}) is that of {' and '.join(sorted(others))} already",
                    "choose another name",
                    source.module,
                )


def _primitive(primitive: Primitive, provided: Provided) -> Iterator[PackageFinding]:
    if not primitive.doc.strip():
        yield _undocumented(primitive.name)
    failed = False
    for check in checks([primitive]):
        try:
            with np.errstate(all="ignore"):
                check()
        except AssertionError as failure:
            failed = True
            message, *more = str(failure).splitlines()
            remedy = next((line for line in more if "remedy:" in line), "")
            told = "; ".join(line.strip() for line in more if "remedy:" not in line)
            yield error(
                "conformance",
                f"{message}{f' ({told})' if told else ''}",
                remedy.partition("remedy:")[2].strip() or "compare the rule with its formula",
                str(check),
            )
    if not failed and primitive.differentiable:
        yield from _certified(provided)


def _certified(provided: Provided) -> Iterator[PackageFinding]:
    """What a run that uses the primitive would say of its rule."""
    for case in [case for case in cases(provided.primitive) if _is_plain(case)][:CERTIFIED]:
        problem = _job(case, provided)
        packing = Packing(problem.parameters, np.dtype("float64"))
        for certificate in certify(problem, packing, packing.flat({})):
            if not certificate.passed:
                yield error(
                    "certificate",
                    certificate.sentence,
                    "a run that uses it would end with code 6: correct the rule",
                    str(case),
                )
                return


def _is_plain(case: Case) -> bool:
    return bool(case.floating) and all(operand.size for operand in case.operands)


def _job(case: Case, provided: Provided) -> Problem:
    """A loss of the case, with floating operands as parameters."""
    names = [f"x{number}" for number in case.floating]

    def loss(*values: Any) -> Any:
        given: list[Any] = list(case.operands)
        for number, value in zip(case.floating, values, strict=True):
            given[number] = value
        out = case.primitive.bind(*given, **case.attributes)
        outs = out if isinstance(out, tuple) else (out,)
        return sum(np.sum(one * one) for one in outs if is_float(aval_of(one).dtype))

    starts = [np.asarray(case.operands[number], np.float64) for number in case.floating]
    traced = trace(loss, *map(aval_of, starts), precision=np.dtype("float64"), names=tuple(names))
    parameters = tuple(
        JobParameter(
            name,
            start,
            np.full(start.shape, -np.inf),
            np.full(start.shape, np.inf),
            np.zeros(start.shape, bool),
        )
        for name, start in zip(names, starts, strict=True)
    )
    return Problem(
        name=case.primitive.name,
        parameters=parameters,
        objective=Objective("loss", traced.graph, {}),
        optimizer=lbfgs(),
        third_party=(provided,),
        precision="float64",
    )


def _undocumented(name: str) -> PackageFinding:
    return error(
        "documentation",
        f"{name} has no documentation",
        "give it a docstring, or doc=: `optserve primitives` and editors show it",
        name,
    )


@contextmanager
def _printed() -> Iterator[list[str]]:
    """What is written to the standard streams meanwhile, by C code too."""
    texts = [""]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with tempfile.TemporaryFile() as file:
        kept = [os.dup(number) for number in (1, 2)]
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield texts
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
            file.seek(0)
            texts[0] = file.read().decode("utf-8", "replace")
