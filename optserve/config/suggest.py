"""Did-you-mean: the nearest valid choice to what was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

__all__ = ["choices", "did_you_mean", "nearest_file"]

SHORT = 4
"""Letters of a name up to which the first must be right: another short name is soon near."""

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lr": ("learning_rate",),
        "eta": ("learning_rate",),
        "step_size": ("learning_rate",),
        "max_iter": ("steps",),
        "maxiter": ("steps",),
        "max_steps": ("steps",),
        "iterations": ("steps",),
        "tol": ("gradient",),
        "gtol": ("gradient",),
        "ftol": ("loss",),
        "xtol": ("step",),
        "timeout": ("seconds",),
        "time": ("seconds",),
        "params": ("parameters",),
        "variables": ("parameters",),
        "objective": ("loss",),
        "cost": ("loss",),
        "residuals": ("least_squares",),
        "x0": ("init",),
        "initial": ("init",),
        "start": ("init",),
        "guess": ("init",),
        "value": ("init",),
        "lower": ("bounds",),
        "upper": ("bounds",),
        "limits": ("bounds",),
        "range": ("bounds",),
        "constant": ("fixed",),
        "solver": ("optimizer",),
        "method": ("optimizer",),
        "algorithm": ("optimizer",),
        "definitions": ("define",),
        "random_state": ("seed",),
    }
)
"""Words of other libraries, each with what it is called here, where that may stand."""


def did_you_mean(written: str, valid: Iterable[str]) -> str:
    """A question naming the valid choice nearest to ``written``, or nothing.

    >>> did_you_mean("optimiser", ["optimizer", "stop"])
    "did you mean 'optimizer'?"
    >>> did_you_mean("max_iter", ["steps", "seconds"]), did_you_mean("inv", ["sin", "cos"])
    ("did you mean 'steps'?", '')
    """
    candidates = list(dict.fromkeys(valid))
    meant = [name for name in SYNONYMS.get(written.casefold(), ()) if name in candidates]
    if meant:
        return f"did you mean {meant[0]!r}?"
    folded = {candidate.casefold(): candidate for candidate in candidates}
    if len(written) <= SHORT:  # `inv` is not `sin`
        first = written[:1].casefold()
        folded = {name: candidate for name, candidate in folded.items() if name[:1] == first}
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
