"""The keys of ``data``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, NamedTuple

from optserve.config import nodes
from optserve.config.nodes import Node, Scalar, Sequence
from optserve.config.schema.decode import decode_section, wrong_kind
from optserve.config.schema.expression import Expression
from optserve.config.schema.section import AtLeast, Section
from optserve.errors import ConfigError

__all__ = ["Column", "Split", "Table", "Tables"]

LARGEST_SEED = 2**128
"""The key of the generator that draws splits has so many values."""

ColumnName = str | int
Fraction = Annotated[float, AtLeast(0, above=True)]


class Column(Section):
    """One column, or several as a matrix."""

    sugar: ClassVar[str] = "take"

    take: Annotated[
        str | int | tuple[str | int, ...],
        "A name, a position, a glob such as p*, a range such as 0:64, or a list: a matrix.",
    ]
    as_: Annotated[
        Literal["float", "integer", "bool", "category"],
        "What its values are; the codes of a category are its sorted values, from 0.",
    ] = "float"
    standardize: Annotated[bool, "Subtract the mean, divide by the standard deviation."] = False
    divide: Annotated[float, AtLeast(0, above=True), "Divide by this number."] = 1.0


class Split(Section):
    """Which rows are held out: by fractions of them, or by a column that says it of each row."""

    validation: Annotated[Fraction | None, "The fraction of the rows for validation."] = None
    test: Annotated[Fraction | None, "The fraction of the rows for test."] = None
    seed: Annotated[int, AtLeast(0), "Draws the rows; the seed of the config does not."] = 0
    stratify: Annotated[
        ColumnName | None, "A column each of whose values has its share of every split."
    ] = None
    column: Annotated[ColumnName | None, "A column of `train`, `validation` and `test`."] = None

    @property
    def fractions(self) -> Mapping[str, float]:
        """The fractions of what is held out, by the name of the split."""
        given = {"validation": self.validation, "test": self.test}
        return {name: fraction for name, fraction in given.items() if fraction is not None}


class Table(Section):
    """A table of data, read from a file or written inline; the reader's options are keys too."""

    rest: ClassVar[bool] = True

    read: Annotated[Scalar | None, "The file, or files by a glob, relative to this config."] = None
    inline: Annotated[Mapping[str, Sequence] | None, "Columns written here, as lists."] = None
    sha256: Annotated[str | None, "The digest that the file must have."] = None
    in_memory: Annotated[
        bool | Literal["auto"],
        "false: read block by block; auto: where the columns that are used would not fit.",
    ] = "auto"
    rows: Annotated[bool, "false: constants, which are never split or batched."] = True
    where: Annotated[Expression | None, "Only the rows for which this holds."] = None
    missing: Annotated[
        Literal["error", "drop"], "drop: leave out rows that lack a value that is used."
    ] = "error"
    columns: Annotated[
        Mapping[str, Column] | None, "Names of the columns; by default their own."
    ] = None
    derive: Annotated[
        Mapping[str, Expression],
        "Further columns, in order; sums and means are of the training rows.",
    ] = MappingProxyType({})
    split: Annotated[Split | None, "Which rows are held out of training."] = None

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


class Tables(NamedTuple):
    """The tables of a config, by name; ``single`` where there is one, whose columns have bare
    names."""

    tables: Mapping[str, Table]
    single: bool

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "a table ({read: FILE} or {inline: ...}), or a mapping of tables"

    @classmethod
    def from_node(cls, node: Node) -> Tables:
        """One table, known by its `read` or `inline`, or several."""
        if not isinstance(node, nodes.Mapping) or not len(node):
            raise wrong_kind(node, cls.describe())
        if "read" in node or "inline" in node:
            return cls({"data": _table(node)}, single=True)
        entries = node.entries.values()
        if not all(isinstance(entry.value, nodes.Mapping) for entry in entries):
            raise wrong_kind(node, cls.describe(), got="a mapping without `read` or `inline`")
        return cls({e.key.text: _table(e.value) for e in entries}, single=False)

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Anything; ``from_node`` explains."""
        return True


def _table(node: Node) -> Table:
    table = decode_section(node, Table)
    if (table.read is None) == (table.inline is None):
        both = table.read is not None
        raise wrong_kind(
            node,
            "a table with either `read` or `inline`",
            got="a table with both `read` and `inline`" if both else "no table",
        )
    if table.read is not None and not isinstance(table.read.value, str):
        raise wrong_kind(table.read, "the name of a file")
    if table.split is not None:
        _check_split(table.split)
    if not table.rows and table.selecting:
        raise ConfigError(
            f"`{table.selecting}` is about rows, and `rows: false` says that there are none",
            place=table.place_of(table.selecting),
            remedy="leave out one of them",
        )
    return table


def _check_split(split: Split) -> None:
    """Hold that it says one thing, and that something is left to train on."""
    assert isinstance(split.node, nodes.Mapping)
    others = [entry.key for name, entry in split.node.entries.items() if name != "column"]
    if split.column is not None and others:
        raise ConfigError(
            f"`column` says which rows are held out, and so does `{others[0].text}`",
            place=others[0].place,
            expected="{column: NAME} alone, or fractions",
        )
    if split.seed >= LARGEST_SEED:
        raise ConfigError(
            "this seed has more than 128 bits",
            place=split.place_of("seed"),
            expected="a whole number below 2**128",
        )
    if split.column is None and not split.fractions:
        raise ConfigError(
            "this split holds nothing out",
            place=split.place,
            expected="{validation: 0.2, test: 0.1}, one of them, or {column: NAME}",
        )
    if sum(split.fractions.values()) >= 1:
        raise ConfigError(
            "these fractions leave no rows to train on",
            place=split.place_of(list(split.fractions)[-1]),
            expected="fractions that come to less than 1",
        )
