"""The keys of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from optserve.config.nodes import Mapping, Node
from optserve.config.schema.decode import decode_section, wrong_kind
from optserve.config.schema.define import Definitions
from optserve.config.schema.expression import Expression, Named
from optserve.config.schema.loss import LeastSquares
from optserve.config.schema.parameter import Parameter
from optserve.config.schema.section import AtLeast, NameOf, Section
from optserve.config.schema.table import Tables
from optserve.errors import ConfigError

__all__ = [
    "Config",
    "Expect",
    "Method",
    "Minibatch",
    "ObjectiveKind",
    "Plateau",
    "Plugins",
    "Starts",
    "Stop",
    "decode_config",
]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

EMPTY: MappingOf[str, Any] = MappingProxyType({})

ObjectiveKind = Literal["loss", "least_squares", "log_likelihood"]

Tolerance = Annotated[float, AtLeast(0)]


class Plugins(Section):
    """Which plugins the config needs."""

    require: Annotated[tuple[str, ...], "Distributions, as optserve-robust>=0.1."] = ()
    prefer: Annotated[MappingOf[str, str], "For a name that several claim, the one meant."] = EMPTY


class Minibatch(Section):
    """Steps that see some of the rows; an epoch sees each once."""

    rows: Annotated[int, AtLeast(1), "Rows that a step sees."]
    shuffle: Annotated[bool, "Whether each epoch has an order of its own."] = True
    last: Annotated[
        Literal["keep", "drop"], "What becomes of fewer rows at the end of an epoch."
    ] = "keep"


class Plateau(Section):
    """Stop when a number of the result gets no better."""

    metric: Annotated[str, "Its path: loss, or metrics.SPLIT.NAME."]
    mode: Annotated[Literal["min", "max"], "Which way is better."] = "min"
    patience: Annotated[int, AtLeast(1), "Epochs to wait for something better."] = 10


class Stop(Section):
    """When to stop; 0 disables a tolerance."""

    later: ClassVar[tuple[str, ...]] = ("constraint",)

    gradient: Annotated[Tolerance | None, "The scale-free gradient is at most this."] = None
    loss: Annotated[Tolerance | None, "A step changes the loss by less than this of it."] = None
    step: Annotated[Tolerance | None, "A step is shorter than this of the parameters."] = None
    steps: Annotated[Annotated[int, AtLeast(0)] | None, "At most so many steps."] = None
    epochs: Annotated[Annotated[int, AtLeast(1)] | None, "At most so many times over the rows."] = (
        None
    )
    seconds: Annotated[Tolerance | None, "At most so long."] = None
    plateau: Annotated[Plateau | None, "A number of the result gets no better."] = None


class Starts(Section):
    """Further points to start from."""

    later: ClassVar[tuple[str, ...]] = ("n", "sample", "seed")

    points: Annotated[
        tuple[MappingOf[str, Node], ...], "Values by parameter; the others start at their init."
    ] = ()


class Expect(Section):
    """What must hold of one number of the result."""

    min: Annotated[float | None, "At least this."] = None
    max: Annotated[float | None, "At most this."] = None
    near: Annotated[Node | None, "This, within rel and abs: a number or a nested list."] = None
    rel: Annotated[Tolerance | None, "Relative tolerance of near."] = None
    abs: Annotated[Tolerance | None, "Absolute tolerance of near."] = None
    one_of: Annotated[tuple[str | float, ...] | None, "One of these."] = None


class Method(NamedTuple):
    """``optimizer``: modifiers in order, then one method."""

    named: tuple[Named, ...]

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "a method, or a mapping of modifiers and one method to their options"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Texts and mappings."""
        return Named.accepts(node)

    @classmethod
    def from_node(cls, node: Node) -> Method:
        """The names in order."""
        named = Named.several(node)
        if not named:
            raise wrong_kind(node, cls.describe(), got="an empty mapping")
        return cls(named)


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

    version: Annotated[Literal[1], "The version of the config language."]
    name: Annotated[str | None, "Names the run folder; default: the file's stem."] = None
    extends: Annotated[str | None, "A config that this one is merged onto."] = None
    plugins: Plugins = Plugins()
    seed: Annotated[int, AtLeast(0), "Draws initial values and the order of batches."] = 0
    precision: Annotated[Literal["float64", "float32"], "Of all numbers that vary."] = "float64"
    backend: Annotated[str, NameOf("backends", ("auto",)), "What computes."] = "auto"
    data: Annotated[Tables | None, "The data: one table, or several by name."] = None
    minibatch: Annotated[Minibatch | None, "A step sees some of the rows; by default all."] = None
    parameters: Annotated[MappingOf[str, Parameter], "What is varied, by name; dots make a tree."]
    define: Annotated[Definitions, "Values and functions, in order."] = Definitions()
    least_squares: Annotated[LeastSquares | None, "A sum of squares to minimize."] = None
    loss: Annotated[Expression | None, "A scalar to minimize."] = None
    log_likelihood: Annotated[Expression | None, "An array; its sum is maximized."] = None
    optimizer: Annotated[Method | None, "The method; auto, or none: evaluate once."] = None
    stop: Annotated[Stop, "When to stop."] = Stop()
    starts: Annotated[Starts, "Further starting points."] = Starts()
    metrics: Annotated[MappingOf[str, Expression], "Scalars to compute of every split."] = EMPTY
    expect: Annotated[MappingOf[str, Expect], "What must hold of the result, by path."] = EMPTY

    @property
    def objective(self) -> tuple[ObjectiveKind, Any]:
        """The one kind of loss that is given, and what it holds."""
        kinds: tuple[ObjectiveKind, ...] = get_args(ObjectiveKind)
        kind = next(kind for kind in kinds if getattr(self, kind) is not None)
        return kind, getattr(self, kind)


def decode_config(tree: Mapping) -> Config:
    """The config in ``tree``; raises ``ConfigError`` where something is not of the schema."""
    config = decode_section(tree, Config)
    given = [kind for kind in get_args(ObjectiveKind) if getattr(config, kind) is not None]
    if len(given) != 1:
        raise ConfigError(
            f"there are {len(given)} losses: {', '.join(given)}" if given else "there is no loss",
            place=tree.entries[given[1]].key.place if given else tree.place,
            expected="exactly one of loss, least_squares, log_likelihood",
        )
    if config.name is not None and not _NAME.fullmatch(config.name):
        raise wrong_kind(
            tree.entries["name"].value,
            "letters, digits, `_`, `-` and `.`, at most 100: it names a folder",
        )
    if not config.parameters:
        raise wrong_kind(tree.entries["parameters"].value, "at least one parameter")
    return config
