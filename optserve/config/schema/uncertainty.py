"""``uncertainty``: which errors of the estimates are wanted, and by which methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from annotated_types import Ge, Le
from pydantic import ConfigDict, Field, Strict, Tag, model_validator

from optserve.config.nodes import MappingEntry, MappingNode
from optserve.config.schema.section import (
    ByKind,
    ExpressionWritten,
    Listed,
    Section,
    Words,
    broken_rule,
)

__all__ = [
    "Bootstrap",
    "MethodWritten",
    "Simulate",
    "SimulatedLimits",
    "Uncertainty",
    "UncertaintyWritten",
]


class Bootstrap(Section):
    """Refits of samples of the rows, drawn with replacement."""

    n: Annotated[int, Ge(2)] = Field(default=1000, description="How many samples.")
    seed: int = Field(default=0, ge=0, description="Draws them; more samples keep those before.")
    by: str | None = Field(
        default=None, description="A column: rows that share its value are drawn together."
    )


class MethodWritten(Section):
    """A method with what it needs: one of the two."""

    cluster: str | None = Field(
        default=None, description="A sandwich; rows that share a value of this column are one."
    )
    bootstrap: Bootstrap | None = Field(default=None, description="Refits of samples of the rows.")

    @model_validator(mode="after")
    def is_one(self) -> Self:
        """Hold that it is one method."""
        if (self.cluster is None) == (self.bootstrap is None):
            raise broken_rule(
                "a method is one of `cluster` and `bootstrap`",
                "bootstrap" if self.cluster is not None else "",
                "{cluster: COLUMN} or {bootstrap: {n: 1000}}",
                "several methods are a list: [{cluster: COLUMN}, {bootstrap: {n: 1000}}]",
            )
        return self


ErrorMethodName = Literal[
    "auto", "hessian", "gauss_newton", "score", "sandwich", "bootstrap", "jackknife", "none"
]
_ONE = "a method (auto, hessian, gauss_newton, score, sandwich, {cluster: COLUMN}, "
_ONE += "{bootstrap: {n: 1000}}, jackknife, none)"

One = Annotated[
    Annotated[ErrorMethodName, Tag("text")] | Annotated[MethodWritten, Tag("mapping")],
    ByKind,
    Words(_ONE),
]
Several = Annotated[tuple[One, ...], Strict(False), Tag("list")]
Methods = Annotated[
    Annotated[ErrorMethodName, Tag("text")] | Annotated[MethodWritten, Tag("mapping")] | Several,
    ByKind,
    Words(f"{_ONE}, or a list of these"),
]


Pair = Annotated[
    tuple[str, str], Strict(False), Words("two entries that vary, [b1, b2] or [w[0], w[1]]")
]


class Uncertainty(Section):
    """The errors of the estimates: by which methods, at which level."""

    sugar: ClassVar[str] = "method"

    method: Methods = Field(
        default="auto", description="How; of several, the first makes the errors of the result."
    )
    level: Annotated[float, Ge(0.5), Le(0.9999)] = Field(
        default=0.95, description="The probability of the intervals."
    )
    profile: Listed[str] = Field(
        default=(), description="Parameters that have intervals by profiles of the loss too."
    )
    contours: Listed[Pair] = Field(
        default=(), description="Pairs of entries that have joint regions by profiles of the loss."
    )


UncertaintyWritten = Annotated[
    Annotated[ErrorMethodName, Tag("text")] | Several | Annotated[Uncertainty, Tag("mapping")],
    ByKind,
    Words("a method, a list of methods, or {method: ..., level: 0.95, profile: [NAME], ...}"),
]
"""What is wanted, or the methods alone."""


class SimulatedLimits(Section):
    """What must hold of one number of a simulation."""

    min: float | None = Field(default=None, description="At least this.")
    max: float | None = Field(default=None, description="At most this.")


class Simulate(Section):
    """What `optserve simulate` does: data drawn from the fitted model, each set fitted again. Any
    other key is the name of a column, and its value the expression, of random terms too, that it
    is drawn by; or of a value for those after it.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ExpressionWritten] = Field(init=False)

    n: Annotated[int, Ge(2)] = Field(default=200, description="How many data sets.")
    seed: int = Field(default=0, ge=0, description="Draws them; more sets keep those before.")
    density: str | None = Field(
        default=None,
        description="What is drawn instead: a density of a column, as of `log_likelihood`.",
    )
    expect: dict[str, SimulatedLimits] = Field(
        default_factory=dict,
        description="What must hold, by path: coverage.NAME, bias.NAME, failures, ...",
    )

    @property
    def drawn(self) -> Mapping[str, MappingEntry]:
        """What is drawn by an expression, as it is written, in order."""
        if not isinstance(self._node, MappingNode):
            return {}
        own = type(self).model_fields
        return {key: entry for key, entry in self._node.entries.items() if key not in own}

    @model_validator(mode="after")
    def draws_one_way(self) -> Self:
        """Hold that data are drawn from a density, or by expressions."""
        if self.density is not None and self.__pydantic_extra__:
            raise broken_rule(
                "data are drawn from `density`, and by expressions too",
                next(iter(self.__pydantic_extra__)),
                "one of the two",
                at_key=True,
            )
        return self
