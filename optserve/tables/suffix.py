"""``suffix_of``: what a file's name says of how it is read."""

from __future__ import annotations

from pathlib import Path

__all__ = ["suffix_of"]


def suffix_of(name: str) -> str:
    """The suffix that says how a file is read: in lower case, without that of gzip.

    >>> suffix_of("parts/D.CSV.gz"), suffix_of("data")
    ('csv', '')
    """
    path = Path(name.casefold())
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix[1:]
