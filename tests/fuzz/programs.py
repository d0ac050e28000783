"""Random programs over the rows of two tables, drawn from a seed, run on arrays or recorded.

A program is a list of steps; a step applies an operation to inputs and to what earlier steps made.
While it is drawn it runs on arrays, so that every step fits, and what overflows is drawn again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optserve.errors import OptserveError, Place
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.trace import Tracer
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph
from tests.fuzz.operations import ENTRIES, SIZES, Operation
from tests.fuzz.row_operations import ROWS

__all__ = ["INPUTS", "Program", "Step", "arguments", "program"]

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in (*ENTRIES, *ROWS)}

NAMES = sorted(OPERATIONS)

LARGEST = 1e4
"""Values beyond it are drawn again: what they lead to says little of a backend."""


@dataclass(frozen=True)
class Input:
    """An input of every program: its name, its shape with tables in it, and its kind."""

    name: str
    shape: tuple[int | str, ...]
    kind: str

    def aval(self, precision: str) -> Aval:
        shape = tuple(Dim.rows(size) if isinstance(size, str) else size for size in self.shape)
        return Aval(shape, np.dtype({"f": precision, "i": "int64", "b": "bool"}[self.kind]))

    def array(self, rng: np.random.Generator, rows: Mapping[str, int], precision: str) -> Array:
        shape = tuple(rows[size] if isinstance(size, str) else size for size in self.shape)
        if self.kind == "f":
            return np.asarray(rng.uniform(-1.5, 1.5, shape)).astype(precision)
        return np.asarray(
            rng.integers(-3, 4, shape) if self.kind == "i" else rng.random(shape) < 0.5
        )


INPUTS = (
    Input("s", (), "f"),
    Input("w", (3,), "f"),
    Input("A", (3, 3), "f"),
    Input("x", ("data",), "f"),
    Input("X", ("data", 3), "f"),
    Input("y", ("other",), "f"),
    Input("g", ("data",), "i"),
    Input("K", ("data", 3), "i"),
    Input("h", ("other",), "i"),
    Input("c", (3,), "i"),
    Input("b", ("data",), "b"),
    Input("t", (), "i"),
)
FLOATS = [number for number, one in enumerate(INPUTS) if one.kind == "f"]


def arguments(rows: Mapping[str, int], precision: str, seed: int) -> list[Array]:
    """An array for each input."""
    rng = np.random.default_rng(seed)
    return [one.array(rng, rows, precision) for one in INPUTS]


@dataclass(frozen=True)
class Step:
    """An operation, and the numbers of its operands: inputs first, then earlier steps."""

    name: str
    operands: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Steps in order; what no step uses goes into the loss.

    ``wrt`` are the inputs that the gradient is by.
    """

    steps: tuple[Step, ...]
    precision: str
    wrt: tuple[int, ...]
    seed: int = 0

    def values(self, *inputs: Any) -> list[Any]:
        """All values: the inputs, and what each step makes."""
        values = list(inputs)
        for number, step in enumerate(self.steps):
            operands = [values[operand] for operand in step.operands]
            tracers = [operand for operand in operands if isinstance(operand, Tracer)]
            if not tracers:
                values.append(OPERATIONS[step.name].apply(*operands))
                continue
            with tracers[0].trace.at(Place("step", number + 1)):
                values.append(OPERATIONS[step.name].apply(*operands))
        return values

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """The values that steps make and no step uses."""
        used = {operand for step in self.steps for operand in step.operands}
        return tuple(n for n in range(len(INPUTS), len(INPUTS) + len(self.steps)) if n not in used)

    def loss(self, *inputs: Any) -> Any:
        """A scalar that depends on all steps."""
        return self._outputs(*inputs)[0]

    def _outputs(self, *inputs: Any) -> list[Any]:
        values = self.values(*inputs)
        ends = [values[number] for number in self.ends]
        total = 0.0 * values[0]
        for value in ends:
            total = total + (np.mean(value) if np.ndim(value) else 1.0 * value)
        return [total, *ends]

    @cached_property
    def traced(self) -> Graph:
        """The loss and the ends."""
        traced = trace(
            self._outputs,
            *(one.aval(self.precision) for one in INPUTS),
            precision=np.dtype(self.precision),
            names=[one.name for one in INPUTS],
        )
        assert not traced.captured
        return traced.graph

    @cached_property
    def graph(self) -> Graph:
        """The loss, the ends, and the gradient of the loss."""
        return value_and_gradient_graph(self.traced, self.wrt)

    @property
    def outputs(self) -> list[str]:
        """What the outputs of ``graph`` are called."""
        ends = [self.names[number] for number in self.ends]
        return ["the loss", *ends, *(f"d loss / d {self.names[number]}" for number in self.wrt)]

    @cached_property
    def names(self) -> list[str]:
        """The names of all values: the inputs' own, v1 and so on for what steps make."""
        return [one.name for one in INPUTS] + [f"v{n + 1}" for n in range(len(self.steps))]

    def __str__(self) -> str:
        names = self.names
        lines = [f"program {self.seed}, {self.precision}"]
        for name, step in zip(names[len(INPUTS) :], self.steps, strict=True):
            lines.append(f"  {name} = {step.name}({', '.join(names[n] for n in step.operands)})")
        lines.append(f"  gradient by {', '.join(names[n] for n in self.wrt)}")
        return "\n".join(lines)


def program(seed: int, longest: int = 9) -> Program:
    """The program of a seed; the same on every machine."""
    draw = random.Random(seed)
    precision = draw.choice(["float64", "float64", "float32"])
    values: list[Any] = list(arguments(SIZES, precision, seed))
    wrt = (0, 1, 2, draw.choice([3, 4])) if draw.random() < 0.3 else (0, 1, 2)
    steps: list[Step] = []
    length = draw.randint(2, longest)
    while len(steps) < length:
        operation = OPERATIONS[draw.choice(NAMES)]
        operands = _operands(draw, operation, values)
        if operands is None:
            continue
        with np.errstate(all="ignore"):
            try:
                made = np.asarray(operation.apply(*(values[number] for number in operands)))
            except (OptserveError, ValueError, IndexError):
                continue
        largest = np.max(np.abs(made.astype(np.float64)), initial=0.0)
        if not largest < LARGEST or made.ndim > 2 or 0 in made.shape:
            continue
        steps.append(Step(operation.name, operands))
        values.append(made)
    return Program(tuple(steps), precision, wrt, seed)


def _operands(draw: random.Random, operation: Operation, values: Sequence[Array]) -> Any:
    """Numbers of values that fit, later ones more likely, or ``None`` where there are none."""
    chosen: list[int] = []
    for fits in operation.takes:
        before = [values[number] for number in chosen]
        fitting = [number for number, value in enumerate(values) if fits(value, *before)]
        if not fitting:
            return None
        weights = [1 + 2 * (number >= len(INPUTS)) + number / 4 for number in fitting]
        chosen.append(draw.choices(fitting, weights)[0])
    return tuple(chosen)
