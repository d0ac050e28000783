"""The keys of ``data``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple

from optserve.config import nodes
from optserve.config.nodes import Node, Scalar, Sequence
from optserve.config.schema.decode import decode_section, wrong_kind
from optserve.config.schema.section import AtLeast, Later, Section

__all__ = ["Column", "Table", "Tables"]


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


class Table(Section):
    """A table of data, read from a file or written inline; the reader's options are keys too."""

    rest: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ("where", "derive", "split")

    read: Annotated[Scalar | None, "The file, or files by a glob, relative to this config."] = None
    inline: Annotated[Mapping[str, Sequence] | None, "Columns written here, as lists."] = None
    sha256: Annotated[str | None, "The digest that the file must have."] = None
    in_memory: Annotated[
        bool | Literal["auto"],
        "false: read block by block; auto: where the columns that are used would not fit.",
    ] = "auto"
    rows: Annotated[bool, "false: constants, which are never split or batched."] = True
    missing: Annotated[Literal["error"], Later(("drop",)), "What a missing value is."] = "error"
    columns: Annotated[
        Mapping[str, Column] | None, "Names of the columns; by default their own."
    ] = None


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
    return table
