"""The keys of ``data``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from annotated_types import Gt
from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from optserve.config.nodes import MappingNode, ScalarNode, SequenceNode
from optserve.config.schema.section import (
    ByKind,
    ExpressionWritten,
    Listed,
    Number,
    Section,
    Words,
    broken_rule,
)
from optserve.tables.cells import conversions, fits

__all__ = ["Column", "DataWritten", "Split", "Table"]

LARGEST_SEED = 2**128
"""The key of the generator that draws splits has so many values."""

ColumnName = Annotated[Annotated[str, Tag("text")] | Annotated[int, Tag("number")], ByKind]
Fraction = Annotated[float, Gt(0)]
LevelWritten = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[int | float, Tag("number")]
    | Annotated[bool, Tag("truth value")],
    ByKind,
]
Origin = Annotated[Annotated[str, Tag("text")] | Number, ByKind]


class Column(Section):
    """One column, or several as a matrix."""

    sugar: ClassVar[str] = "take"

    take: Annotated[
        Annotated[str, Tag("text")]
        | Annotated[int, Tag("number")]
        | Annotated[Listed[ColumnName], Tag("list")],
        ByKind,
    ] = Field(description="A name, a position, a glob (p*), a range (0:64), or a list: a matrix.")
    as_: Literal["float", "integer", "bool", "category", "time"] = Field(
        default="float",
        alias="as",
        description="What its values are: of a category codes, of a time what is since `origin`.",
    )
    levels: Listed[LevelWritten] | None = Field(
        default=None,
        description="The values of a category in the order of their codes; by default sorted.",
    )
    origin: Origin | None = Field(
        default=None, description="Where it counts from: a number, or of a time a date or time."
    )
    unit: Literal["days", "seconds"] = Field(default="days", description="What a time counts.")
    standardize: bool = Field(
        default=False, description="Subtract the mean, divide by the standard deviation."
    )
    divide: float = Field(default=1.0, gt=0, description="Divide by this number.")

    @property
    def spelled(self) -> tuple[str, ...]:
        """The levels as they are written."""
        if self.levels is None:
            return ()
        written = self.node_of("levels") if self._node is not None else None
        if isinstance(written, SequenceNode):
            return tuple(one.text for one in written if isinstance(one, ScalarNode))
        return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in self.levels)

    @model_validator(mode="after")
    def says_what_fits(self) -> Self:
        """Hold that what is said of levels, units and origins fits what the values are."""
        of_time = self.as_ == "time"
        if self.levels is not None and self.as_ != "category":
            raise broken_rule(
                f"a column read as {self.as_} has no levels", "levels", remedy="add `as: category`"
            )
        if self.levels == ():
            raise broken_rule("this lists no level", "levels", "the values of the category")
        if self.levels is not None and len(set(self.spelled)) < len(self.levels):
            raise broken_rule("a level is listed twice", "levels", "each value once")
        if "unit" in self.model_fields_set and not of_time:
            raise broken_rule(
                f"a column read as {self.as_} has no unit", "unit", remedy="add `as: time`"
            )
        moment = conversions()["time"]
        if of_time and not (isinstance(self.origin, str) and fits(self.origin, moment)):
            raise broken_rule(
                "a time counts from an origin" if self.origin is None else "this is no moment",
                "as" if self.origin is None else "origin",
                "a date or a time, such as `origin: 2024-01-01`",
            )
        if self.origin is not None and not of_time:
            _check_number(self.as_, self.origin)
        return self


def _check_number(as_: str, origin: str | float) -> None:
    """Hold that ``origin`` can be subtracted from a column read as ``as_``."""
    if as_ in ("bool", "category"):
        raise broken_rule(
            f"a column read as {as_} has no origin", "origin", remedy="read it as float, or time"
        )
    if isinstance(origin, str):
        raise broken_rule(
            "this origin is a text", "origin", "a number", "a date goes with `as: time`"
        )
    if as_ == "integer" and not float(origin).is_integer():
        raise broken_rule("this origin is a fraction", "origin", "a whole number")


WrittenColumn = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[int, Tag("number")]
    | Annotated[Listed[ColumnName], Tag("list")]
    | Annotated[Column, Tag("mapping")],
    ByKind,
]
"""A column, or only what it takes."""


class Split(Section):
    """Which rows are held out: by fractions of them, or by a column that says it of each row."""

    validation: Fraction | None = Field(
        default=None, description="The fraction of the rows for validation."
    )
    test: Fraction | None = Field(default=None, description="The fraction of the rows for test.")
    seed: int = Field(
        default=0, ge=0, description="Draws the rows; the seed of the config does not."
    )
    stratify: ColumnName | None = Field(
        default=None, description="A column each of whose values has its share of every split."
    )
    column: ColumnName | None = Field(
        default=None, description="A column of `train`, `validation` and `test`."
    )

    @property
    def labels(self) -> bool:
        """Whether a column is looked at."""
        return self.column is not None or self.stratify is not None

    @property
    def fractions(self) -> Mapping[str, float]:
        """The fractions of what is held out, by the name of the split."""
        given = {"validation": self.validation, "test": self.test}
        return {name: fraction for name, fraction in given.items() if fraction is not None}

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Hold that it says one thing, and that something is left to train on."""
        others = sorted(self.model_fields_set - {"column"})
        if self.column is not None and others:
            raise broken_rule(
                f"`column` says which rows are held out, and so does `{others[0]}`",
                others[0],
                "{column: NAME} alone, or fractions",
                at_key=True,
            )
        if self.seed >= LARGEST_SEED:
            raise broken_rule(
                "this seed has more than 128 bits", "seed", "a whole number below 2**128"
            )
        if self.column is None and not self.fractions:
            raise broken_rule(
                "this split holds nothing out",
                expected="{validation: 0.2, test: 0.1}, one of them, or {column: NAME}",
            )
        if sum(self.fractions.values()) >= 1:
            raise broken_rule(
                "these fractions leave no rows to train on",
                list(self.fractions)[-1],
                "fractions that come to less than 1",
            )
        return self


class Table(Section):
    """A table of data, read from a file or written inline; the reader's options are keys too."""

    model_config = ConfigDict(extra="allow")

    read: str | None = Field(
        default=None, description="The file, or files by a glob, relative to this config."
    )
    inline: dict[str, list[Any]] | None = Field(
        default=None, description="Columns written here, as lists."
    )
    sha256: str | None = Field(default=None, description="The digest that the file must have.")
    in_memory: Annotated[
        Annotated[bool, Tag("truth value")] | Annotated[Literal["auto"], Tag("text")], ByKind
    ] = Field(
        default="auto",
        description="false: read block by block; auto: where what is used would not fit.",
    )
    rows: bool = Field(
        default=True, description="false: constants, which are never split or batched."
    )
    where: ExpressionWritten | None = Field(
        default=None, description="Only the rows for which this holds."
    )
    missing: Literal["error", "drop"] = Field(
        default="error", description="drop: leave out rows that lack a value that is used."
    )
    columns: dict[str, WrittenColumn] | None = Field(
        default=None, description="Names and kinds of columns; others keep their own name."
    )
    derive: dict[str, ExpressionWritten] = Field(
        default_factory=dict,
        description="Further columns, in order; sums and means are of the training rows.",
    )
    split: Split | None = Field(default=None, description="Which rows are held out of training.")

    @property
    def options(self) -> MappingNode:
        """The keys that are for the reader."""
        assert isinstance(self._node, MappingNode)
        known = self.keys()
        own = {key: entry for key, entry in self._node.entries.items() if key not in known}
        return replace(self._node, entries=own)

    @property
    def selecting(self) -> str:
        """The first key that says which rows are used, or computes from them; or nothing."""
        says = {
            "where": self.where is not None,
            "missing": self.missing == "drop",
            "derive": bool(self.derive),
            "split": self.split is not None,
        }
        return next((key for key, said in says.items() if said), "")

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Hold that there is one source of data, and rows where something is said of them."""
        if self.read is not None and self.inline is not None:
            raise broken_rule(
                "this is a table with both `read` and `inline`",
                expected="a table with either `read` or `inline`",
            )
        if not self.rows and self.selecting:
            raise broken_rule(
                f"`{self.selecting}` is about rows, and `rows: false` says that there are none",
                self.selecting,
                remedy="leave out one of them",
            )
        return self


def _form(value: Any) -> str | None:
    if isinstance(value, Table):
        return "one"
    if not isinstance(value, Mapping):
        return None
    if {"read", "inline"} & value.keys() or value.keys() <= {*Table.keys()}:
        return "one"
    several = all(isinstance(table, Mapping | Table) for table in value.values())
    return "several" if several else None


DataWritten = Annotated[
    Annotated[Table, Tag("one")] | Annotated[dict[str, Table], Tag("several")],
    Discriminator(_form),
    Words(
        "a table ({read: FILE} or {inline: ...}), or a mapping of tables",
        unlike="a mapping without `read` or `inline`",
    ),
]
"""One table, whose columns have bare names, or several by name."""
