"""Columns of text, aligned with spaces."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(
    rows: Sequence[Sequence[str]],
    *,
    align: str = "",
    indent: int = 2,
    gap: int = 2,
    encoding: str = "utf-8",
) -> list[str]:
    """One line a row; each column is as wide as its widest cell.

    ``align`` holds ``<`` or ``>`` for each column; what it does not name is aligned left. A column
    that is empty in every row is left out, and no line ends with spaces. Letters that ``encoding``
    does not have are written as escapes, which count as wide as they are shown.

    >>> print("\\n".join(table([["name", "", "value"], ["b1", "", "3"]], align="<<>")))
      name  value
      b1        3
    """
    rows = [[_shown(cell, encoding) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = align.ljust(len(widths), "<")
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if side == ">" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
            if width
        ]
        lines.append((" " * indent + (" " * gap).join(cells)).rstrip())
    return lines


def _shown(cell: str, encoding: str) -> str:
    """The cell with the letters that ``encoding`` has.

    >>> print(_shown("\N{GREEK SMALL LETTER MU}m", "ascii"))
    \\u03bcm
    """
    return cell.encode(encoding, "backslashreplace").decode(encoding)
