"""A graph in parts: programs, and between them what is called from Python.

Passes over rows are, so that threads share them, and what has no native form. The bits are those
that one program for all of it has.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from functools import partial
from typing import Any

from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.programs.compiled_program import Program, passes
from optserve.backends.llvm.programs.size import SizePlan
from optserve.backends.llvm.rows.native_pass import NativePass, native
from optserve.backends.numpy.control_flow import called
from optserve.backends.shared_chunks import MapReduce
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, resolved
from optserve.primitives.map_reduce import map_reduce

__all__ = ["SplitProgram"]

ProgramStep = tuple[Callable[[Sequence[Any]], tuple[Any, ...]], Sequence[Atom], Sequence[Var]]
"""What is called, the values that it is given, and those that it makes."""


MOST_CALLS = 16
"""Equations without a native form up to which programs stand between them: with more, most of the
time goes into calls, and all of it may as well be NumPy's."""


class SplitProgram:
    """Evaluates a graph, or the body of a loop that is split too, for given row counts.

    What has no native form is called from Python as well; ``called_out`` lists it. ``compiled`` are
    the passes that turned out to have one when shapes were bound.
    """

    def __init__(
        self,
        graph: Graph,
        plan: SizePlan,
        threads: int,
        shown: Sequence[str],
        lowerings: Lowerings,
    ) -> None:
        self.graph = lowerings.expanded(graph)
        self.plan = plan
        self.threads = threads
        self.shown = shown
        self.lowerings = lowerings
        self.called_out: list[Equation] = []
        self.compiled: set[Hashable] = set()
        self.parts = self._programs()
        self.bodies: dict[int, SplitProgram] = {}
        for part in self.parts:
            if isinstance(part, Program) or part.primitive is map_reduce:
                continue
            bodies = [body for _, body in Graph((), (part,), ()).subgraphs()]
            for body in bodies:
                split = self.bodies[id(body)] = SplitProgram(body, plan, threads, shown, lowerings)
                self.called_out += split.called_out
                split.compiled = self.compiled
            if not bodies:
                self.called_out.append(part)

    def _programs(self) -> list[Equation | Program]:
        """Programs, and between them the equations that stand apart: those that hold passes, and
        those that turn out to have no native form."""
        apart = {one for one in self.graph.equations if _holds_passes(one)}
        most = len(apart) + MOST_CALLS
        known: dict[tuple[Equation, ...], Program] = {}
        while True:
            parts: list[Equation | Program] = []
            try:
                for part in _parts(self.graph, apart):
                    if isinstance(part, Graph):
                        if part.equations not in known:
                            known[part.equations] = self._program(part)
                        parts.append(known[part.equations])
                    else:
                        parts.append(part)
            except Unsupported as error:
                if error.within is None or len(apart) == most:
                    raise
                result = error.within.results[0]
                apart |= {one for one in self.graph.equations if result in one.results}
            else:
                return parts

    def _program(self, part: Graph) -> Program:
        return Program(part, self.plan, self.shown, self.lowerings)

    def bind(self, rows: Mapping[str, int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """A callable of the inputs, for these row counts."""
        steps = [self._step(part, rows) for part in self.parts]
        inputs, outputs = self.graph.inputs, self.graph.outputs
        done = _last_reads(steps, outputs)

        def run(arguments: Sequence[Any]) -> tuple[Any, ...]:
            values: dict[Atom, Any] = dict(zip(inputs, arguments, strict=True))
            for (call, read, made), last in zip(steps, done, strict=True):
                given = [a.value if isinstance(a, Literal) else values[a] for a in read]
                values.update(zip(made, call(given), strict=True))
                for variable in last:
                    del values[variable]
            return tuple([a.value if isinstance(a, Literal) else values[a] for a in outputs])

        return run

    def _step(self, part: Equation | Program, rows: Mapping[str, int]) -> ProgramStep:
        if isinstance(part, Program):
            made = [atom for atom in part.graph.outputs if isinstance(atom, Var)]
            return part.bind(rows), part.graph.inputs, made
        if part.primitive is map_reduce:
            call = self._pass(part, rows)
        elif part.primitive.kind == "control":
            call = self._loop(part, rows)
        else:
            call = called(part, rows, self.threads)
        several = len(part.results) > 1

        def listed(given: Sequence[Any]) -> tuple[Any, ...]:
            out = call(*given)
            return out if several else (out,)

        return listed, part.operands, part.results

    def _pass(self, equation: Equation, rows: Mapping[str, int]) -> Callable[..., Any]:
        call = native(MapReduce(equation, rows, self.threads), self.lowerings)
        if isinstance(call, NativePass):
            self.compiled.add(_form(equation))
        return call

    def has_compiled(self, equation: Equation) -> bool:
        """Whether a pass like this one was compiled, so that it is known to have a native form."""
        return _form(equation) in self.compiled

    def _loop(self, equation: Equation, rows: Mapping[str, int]) -> Callable[..., Any]:
        """A loop or a choice in Python, its bodies split too."""
        bound: dict[int, Callable[[Sequence[Any]], tuple[Any, ...]]] = {}

        def evaluate(body: Graph, *arguments: Any) -> tuple[Any, ...]:
            known = bound.get(id(body))
            if known is None:
                split = self.bodies[id(body)]
                known = bound[id(body)] = split.bind({**rows, **bind_rows(body.inputs, arguments)})
            return known(arguments)

        attributes = {
            key: value if isinstance(value, Graph) else resolved({key: value}, rows)[key]
            for key, value in equation.attributes.items()
        }
        return partial(equation.primitive.impl, **attributes, evaluate=evaluate)


def _last_reads(steps: Sequence[ProgramStep], outputs: Sequence[Atom]) -> list[list[Var]]:
    """For each step the values that no later one reads, and that are not returned."""
    held: set[Atom] = {*outputs}
    done: list[list[Var]] = []
    for _, read, made in reversed(steps):
        last = dict.fromkeys(a for a in (*read, *made) if isinstance(a, Var) and a not in held)
        held.update(last)
        done.append(list(last))
    return done[::-1]


def _parts(graph: Graph, apart: Set[Equation]) -> list[Equation | Graph]:
    """Equations that stand apart, and between them graphs of all others."""
    groups: list[list[Equation] | Equation] = []
    for equation in graph.equations:
        if equation in apart:
            groups.append(equation)
        elif groups and isinstance(groups[-1], list):
            groups[-1].append(equation)
        else:
            groups.append([equation])
    needed = {atom for atom in graph.outputs if isinstance(atom, Var)}
    parts: list[Equation | Graph] = []
    for group in reversed(groups):
        part = group if isinstance(group, Equation) else _between(group, needed)
        read = part.operands if isinstance(part, Equation) else part.inputs
        needed |= {atom for atom in read if isinstance(atom, Var)}
        parts.append(part)
    return parts[::-1]


def _form(equation: Equation) -> Hashable:
    """All of a pass that its native form depends on."""
    return tuple(equation.attributes[key] for key in ("body", "axes", "reductions", "row_axes"))


def _holds_passes(equation: Equation) -> bool:
    return any(True for _ in passes(Graph((), (equation,), ())))


def _between(equations: Sequence[Equation], needed: set[Var]) -> Graph:
    """Equations as a graph: what they read of others goes in, what is ``needed`` comes out."""
    made = [variable for equation in equations for variable in equation.results]
    read = [a for equation in equations for a in equation.operands if isinstance(a, Var)]
    inside = set(made)
    inputs = dict.fromkeys(variable for variable in read if variable not in inside)
    outputs = tuple(variable for variable in made if variable in needed)
    return Graph(tuple(inputs), tuple(equations), outputs)
