"""Sheets of paper that text, tables and pictures are laid out on, from the top down.

Nothing is drawn here: what stands where is noted first, so that each sheet can tell how many there
are, and only one is held as a drawing. Lengths are in points, 1/72 inch, from the lower left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from optserve.reports.content import Span, Tone
from optserve.reports.html.pictures import Picture

__all__ = [
    "HEIGHT",
    "MARGIN",
    "WIDTH",
    "Chart",
    "PlacedText",
    "Rule",
    "Shade",
    "Sheets",
    "TextWidth",
]

WIDTH, HEIGHT = 595.0, 842.0
"""Of a sheet of A4."""

MARGIN = 50.0

LEADING = 1.4
"""From line to line, in sizes of letters."""

TextWidth = Callable[[str, float, bool, bool], float]
"""(text, size, bold, monospaced) -> how wide it is."""


@dataclass(frozen=True)
class PlacedText:
    """A text whose base line begins at a place."""

    x: float
    y: float
    text: str
    size: float
    tone: Tone = ""
    bold: bool = False
    mono: bool = False


@dataclass(frozen=True)
class Rule:
    """A horizontal line."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Shade:
    """A rectangle of a colour by its name, behind what stands on it."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Chart:
    """A picture within a rectangle."""

    x: float
    y: float
    width: float
    height: float
    picture: Picture


PlacedMark = PlacedText | Rule | Shade | Chart


@dataclass
class Sheets:
    """What stands on each sheet so far; ``y`` is how far down the last one is filled."""

    measure: TextWidth
    marks: list[list[PlacedMark]] = field(default_factory=lambda: [[]])
    y: float = HEIGHT - MARGIN

    @property
    def width(self) -> float:
        """Between the margins."""
        return WIDTH - 2.0 * MARGIN

    @property
    def is_new(self) -> bool:
        """Whether nothing stands on the last sheet."""
        return not self.marks[-1]

    def put(self, mark: PlacedMark) -> None:
        """Note a mark on the last sheet."""
        self.marks[-1].append(mark)

    def turn(self) -> None:
        """Begin a new sheet, unless the last one is new."""
        if not self.is_new:
            self.marks.append([])
        self.y = HEIGHT - MARGIN

    def need(self, height: float) -> None:
        """Begin a new sheet where so much does not fit on the last one."""
        if self.y - height < MARGIN:
            self.turn()

    def skip(self, height: float) -> None:
        """Leave so much room, except at the head of a sheet."""
        if not self.is_new:
            self.y -= height

    def line(self, spans: Sequence[Span], size: float, x: float, *, bold: bool = False) -> None:
        """One line of texts, one after the other, which take the next room downwards."""
        self.need(LEADING * size)
        self.y -= LEADING * size
        self.beside(spans, size, x, self.y + 0.35 * size, bold=bold)

    def beside(
        self, spans: Sequence[Span], size: float, x: float, y: float, *, bold: bool = False
    ) -> None:
        """The same at a place, whatever stands there."""
        for span in spans:
            self.put(PlacedText(x, y, span.text, size, span.tone, bold))
            x += self.measure(span.text, size, bold, False)

    def paragraph(
        self, spans: Sequence[Span], size: float, *, indent: float = 0.0, bold: bool = False
    ) -> None:
        """Texts on as many lines as they take."""
        for line in self.broken(spans, size, self.width - indent, bold=bold):
            self.line(line, size, MARGIN + indent, bold=bold)

    def broken(
        self, spans: Sequence[Span], size: float, width: float, *, bold: bool = False
    ) -> Iterator[list[Span]]:
        """Texts broken into lines of at most ``width``: between words, or in a word that is longer
        than a line."""
        line: list[Span] = []
        used = 0.0
        for text, tone in _words(spans):
            if text == "\n":
                yield line
                line, used = [], 0.0
                continue
            for piece in self._pieces(text, size, width, bold):
                wide = self.measure(piece, size, bold, False)
                if line and used + self.measure(piece.rstrip(), size, bold, False) > width:
                    yield line
                    line, used = [], 0.0
                    if piece.isspace():
                        continue
                if line and line[-1].tone == tone:
                    line[-1] = Span(line[-1].text + piece, tone)
                else:
                    line.append(Span(piece, tone))
                used += wide
        if line:
            yield line

    def _pieces(self, word: str, size: float, width: float, bold: bool) -> Iterator[str]:
        """A word, or what fits of it on a line each."""
        while self.measure(word.rstrip(), size, bold, False) > width and len(word) > 1:
            count = max(1, int(len(word) * width / self.measure(word, size, bold, False)))
            while count > 1 and self.measure(word[:count], size, bold, False) > width:
                count -= 1
            yield word[:count]
            word = word[count:]
        yield word


def _words(spans: Sequence[Span]) -> Iterator[tuple[str, Tone]]:
    """Words, each with the blanks behind it, and ends of lines, with their tones."""
    for span in spans:
        for number, line in enumerate(span.text.split("\n")):
            if number:
                yield "\n", ""
            words = line.split(" ")
            for place, word in enumerate(words):
                text = word if place == len(words) - 1 else f"{word} "
                if text:
                    yield text, span.tone
