"""What `check --identify` tells, as lines for a person and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.identification.identification import Identification, Open

__all__ = ["identification_json", "identification_lines"]

WIDTH = 96

MOST = 8
"""Things that are open which are told a person."""


def identification_lines(found: Identification) -> Iterator[str]:
    """A line of what was asked, then a block for each thing that is open."""
    if not found.parameters:
        yield "  identification  nothing varies"
        return
    yield (
        f"  identification  {found.parameters} number{'' if found.parameters == 1 else 's'} by "
        f"{found.told}, {found.count} row{'' if found.count == 1 else 's'}, at {found.points} "
        f"point{'' if found.points == 1 else 's'} about the start"
    )
    for one in (*found.open[:MOST], *found.cautions):
        kind = "warning" if one in found.cautions else "open"
        yield from _wrapped(f"  {kind:<8} ", f"{one.message}; {one.remedy}  [{one.code}]")
    if len(found.open) > MOST:
        yield f"  open     {len(found.open) - MOST} more, which `--format json` lists"
    if found.weakest:
        share = f"{100.0 / found.collinearity:.2g}%"
        yield from _wrapped(
            "  weak     ",
            f"what one of {listed(found.weakest)} changes, the others make up for but for {share} "
            f"(collinearity index {found.collinearity:.3g}, condition number "
            f"{found.condition:.3g})",
        )
    told = "the data tell all parameters apart, by their first derivatives"
    yield f"  {told if found.identified else 'the data do not tell all parameters apart'}"


def identification_json(found: Identification) -> dict[str, Any]:
    """The same for a program; its keys and codes do not change."""
    return {
        "identified": found.identified,
        "parameters": found.parameters,
        "told_by": found.told,
        "rows": found.count,
        "points": found.points,
        "condition": found.condition,
        "collinearity": found.collinearity,
        "weakest": [*found.weakest],
        "open": [*map(_json_of, found.open)],
        "warnings": [*map(_json_of, found.cautions)],
    }


def _json_of(one: Open) -> dict[str, Any]:
    return {
        "code": one.code,
        "parameters": [*one.parameters],
        "directions": one.directions,
        "combination": one.combination or None,
        "message": one.message,
        "remedy": one.remedy,
    }


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
