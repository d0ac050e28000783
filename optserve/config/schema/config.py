"""The keys of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from annotated_types import Ge
from pydantic import BeforeValidator, Field, Tag, model_validator

from optserve.config.schema.define import Definition
from optserve.config.schema.loss import LeastSquares
from optserve.config.schema.parameter import Parameter, Written
from optserve.config.schema.section import (
    ByKind,
    Expression,
    Listed,
    Nested,
    Section,
    Tolerance,
    Words,
    broken_rule,
    installed,
)
from optserve.config.schema.table import Data, Table

__all__ = [
    "Config",
    "Expect",
    "Minibatch",
    "ObjectiveKind",
    "Plateau",
    "Plugins",
    "Starts",
    "Stop",
]

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"

ObjectiveKind = Literal["loss", "least_squares", "log_likelihood"]


class Plugins(Section):
    """Which plugins the config needs."""

    require: Annotated[
        Listed[str], Field(description="Distributions, as optserve-robust>=0.1.")
    ] = ()
    prefer: Annotated[
        dict[str, str],
        Field(description="For a name that several claim, the one meant."),
    ] = Field(default_factory=dict)


class Minibatch(Section):
    """Steps that see some of the rows; an epoch sees each once."""

    rows: Annotated[int, Ge(1), Field(description="Rows that a step sees.")]
    shuffle: Annotated[bool, Field(description="Whether each epoch has an order of its own.")] = (
        True
    )
    last: Annotated[
        Literal["keep", "drop"],
        Field(description="What becomes of fewer rows at the end of an epoch."),
    ] = "keep"


class Plateau(Section):
    """Stop when a number of the result gets no better."""

    metric: Annotated[str, Field(description="Its path: loss, or metrics.SPLIT.NAME.")]
    mode: Annotated[Literal["min", "max"], Field(description="Which way is better.")] = "min"
    patience: Annotated[int, Ge(1), Field(description="Epochs to wait for something better.")] = 10


class Stop(Section):
    """When to stop; 0 disables a tolerance."""

    later: ClassVar[tuple[str, ...]] = ("constraint",)

    gradient: Annotated[
        Tolerance | None, Field(description="The scale-free gradient is at most this.")
    ] = None
    loss: Annotated[
        Tolerance | None, Field(description="A step changes the loss by less than this of it.")
    ] = None
    step: Annotated[
        Tolerance | None, Field(description="A step is shorter than this of the parameters.")
    ] = None
    steps: Annotated[Annotated[int, Ge(0)] | None, Field(description="At most so many steps.")] = (
        None
    )
    epochs: Annotated[
        Annotated[int, Ge(1)] | None, Field(description="At most so many times over the rows.")
    ] = None
    seconds: Annotated[Tolerance | None, Field(description="At most so long.")] = None
    plateau: Annotated[
        Plateau | None, Field(description="A number of the result gets no better.")
    ] = None


class Starts(Section):
    """Further points to start from."""

    later: ClassVar[tuple[str, ...]] = ("n", "sample", "seed")

    points: Annotated[
        Listed[dict[str, Any]],
        Field(description="Values by parameter; the others start at their init."),
    ] = ()


class Expect(Section):
    """What must hold of one number of the result."""

    min: Annotated[float | None, Field(description="At least this.")] = None
    max: Annotated[float | None, Field(description="At most this.")] = None
    near: Annotated[
        Annotated[Nested, ByKind] | None,
        Field(description="This, within rel and abs: a number or a nested list."),
    ] = None
    rel: Annotated[Tolerance | None, Field(description="Relative tolerance of near.")] = None
    abs: Annotated[Tolerance | None, Field(description="Absolute tolerance of near.")] = None
    one_of: Annotated[
        Listed[Annotated[Annotated[str, Tag("text")] | Annotated[float, Tag("number")], ByKind]]
        | None,
        Field(description="One of these."),
    ] = None


def _whole(value: Any) -> Any:
    """``value``, where it is not a truth value, which Python takes for 0 or 1."""
    return value if type(value) is int else None


class Config(Section):
    """A problem to optimize."""

    later: ClassVar[tuple[str, ...]] = (
        "subject_to",
        "uncertainty",
        "outputs",
        "abort",
        "baseline",
        "checkpoint",
        "sweep",
    )

    version: Annotated[
        Literal[1],
        BeforeValidator(_whole),
        Field(description="The version of the config language."),
    ]
    name: Annotated[
        Annotated[
            str,
            Field(pattern=f"^{_NAME}$"),
            Words("letters, digits, `_`, `-` and `.`, at most 100: it names a folder"),
        ]
        | None,
        Field(description="Names the run folder; default: the file's stem."),
    ] = None
    extends: Annotated[str | None, Field(description="A config that this one is merged onto.")] = (
        None
    )
    plugins: Annotated[
        Plugins,
        Field(description="The plugins that are needed."),
    ] = Field(default_factory=Plugins.model_construct)
    seed: Annotated[
        int, Ge(0), Field(description="Draws initial values and the order of batches.")
    ] = 0
    precision: Annotated[
        Literal["float64", "float32"], Field(description="Of all numbers that vary.")
    ] = "float64"
    backend: Annotated[
        str, installed("backends", "name", "auto"), Field(description="What computes.")
    ] = "auto"
    data: Annotated[Data | None, Field(description="The data: one table, or several by name.")] = (
        None
    )
    minibatch: Annotated[
        Minibatch | None, Field(description="A step sees some of the rows; by default all.")
    ] = None
    parameters: Annotated[
        dict[str, Written], Field(description="What is varied, by name; dots make a tree.")
    ]
    define: Annotated[
        dict[str, Definition],
        Words("a mapping of names, or f(a, b), to expressions"),
        Field(description="Values and functions, in order."),
    ] = Field(default_factory=dict)
    least_squares: Annotated[
        LeastSquares | None, Field(description="A sum of squares to minimize.")
    ] = None
    loss: Annotated[Expression | None, Field(description="A scalar to minimize.")] = None
    log_likelihood: Annotated[
        Expression | None, Field(description="An array; its sum is maximized.")
    ] = None
    optimizer: Annotated[
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
        | None,
        Field(description="The method; auto, or none: evaluate once."),
    ] = None
    stop: Annotated[Stop, Field(description="When to stop.")] = Field(
        default_factory=Stop.model_construct
    )
    starts: Annotated[
        Starts,
        Field(description="Further starting points."),
    ] = Field(default_factory=Starts.model_construct)
    metrics: Annotated[
        dict[str, Expression],
        Field(description="Scalars to compute of every split."),
    ] = Field(default_factory=dict)
    expect: Annotated[
        dict[str, Expect],
        Field(description="What must hold of the result, by path."),
    ] = Field(default_factory=dict)

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
