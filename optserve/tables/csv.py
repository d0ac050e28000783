"""``csv``, ``tsv``, ``txt``, ``dat``: tables as text. Small ones through the standard library,
large ones through Arrow.

Both give the same numbers. Importing Arrow takes longer than reading a small file without it; and
whatever Arrow does not take, the standard library reads again, or says where the error is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from optserve.tables.csv_file import text_file
from optserve.tables.dialect import BLANKS, Dialect
from optserve.tables.frame import Frame

__all__ = ["csv", "dat", "tsv", "txt"]


def csv(
    header: bool = True,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
    comment: str = "",
    skip: Annotated[int, Ge(0)] = 0,
) -> Callable[[Path], Frame]:
    """Values with commas between them (RFC 4180), or with another ``separator``.

    ``header`` says that the first line names the columns; without it they are known by position.
    A ``separator`` of ``" "`` stands for any run of blanks and tabs. ``decimal`` is the sign in
    numbers. What follows ``comment``, outside of quotes, is passed over, and so are the first
    ``skip`` lines and lines that are empty. A file that gzip has packed has a name in ``.gz``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.csv")
    ...     _ = path.write_text("x;y\\n1;2,5\\n3;4\\n")
    ...     frame = csv(separator=";", decimal=",")(path)
    >>> frame.names, frame.rows, frame.read({1: "float"})[1]
    (('x', 'y'), 2, array([2.5, 4. ]))
    """
    return text_file(Dialect.of(separator, decimal, encoding, comment, skip, header))


def tsv(
    header: bool = True,
    separator: str = "\t",
    decimal: str = ".",
    encoding: str = "utf-8",
    comment: str = "",
    skip: Annotated[int, Ge(0)] = 0,
) -> Callable[[Path], Frame]:
    """Values with tabs between them; else as ``csv``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.tsv")
    ...     _ = path.write_text("x\\ty\\n1\\t2\\n")
    ...     tsv()(path).names
    ('x', 'y')
    """
    return text_file(Dialect.of(separator, decimal, encoding, comment, skip, header))


def txt(
    header: bool = True,
    separator: str = BLANKS,
    decimal: str = ".",
    encoding: str = "utf-8",
    comment: str = "",
    skip: Annotated[int, Ge(0)] = 0,
) -> Callable[[Path], Frame]:
    """Values with blanks or tabs between them, however many; else as ``csv``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.txt")
    ...     _ = path.write_text("  x   y\\n  1   2\\n")
    ...     txt()(path).names
    ('x', 'y')
    """
    return text_file(Dialect.of(separator, decimal, encoding, comment, skip, header))


def dat(
    header: bool = True,
    separator: str = BLANKS,
    decimal: str = ".",
    encoding: str = "utf-8",
    comment: str = "",
    skip: Annotated[int, Ge(0)] = 0,
) -> Callable[[Path], Frame]:
    """Values with blanks or tabs between them, however many; else as ``csv``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.dat")
    ...     _ = path.write_text("! by hand\\n1.0D+03   2\\n")
    ...     dat(header=False, comment="!")(path).read({0: "float"})[0]
    array([1000.])
    """
    return text_file(Dialect.of(separator, decimal, encoding, comment, skip, header))
