"""Tables that are written in the config itself."""

from __future__ import annotations

from optserve.config.nodes import ScalarNode, SequenceNode, is_null, kind_of
from optserve.config.schema.table import Table
from optserve.errors import ConfigError, Place
from optserve.tables.frame import Frame
from optserve.tables.text_frame import TextFrame

__all__ = ["inline_frame"]


def inline_frame(declared: Table) -> Frame:
    """The columns that are written in the config itself."""
    if len(declared.options):
        key = next(iter(declared.options.entries.values())).key
        raise ConfigError(
            f"there is no key `{key.text}` for a table that is written inline",
            place=key.place,
            code="unknown-key",
        )
    columns = declared.entries_of("inline")
    cells: list[list[ScalarNode]] = []
    for name, entry in columns.items():
        items = entry.value
        assert isinstance(items, SequenceNode)
        column = [item for item in items if isinstance(item, ScalarNode)]
        if len(column) != len(items):
            other = next(item for item in items if not isinstance(item, ScalarNode))
            raise ConfigError(
                f"`{other.path}` is {kind_of(other)}",
                place=other.place,
                expected="a number or a text",
                remedy="a matrix is made of columns: columns: {X: [a, b]}",
                code="wrong-value",
            )
        if cells and len(column) != len(cells[0]):
            raise ConfigError(
                f"the column {name} has {len(column)} values, the first has {len(cells[0])}",
                place=items.place,
                expected="columns of one length",
                code="malformed-file",
            )
        cells.append(column)
    rows = len(cells[0]) if cells else 0

    def column_texts(index: int) -> list[str]:
        return [_cell_text(cell) for cell in cells[index]]

    def place(row: int, index: int) -> Place:
        return cells[index][row].place

    return TextFrame(tuple(columns), len(columns), rows, column_texts, place)


def _cell_text(cell: ScalarNode) -> str:
    """What a cell of an inline column would be in a file."""
    if is_null(cell):
        return ""
    number = isinstance(cell.value, int | float) and not isinstance(cell.value, bool)
    return str(cell.value) if number else cell.text
