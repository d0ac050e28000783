"""Why not to trust standard errors: what the data leave open, or nearly so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.uncertainty.information import Information

__all__ = ["MOST", "cautions", "left_open", "told_of_condition", "told_of_groups", "told_of_pairs"]

CORRELATED = 0.995
"""The correlation from which on two estimates are reported as hardly told apart."""

_REMEDY = "; fix one, or penalize them"

MOST = 3
"""Sentences of a kind; there may be many where a model is overparametrized."""


def cautions(
    information: Information,
    coordinates: Sequence[str],
    entries: Sequence[str],
    correlation: Array,
) -> Iterator[str]:
    """A sentence each.

    ``coordinates`` names those of the information; ``correlation`` (m, m) is of the ``entries``.

    >>> from optserve.jobs.evidence.uncertainty.information import of_jacobian
    >>> found = of_jacobian(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]]), 1e-16)
    >>> for caution in cautions(found, ["a", "b", "c"], [], np.zeros((0, 0))):
    ...     print(caution)
    the data do not determine c: nothing observed changes with it here
    the data do not determine a and b: they trade off against each other; fix one, or penalize them
    """
    yield from left_open(information, coordinates)
    yield from told_of_condition(information.condition, information.epsilon)
    upper = np.triu(correlation, 1)
    order = np.argsort(-np.abs(upper), axis=None)[: MOST + 1]
    pairs = [divmod(int(flat), len(entries)) for flat in order]
    yield from told_of_pairs([(entries[i], entries[j], float(upper[i, j])) for i, j in pairs])


def left_open(information: Information, coordinates: Sequence[str]) -> Iterator[str]:
    """A sentence for each group of ``coordinates`` that the data do not determine."""
    yield from told_of_groups([[coordinates[i] for i in group] for group in information.groups()])


def told_of_groups(groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """A sentence for each group of labels that the data do not determine, but together."""
    unused = [label for group in groups if len(group) == 1 for label in group]
    trading = [group for group in groups if len(group) > 1]
    told = "the data do not determine"
    if unused:
        them = "them" if len(unused) > 1 else "it"
        yield f"{told} {listed(unused)}: nothing observed changes with {them} here"
    for group in trading[:MOST]:
        yield f"{told} {listed(group)}: they trade off against each other{_REMEDY}"
    if len(trading) > MOST:
        yield f"{told} {len(trading) - MOST} more groups of parameters that trade off{_REMEDY}"


def told_of_condition(condition: float, epsilon: float) -> Iterator[str]:
    """What a condition number makes of standard errors."""
    if condition * np.sqrt(epsilon) > 1.0:
        digits = max(0, int(-np.log10(condition * epsilon)))
        yield (
            f"the parameters are nearly undetermined (condition number {condition:.2g})"
            f": standard errors are good to {digits} digits at most"
        )


def told_of_pairs(pairs: Sequence[tuple[str, str, float]]) -> Iterator[str]:
    """Of pairs of entries and their correlations, strongest first, those that are hardly told
    apart."""
    strong = [one for one in pairs if abs(one[2]) >= CORRELATED]
    for first, second, correlation in strong[:MOST]:
        yield (
            f"{first} and {second} correlate {_shown(correlation)}: "
            "their error bars are nearly one direction"
        )
    if len(strong) > MOST:
        yield "more pairs correlate as strongly"


def _shown(correlation: float) -> str:
    """Four decimals, and more of them rather than a 1.

    >>> _shown(-0.9988), _shown(0.99999988), _shown(-1.0)
    ('-0.9988', '0.99999988', '-1 but for rounding')
    """
    missing = 1.0 - abs(correlation)
    if missing == 0.0:
        return f"{correlation:.0f} but for rounding"
    return f"{correlation:.{max(4, 1 - int(np.floor(np.log10(missing))))}f}"
