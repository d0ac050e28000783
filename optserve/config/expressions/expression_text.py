"""``Text``: the text of an expression, and where in the file each of its characters stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from optserve.errors import Place, widened

__all__ = ["Text"]


@dataclass(frozen=True)
class Text:
    """A text and the places of its pieces.

    ``pieces`` holds (offset, place) pairs in rising order: from ``offset`` on, up to the next
    piece, the characters of ``text`` stand side by side in the file from ``place`` on. A plain
    scalar on one line is one piece; a folded or a literal scalar has one for each line; a quoted
    one has another after each escape.

    >>> text = Text.at("a + b", Place("fit.yaml", 3, 7, excerpt="loss: a + b"))
    >>> str(text.place_at(4))
    'fit.yaml:3:11'
    >>> folded = Text("a + b", ((0, Place("fit.yaml", 4, 3)), (4, Place("fit.yaml", 5, 3))))
    >>> str(folded.place_at(4))
    'fit.yaml:5:3'
    """

    text: str
    pieces: tuple[tuple[int, Place], ...]

    @classmethod
    def at(cls, text: str, place: Place) -> Text:
        """A text that stands on one line, unescaped, beginning at ``place``."""
        return cls(text, ((0, place),))

    def place_at(self, offset: int, width: int = 1) -> Place:
        """Where the ``width`` characters from ``offset`` on stand; cut at the end of the line."""
        index = max(0, bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1)
        start, place = self.pieces[index]
        if not place.column:
            return place
        if index + 1 < len(self.pieces):
            width = min(width, self.pieces[index + 1][0] - offset)
        moved = offset - start
        if place.excerpt:
            width = min(width, len(place.excerpt) - (place.column - 1 + moved))
        return widened(place, offset=moved, width=max(1, width))

    def __str__(self) -> str:
        return self.text
