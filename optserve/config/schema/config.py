"""The keys of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from annotated_types import Ge, Gt
from pydantic import BeforeValidator, Field, Tag, model_validator

from optserve.config.schema.define import Definition
from optserve.config.schema.loss import Comparison, LeastSquaresWritten, Weights
from optserve.config.schema.output import OutputWritten as Output
from optserve.config.schema.parameter import Parameter, ParameterWritten
from optserve.config.schema.section import (
    ByKind,
    ExpressionWritten,
    Listed,
    Nested,
    Section,
    Tolerance,
    Words,
    broken_rule,
    installed,
)
from optserve.config.schema.sweep import Sweep
from optserve.config.schema.table import DataWritten, Table
from optserve.config.schema.uncertainty import Simulate
from optserve.config.schema.uncertainty import UncertaintyWritten as Uncertainty
from optserve.jobs.problem import ObjectiveKind

__all__ = [
    "Abort",
    "AbortLoss",
    "Baseline",
    "Config",
    "Expect",
    "Minibatch",
    "Plateau",
    "Plugins",
    "Starts",
    "Stop",
]

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"


class Plugins(Section):
    """Which plugins the config needs."""

    require: Listed[str] = Field(default=(), description="Distributions, as optserve-robust>=0.1.")
    prefer: dict[str, str] = Field(
        default_factory=dict, description="For a name that several claim, the one meant."
    )


class Minibatch(Section):
    """Steps that see some of the rows; an epoch sees each once."""

    rows: int = Field(ge=1, description="Rows that a step sees.")
    shuffle: bool = Field(default=True, description="Whether each epoch has an order of its own.")
    last: Literal["keep", "drop"] = Field(
        default="keep", description="What becomes of fewer rows at the end of an epoch."
    )


class Plateau(Section):
    """Stop when a number of the result gets no better."""

    metric: str = Field(description="Its path: loss, or metrics.SPLIT.NAME.")
    mode: Literal["min", "max"] = Field(default="min", description="Which way is better.")
    patience: int = Field(default=10, ge=1, description="Epochs to wait for something better.")


class Stop(Section):
    """When to stop; 0 disables a tolerance."""

    later: ClassVar[Mapping[str, str]] = {"constraint": ""}

    gradient: Tolerance | None = Field(
        default=None, description="The scale-free gradient is at most this."
    )
    loss: Tolerance | None = Field(
        default=None, description="A step changes the loss by less than this of it."
    )
    step: Tolerance | None = Field(
        default=None, description="A step is shorter than this of the parameters."
    )
    steps: Annotated[int, Ge(0)] | None = Field(default=None, description="At most so many steps.")
    epochs: Annotated[int, Ge(1)] | None = Field(
        default=None, description="At most so many times over the rows."
    )
    seconds: Tolerance | None = Field(default=None, description="At most so long.")
    plateau: Plateau | None = Field(
        default=None, description="A number of the result gets no better."
    )


class AbortLoss(Section):
    """The lowest loss of a descent is still above a limit."""

    above: float = Field(description="The limit, of the loss that is minimized.")
    after_steps: int = Field(default=0, ge=0, description="Steps after which it is looked at.")


class Abort(Section):
    """When to give a job up as hopeless, with exit code 4."""

    loss: AbortLoss = Field(description="The loss is still too high.")


class Baseline(Section):
    """What a job found when it was right, which what it finds now is compared with."""

    file: str = Field(description="The file that `optserve baseline update` writes.")
    compare: Listed[str] = Field(
        default=("loss", "parameters"), min_length=1, description="Paths of the result."
    )
    rel: Tolerance | None = Field(default=None, description="Relative tolerance, on the same data.")
    abs: Tolerance | None = Field(default=None, description="Absolute tolerance, on the same data.")
    within_se: Annotated[float, Gt(0)] | None = Field(
        default=None,
        description="Of parameters, so many joint standard errors: where the data have changed, "
        "or there is neither rel nor abs.",
    )

    @model_validator(mode="after")
    def has_a_tolerance(self) -> Self:
        """Hold that there is a tolerance for all that is compared."""
        if self.rel is None and self.abs is None:
            others = [one for one in self.compare if not one.startswith("parameters")]
            if self.within_se is None or others:
                what = "the baseline" if self.within_se is None else f"{others[0]} of the baseline"
                raise broken_rule(
                    f"{what} has no tolerance",
                    "compare",
                    "rel or abs; within_se is for parameters, which have standard errors",
                )
        return self


class Starts(Section):
    """Further points to start from."""

    later: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("n", "sample", "seed"), "the starts under `points`"
    )

    points: Listed[dict[str, Any]] = Field(
        default=(), description="Values by parameter; the others start at their init."
    )


class Expect(Section):
    """What must hold of one number of the result."""

    min: float | None = Field(default=None, description="At least this.")
    max: float | None = Field(default=None, description="At most this.")
    near: Annotated[Nested, ByKind] | None = Field(
        default=None, description="This, within rel and abs: a number or a nested list."
    )
    rel: Tolerance | None = Field(default=None, description="Relative tolerance of near.")
    abs: Tolerance | None = Field(default=None, description="Absolute tolerance of near.")
    one_of: (
        Listed[Annotated[Annotated[str, Tag("text")] | Annotated[float, Tag("number")], ByKind]]
        | None
    ) = Field(default=None, description="One of these.")


def _whole(value: Any) -> Any:
    """``value``, where it is not a truth value, which Python takes for 0 or 1."""
    return value if type(value) is int else None


class Config(Section):
    """A problem to optimize."""

    later: ClassVar[Mapping[str, str]] = {
        "subject_to": "bounds, or a transform that keeps to it: simplex, ordered, interval, ...",
        "by": "a parameter with an entry for each level, as in `k[integer(group)]`",
        "shared": "",
        "checkpoint": "",
        "distribute": "",
    }

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(
        description="The version of the config language."
    )
    name: (
        Annotated[
            str,
            Field(pattern=f"^{_NAME}$"),
            Words("letters, digits, `_`, `-` and `.`, at most 100: it names a folder"),
        ]
        | None
    ) = Field(default=None, description="Names the run folder; default: the file's stem.")
    extends: str | None = Field(default=None, description="A config that this one is merged onto.")
    plugins: Plugins = Field(
        default_factory=Plugins.model_construct, description="The plugins that are needed."
    )
    seed: int = Field(default=0, ge=0, description="Draws initial values and the order of batches.")
    precision: Literal["float64", "float32"] = Field(
        default="float64", description="Of all numbers that vary."
    )
    backend: Annotated[str, installed("backends", "name", "auto")] = Field(
        default="auto", description="What computes."
    )
    data: DataWritten | None = Field(
        default=None, description="The data: one table, or several by name."
    )
    minibatch: Minibatch | None = Field(
        default=None, description="A step sees some of the rows; by default all."
    )
    parameters: dict[str, ParameterWritten] = Field(
        description="What is varied, by name; dots make a tree."
    )
    define: Annotated[
        dict[str, Definition], Words("a mapping of names, or f(a, b), to expressions")
    ] = Field(default_factory=dict, description="Values and functions, in order.")
    least_squares: LeastSquaresWritten | None = Field(
        default=None, description="A sum of squares to minimize."
    )
    loss: ExpressionWritten | None = Field(default=None, description="A scalar to minimize.")
    log_likelihood: ExpressionWritten | None = Field(
        default=None, description="An array; its sum is maximized."
    )
    weights: Annotated[Weights, Words("{precision: w}, {counts: w} or {sampling: w}")] | None = (
        Field(default=None, description="How much each row counts.")
    )
    optimizer: (
        Annotated[
            Annotated[str, Tag("text"), installed("optimizers", "name", "auto", "none")]
            | Annotated[
                dict[str, Any],
                Field(min_length=1),
                Tag("mapping"),
                installed("optimizers", "several"),
            ],
            ByKind,
            Words("a method, or a mapping of modifiers and one method to their options"),
        ]
        | None
    ) = Field(default=None, description="The method; auto, or none: evaluate once.")
    stop: Stop = Field(default_factory=Stop.model_construct, description="When to stop.")
    starts: Starts = Field(
        default_factory=Starts.model_construct, description="Further starting points."
    )
    metrics: dict[str, ExpressionWritten] = Field(
        default_factory=dict, description="Scalars to compute of every split."
    )
    uncertainty: Uncertainty | None = Field(
        default=None, description="Which errors of the estimates; by default auto."
    )
    simulate: Simulate | None = Field(
        default=None, description="What `optserve simulate` draws, and expects."
    )
    outputs: dict[str, Output] = Field(
        default_factory=dict, description="What is computed of the estimates, with its errors."
    )
    expect: dict[str, Expect] = Field(
        default_factory=dict, description="What must hold of the result, by path."
    )
    abort: Abort | None = Field(default=None, description="When to give the job up.")
    baseline: Baseline | None = Field(default=None, description="What the result is compared with.")
    sweep: Sweep | None = Field(
        default=None, description="Several jobs of this config: `optserve batch` runs them."
    )
    xfail: Annotated[str, Field(min_length=1), Words("a text: why")] | None = Field(
        default=None, description="In a batch this must fail, and why: with code 3, 4 or 5."
    )

    @property
    def objective(self) -> ObjectiveKind:
        """The one kind of loss that is given."""
        kinds: tuple[ObjectiveKind, ...] = get_args(ObjectiveKind)
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables by name; ``data`` where there is one, whose columns have bare names."""
        if self.data is None:
            return {}
        return {"data": self.data} if isinstance(self.data, Table) else self.data

    def prefix_of(self, table: str) -> str:
        """What stands before the names of a table's columns: nothing where it is the only one."""
        return "" if self.data is None or isinstance(self.data, Table) else f"{table}."

    @property
    def parameters_in_full(self) -> Mapping[str, Parameter]:
        """The parameters, those of which only the start is written too."""
        entries = self.entries_of("parameters")
        return {
            name: Parameter.in_full(written, entries[name].value)
            for name, written in self.parameters.items()
        }

    @model_validator(mode="after")
    def has_one_loss(self) -> Self:
        """Hold that there is one loss, and something to vary."""
        kinds = get_args(ObjectiveKind)
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise broken_rule(
                f"there are {len(given)} losses: {', '.join(given)}"
                if given
                else "there is no loss",
                given[1] if given else "",
                "exactly one of loss, least_squares, log_likelihood",
                at_key=True,
            )
        if not self.parameters:
            raise broken_rule("there are no parameters", "parameters", "at least one parameter")
        return self

    @model_validator(mode="after")
    def has_rows_to_weight(self) -> Self:
        """Hold that ``weights`` go with the loss."""
        if self.weights is None:
            return self
        kind, squares = self.weights.kind, self.least_squares
        if self.loss is not None:
            raise broken_rule(
                "a loss is one number, and has no rows to weight",
                "weights",
                "least_squares or log_likelihood",
                "write the weights into the loss: `loss: sum(w * ...)`",
                at_key=True,
            )
        if isinstance(squares, Mapping) and len(squares) > 1:
            raise broken_rule(
                f"there are {len(squares)} residuals, and weights are of the rows of one",
                "weights",
                "one residual",
                "multiply the residuals by sqrt(w)",
                at_key=True,
            )
        if kind == "precision" and self.log_likelihood is not None:
            raise broken_rule(
                "a log likelihood knows the precision of each row",
                "weights",
                "counts or sampling",
                "write it into the likelihood: `normal_logpdf(y, mu, sigma / sqrt(w))`",
                at_key=True,
            )
        if kind == "precision" and isinstance(squares, Comparison) and squares.sigma is not None:
            raise broken_rule(
                "`sigma` says how precise each row is, and so would these weights",
                "weights",
                "sigma, where it is known, or weights, where it is known but for a factor",
                at_key=True,
            )
        return self
