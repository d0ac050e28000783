"""`optserve explain`: how the loss and its gradient are computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.shared_options import AllowPath, ConfigFile, Overrides, PluginFiles
from optserve.cli.streams import write_output

if TYPE_CHECKING:
    from optserve.backends.backend import Backend
    from optserve.graph.graph import Graph
    from optserve.jobs.problem import Problem

__all__ = ["explain"]


def explain(
    *,
    config: ConfigFile,
    derivative: Annotated[
        str | None,
        typer.Option(metavar="PARAMETER", help="Only what the derivative by this parameter needs."),
    ] = None,
    set_: Overrides,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Show how the loss and its gradient are computed.

    Their graphs are printed with the shape of each value and its place in the config. Derivatives
    are by the parameters as they are written, before any transform.
    """
    with ending():
        from optserve.config.problem import load

        problem = load(config, overrides=set_, plugin_files=plugin, allow_path=allow_path)
        lines = _both(problem) if derivative is None else _one(problem, derivative)
        write_output("\n".join(lines))


def _both(problem: Problem) -> Iterator[str]:
    """The loss, the gradient by all parameters, and how their rows are gone through."""
    names = [parameter.name for parameter in problem.parameters]
    loss = problem.objective.graph
    yield "loss"
    yield from _shown(loss, {0: "loss"})
    yield from _rewritten(loss)
    gradient = _gradient(problem, range(len(names)))
    count = len(loss.outputs)
    yield ""
    yield f"derivatives of the loss by {', '.join(names)}"
    yield from _shown(gradient, dict(enumerate(names, count)))
    yield from _rows(gradient)
    yield from _backend(problem)
    if problem.objective.streamed:
        yield "  rows are read in blocks as they are needed, and never held whole"


def _one(problem: Problem, name: str) -> Iterator[str]:
    """The derivative by one parameter, and nothing that it does not need."""
    names = [parameter.name for parameter in problem.parameters]
    if name not in names:
        raise _no_parameter(name, names)
    gradient = _gradient(problem, [names.index(name)])
    yield f"derivative of the loss by {name}"
    yield from _shown(gradient, {len(problem.objective.graph.outputs): name})


def _gradient(problem: Problem, wrt: Sequence[int]) -> Graph:
    from optserve.transforms.reverse import value_and_gradient_graph

    return value_and_gradient_graph(problem.objective.graph, wrt)


def _shown(graph: Graph, outputs: Mapping[int, str]) -> Iterator[str]:
    """The part of ``graph`` that these outputs need, as text that names them."""
    from optserve.graph.graph import to_text

    *lines, last = to_text(_needed(graph, list(outputs)), places=True).splitlines()
    yield from (f"  {line}" for line in lines)
    values = last.removeprefix("outputs ").split(", ")
    named = (f"{name} = {value}" for name, value in zip(outputs.values(), values, strict=True))
    yield f"  outputs {', '.join(named)}"


def _rewritten(graph: Graph) -> Iterator[str]:
    """Where something else is computed than what was written, because it is better far out."""
    for equation in graph.equations:
        if equation.rewriting:
            place = f"{equation.place}: " if equation.place else ""
            yield f"  {place}{equation.rewriting}"


def _needed(graph: Graph, outputs: Sequence[int]) -> Graph:
    """What these outputs need of ``graph``, inputs included."""
    from optserve.graph.graph import Graph
    from optserve.transforms.simplify import prune, reads

    chosen = tuple(graph.outputs[index] for index in outputs)
    pruned = prune(Graph(graph.inputs, graph.equations, chosen))
    read = reads(pruned)
    inputs = tuple(variable for variable in pruned.inputs if variable in read)
    return Graph(inputs, pruned.equations, chosen)


def _rows(graph: Graph) -> Iterator[str]:
    """How often rows are gone through, at what cost, and what needs all of them at once."""
    from optserve.transforms.pass_costs import passes, whole

    for number, one in enumerate(passes(graph), 1):
        kinds = ", ".join(
            f"{count} kept by row" if kind == "rows" else f"{count} by {kind}"
            for kind, count in one.reductions.items()
        )
        if number == 1:
            yield ""
        yield (
            f"pass {number} over the rows of {one.table}: {one.bytes_read} bytes and about "
            f"{one.operations} operations a row; results: {kinds}"
        )
    for entry in whole(graph):
        place = f"{entry.place}: " if entry.place else ""
        yield f"  {place}{entry.primitive} needs all rows at once: {entry.reason}"


def _backend(problem: Problem) -> Iterator[str]:
    """Which backend a run would use, and why."""
    import numpy as np

    from optserve.backends.backend_choice import choose
    from optserve.backends.cost import duration
    from optserve.jobs.demand import demand_of_job
    from optserve.jobs.packing import Packing

    packing = Packing(problem.parameters, np.dtype(problem.precision))
    demand = demand_of_job(problem, packing)
    if demand.evaluations == 1 and not demand.rows:  # nothing that a choice would change
        return
    choice = choose(problem.backend, problem.backends, demand=demand)
    yield ""
    yield f"backend {choice.backend.name}: {choice.reason}"
    yield from _called_out(problem, choice.backend)
    for one in choice.estimates:
        yield (
            f"  {one.backend}: about {duration(one.setup)} to start, "
            f"{duration(one.each)} an evaluation"
        )


def _called_out(problem: Problem, backend: Backend) -> Iterator[str]:
    """Which primitives native code of the loss and its gradient leaves to NumPy."""
    from optserve.jobs.demand import rows_of

    if backend.called_out is None:
        return
    graph = _gradient(problem, range(len(problem.parameters)))
    found = backend.called_out(backend.compile(graph), rows_of(problem))
    if found.equations:
        names = ", ".join(dict.fromkeys(str(one.primitive) for one in found.equations))
        yield f"  {len(found.equations)} of {found.of} equations on NumPy: {names}"


def _no_parameter(name: str, names: Sequence[str]) -> Exception:
    import difflib

    from optserve.errors import ConfigError

    close = difflib.get_close_matches(name, names, n=1)
    return ConfigError(
        f"no parameter is called {name!r}",
        expected=f"one of {', '.join(names)}",
        remedy=f"did you mean {close[0]!r}?" if close else "",
        code="usage",
    )
