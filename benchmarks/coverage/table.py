"""What was counted, as the table of docs/uncertainty.md, and what of it should not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.coverage.measure import Counted
from benchmarks.coverage.models import LEVEL, MODELS

__all__ = ["table", "wrong"]

FEW = 4.0
"""Binomial errors by which a share may miss what it should be."""

HEAD = """\
| model | parameter | sets | 95% interval | of the peer | sets | by the profile | of the peer |
|---|---|---|---|---|---|---|---|
"""


def wrong(made: Iterable[Counted]) -> list[str]:
    """The counts that are not the peer's, and the profiles that miss their level."""
    told = []
    for one in made:
        what = f"{one.model}: {one.kind} of {one.parameter}"
        if one.ours != one.theirs:
            told.append(f"{what}: {one.ours} hold the truth, of the peer {one.theirs}")
        if one.failed > one.peer_failed:
            told.append(f"{what}: {one.failed} sets have no fit, of the peer {one.peer_failed}")
        reaches = MODELS[one.model].reaches
        if one.kind == "profile" and reaches and abs(one.share - LEVEL) > FEW * one.error:
            told.append(f"{what}: {one.share:.3f} hold the truth, and not {LEVEL}")
    return told


def table(made: Sequence[Counted]) -> str:
    """The table, in Markdown: a row each parameter of each model."""
    return HEAD + "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(made))


def _rows(made: Sequence[Counted]) -> Iterator[list[str]]:
    profiles = {(one.model, one.parameter): one for one in made if one.kind == "profile"}
    before = ""
    for one in made:
        if one.kind != "Wald":
            continue
        model, profile = MODELS[one.model], profiles.get((one.model, one.parameter))
        cells = ["" if one.model == before else f"{one.model}: {model.told}", f"`{one.parameter}`"]
        cells += [f"{one.sets:,}", _share(one), f"{one.theirs / one.sets:.3f} {model.peer}"]
        if profile is None:
            cells += ["", "", ""]
        else:
            theirs = f"{profile.theirs / profile.sets:.3f} {model.profile_peer}"
            cells += [f"{profile.sets:,}", _share(profile), theirs]
        yield cells
        before = one.model


def _share(one: Counted) -> str:
    short = LEVEL - one.share > 2.0 * one.error
    told = f"{one.share:.3f}"
    return f"**{told}**" if short else told
