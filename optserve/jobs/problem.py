"""``Problem``: what a job is given. It knows nothing of YAML, of files or of names of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal

import numpy as np

from optserve.backends.backend import Backend
from optserve.errors import Place
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows
from optserve.graph.primitive import Primitive
from optserve.graph.streamed import any_streamed, is_streamed
from optserve.jobs.parameters import JobParameter
from optserve.memo import Memo
from optserve.optimizers.base import Optimizer

__all__ = [
    "SHARED",
    "AbortRule",
    "BatchPlan",
    "Drawn",
    "DrawnColumn",
    "ErrorKind",
    "ErrorMethod",
    "ErrorsAsked",
    "Expectation",
    "Metrics",
    "Objective",
    "ObjectiveKind",
    "OutputAsked",
    "PlateauRule",
    "Problem",
    "Provided",
    "StoppingRule",
    "WeightKind",
]

SHARED = 64
"""How many graphs and callables the problems of one structure keep."""


ObjectiveKind = Literal["loss", "least_squares", "log_likelihood"]

WeightKind = Literal["precision", "counts", "sampling"]

ErrorKind = Literal[
    "auto",
    "hessian",
    "gauss_newton",
    "score",
    "sandwich",
    "cluster",
    "bootstrap",
    "jackknife",
    "none",
]


@dataclass(frozen=True)
class Objective:
    """The function to minimize.

    The inputs of ``graph`` are the parameters on their natural scale, in order, then the arrays of
    ``data``, in order. Its first output is the scalar loss, penalties and priors included.
    ``least_squares`` adds one output a name of ``residuals`` (any shape; a penalty enters as the
    residual whose square it is), so that the loss is the sum of the squares of them all;
    ``log_likelihood`` adds the array of log likelihoods. ``penalties`` names the penalties,
    ``priors`` those of the parameters, which are residuals too where they are squares; the sum of
    their log densities is the next output. ``squares`` says of a log likelihood that it was written
    as least squares. ``observed`` says that the last output is the observed response, from which R2
    is computed. ``sigma`` says that the residuals are in units of a known standard deviation, which
    is infinite for ``weightless`` of them and which ``deviation`` computes, a graph of
    the same inputs. ``weights`` says what the weights of rows mean that ``weighting`` computes
    likewise, if there are any: residuals are in units of the root of the variance over them, terms
    of a likelihood are multiplied by them. ``counted`` is how many observations there are, where
    weights are counts or it is a log likelihood, whose rows they are. An array of ``data`` may be
    ``Streamed``.
    """

    kind: ObjectiveKind
    graph: Graph
    data: Mapping[str, Any]
    residuals: tuple[str, ...] = ()
    penalties: frozenset[str] = frozenset()
    priors: frozenset[str] = frozenset()
    squares: bool = False
    sigma: bool = False
    deviation: Graph | None = None
    weightless: int = 0
    weights: WeightKind | None = None
    weighting: Graph | None = None
    counted: float | None = None
    observed: bool = False
    place: Place | None = None

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The values of ``data``: arrays, and streamed columns as they are."""
        return tuple(one if is_streamed(one) else np.asarray(one) for one in self.data.values())

    def holds(self, entries: int) -> bool:
        """Whether data that are streamed have at most so many ``entries``."""
        streamed = (one for one in self.data.values() if is_streamed(one))
        return sum(int(prod(one.shape)) for one in streamed) <= entries

    @property
    def output_of_priors(self) -> int:
        """The number of the output that is the sum of the log densities of the priors."""
        return 2 if self.kind == "log_likelihood" else 1 + len(self.residuals)

    @property
    def streamed(self) -> bool:
        """Whether any of the data is streamed."""
        return any_streamed(self.data.values())


@dataclass(frozen=True)
class BatchPlan:
    """A step sees ``rows`` rows; an epoch sees each row once, in a new order where ``shuffle``.

    ``last`` says what becomes of the rows that are left at the end of an epoch: a batch of their
    own, or nothing.
    """

    rows: int
    shuffle: bool = True
    last: Literal["keep", "drop"] = "keep"


@dataclass(frozen=True)
class Metrics:
    """Numbers to compute of every split, beside the loss.

    The inputs of ``graph`` are the parameters on their natural scale, in order, then the arrays of
    one split, in order; its outputs are scalars, one a name. ``data`` maps each split (``train``,
    ``validation``, ``test``) to its arrays by name.
    """

    names: tuple[str, ...]
    graph: Graph
    data: Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class OutputAsked:
    """A quantity or a curve to compute of the estimates, with its errors.

    The inputs of ``graph`` are the parameters on their natural scale, in order, then the arrays of
    ``data``, in order. Its outputs are the value, then an array for each name of ``at``. ``level``
    is the probability of its interval.
    """

    name: str
    graph: Graph
    data: Mapping[str, Array]
    at: tuple[str, ...] = ()
    level: float = 0.95
    place: Place | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        inputs = self.graph.inputs
        rows = bind_rows(inputs[len(inputs) - len(self.data) :], [*self.data.values()])
        return resolve_shape(self.graph.outputs[0].aval.shape, rows)


@dataclass(frozen=True)
class DrawnColumn:
    """A column of the data sets of a simulation, or a value that further ones are made of.

    The inputs of ``graph`` are the parameters on their natural scale, in order, then the arrays
    called ``columns``, which may be drawn before, then those of ``captured``; its output is the
    column. In it stand the random terms.
    """

    name: str
    graph: Graph
    columns: tuple[str, ...]
    captured: tuple[Array, ...]
    place: Place | None = None


@dataclass(frozen=True)
class Drawn:
    """What data sets are drawn from, instead of the model of the fit.

    That is a log ``density``, an objective of the same parameters, or ``columns``, which are made
    in their order; ``data`` are those that they read.
    """

    density: Objective | None = None
    columns: tuple[DrawnColumn, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ErrorMethod:
    """One way to the errors of the estimates.

    ``groups`` are whole numbers, one a row of ``table``, that are
    the same for rows of one cluster, from the column ``column``. A bootstrap draws ``n`` samples by
    ``seed``. See ``docs/uncertainty.md`` for what each kind means.
    """

    kind: ErrorKind = "auto"
    n: int = 0
    seed: int = 0
    column: str = ""
    table: str = ""
    groups: Array | None = field(default=None, compare=False)

    def label_of(self, kind: ObjectiveKind, weights: WeightKind | None = None) -> ErrorKind:
        """Its name among the ``uncertainties`` of a result: ``auto`` becomes what it stands for."""
        if self.kind != "auto":
            return self.kind
        if weights == "sampling":
            return "sandwich"
        return "gauss_newton" if kind == "least_squares" else "hessian"


@dataclass(frozen=True)
class ErrorsAsked:
    """Which errors of the estimates are asked for: the first of ``methods`` are those of the
    result. ``level`` is the probability of an interval; of the parameters of ``profile`` there are
    intervals from profiles of the loss too, and of the pairs of entries of ``contours`` regions."""

    methods: tuple[ErrorMethod, ...] = (ErrorMethod(),)
    level: float = 0.95
    profile: tuple[str, ...] = ()
    contours: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PlateauRule:
    """Stop where ``metric`` (a path into the result) has not improved for ``patience`` epochs."""

    metric: str
    mode: Literal["min", "max"] = "min"
    patience: int = 10
    place: Place | None = None


@dataclass(frozen=True)
class AbortRule:
    """End where, after so many steps, the lowest loss of a descent is still above a limit."""

    above: float
    after_steps: int = 0


@dataclass(frozen=True)
class StoppingRule:
    """When to stop. A tolerance of ``None`` was not asked for; 0 disables one."""

    gradient: float | None = None
    loss: float | None = None
    step: float | None = None
    steps: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    plateau: PlateauRule | None = None
    abort: AbortRule | None = None


@dataclass(frozen=True)
class Expectation:
    """One line of ``expect``: a path into the result, and what must hold of it there.

    ``checks`` holds any of ``min``, ``max``, ``near`` (with ``rel``, ``abs``), ``one_of``.
    """

    path: str
    checks: Mapping[str, Any]
    place: Place | None = None


@dataclass(frozen=True)
class Provided:
    """A primitive of the loss that does not ship with optserve, and who provides it.

    ``module`` is the entry point of the plugin, or its file.
    """

    primitive: Primitive
    distribution: str
    version: str
    module: str = ""


@dataclass(frozen=True)
class Problem:
    """Everything a job needs to run and to report.

    ``starts`` holds further starting points: for each, natural values by parameter name, the other
    parameters starting at their ``init``. ``optimizer`` is ``None`` for "evaluate once".
    ``optimizer_given`` says whether a person chose it. ``backends`` are those by name that were
    contributed. ``held_out`` maps each split that is not trained
    on (``validation``, ``test``) to its arrays, under the names of ``objective.data``. ``drawn`` is
    what a simulation draws from, and ``derived`` tells of columns that are computed, of which they
    are. ``shared`` keeps graphs and callables for problems of the same structure.
    """

    name: str
    parameters: tuple[JobParameter, ...]
    objective: Objective
    optimizer: Optimizer | None
    stop: StoppingRule = StoppingRule()
    minibatch: BatchPlan | None = None
    held_out: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    metrics: Metrics | None = None
    outputs: tuple[OutputAsked, ...] = ()
    errors: ErrorsAsked = ErrorsAsked()
    drawn: Drawn | None = None
    derived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    starts: tuple[Mapping[str, Array], ...] = ()
    expectations: tuple[Expectation, ...] = ()
    third_party: tuple[Provided, ...] = ()
    precision: Literal["float64", "float32"] = "float64"
    seed: int = 0
    backend: str = "auto"
    backends: Mapping[str, Backend] = field(default_factory=dict)
    optimizer_given: bool = True
    rows_used: int | None = None
    rows_read: int | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    shared: Memo = field(default_factory=lambda: Memo(SHARED), compare=False, repr=False)

    def at(self, values: Mapping[str, Any]) -> Problem:
        """This problem, started at ``values`` by name."""
        parameters = tuple(
            replace(one, init=np.asarray(values[one.name], one.init.dtype))
            for one in self.parameters
        )
        return replace(self, parameters=parameters)
