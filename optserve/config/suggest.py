"""Did-you-mean: the nearest valid choice to what was written."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = ["choices", "did_you_mean", "nearest_file"]


def did_you_mean(written: str, valid: Iterable[str]) -> str:
    """A question naming the valid choice nearest to ``written``, or nothing.

    >>> did_you_mean("optimiser", ["optimizer", "stop"])
    "did you mean 'optimizer'?"
    """
    candidates = list(dict.fromkeys(valid))
    folded = {candidate.casefold(): candidate for candidate in candidates}
    matches = get_close_matches(written[:80].casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[matches[0]]!r}?" if matches else ""


def choices(valid: Iterable[str], limit: int = 12) -> str:
    """The valid choices as a list to read, cut after ``limit``.

    >>> choices(["b", "a"])
    'b, a'
    """
    names = list(valid)
    more = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def nearest_file(path: Path) -> str:
    """A did-you-mean among the files beside a ``path`` that does not exist."""
    try:
        siblings = [entry.name for entry in path.parent.iterdir() if not entry.is_dir()]
    except OSError:
        return f"there is no folder {path.parent}"
    near = did_you_mean(path.name, sorted(siblings))
    if near:
        return near
    like = sorted(name for name in siblings if Path(name).suffix.lower() == path.suffix.lower())
    if like:
        return f"files of this kind there: {choices(like, 4)}"
    folder = path.parent.absolute()
    return f"there is no {path.suffix or 'such'} file in {folder}: give the path from where it is"
