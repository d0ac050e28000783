"""``plot``: one picture of a result, for a terminal, a notebook or a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError
from optserve.fitting.answer import Answer
from optserve.jobs.record.replacing import replace_file
from optserve.jobs.record.result import Result
from optserve.reports.html.pictures import Picture, pictures_of
from optserve.reports.html.style import PICTURE
from optserve.reports.html.svg import alone
from optserve.reports.text_plot import text_plot

__all__ = ["ShownPicture", "plot"]


@dataclass(frozen=True, repr=False)
class ShownPicture:
    """A picture of a result by its ``name``, beside the ``others`` that there are.

    A notebook shows it; printed, it is drawn with letters; ``save`` makes a file.
    """

    name: str
    picture: Picture
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self, width: int = 72) -> str:
        """What it shows, and the picture in ASCII, at most so many letters wide."""
        return f"{self.picture.caption}\n\n{text_plot(self.picture.drawn, width)}"

    @property
    def svg(self) -> str:
        """The picture as an SVG of its own, light or dark as the screen is that shows it."""
        return alone(self.picture.svg, PICTURE)

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, file: str | os.PathLike[str]) -> Path:
        """Write the SVG to a file, whole or not at all, in the place of one that is there.

        Raises ``ConfigError`` where it does not end in ``.svg``, or cannot be written.
        """
        path = Path(file)
        if path.suffix != ".svg":
            raise ConfigError(
                f"{path} is no name of an SVG", expected="a file that ends in .svg", code="usage"
            )
        try:
            replace_file(path, self.svg.encode("utf-8"))
        except OSError as error:
            raise ConfigError(
                f"cannot write {path}: {error.strerror}",
                remedy="give another file",
                code="cannot-write",
            ) from error
        return path


def plot(found: Result | Answer, picture: str = "") -> ShownPicture:
    """A picture of what was ``found`` by ``run``, or by a fit of a Python function.

    ``picture`` is ``fit``, ``residuals``, ``outputs.NAME``, ``profiles.NAME``, ``contours.A,B``,
    ``correlation``, ``loss`` or ``gradient``, as of ``optserve plot``; by default the first that
    there is. Raises ``ConfigError`` where there is none of that name.

    >>> import numpy as np
    >>> from optserve.fitting.curve_fit import curve_fit
    >>> t = np.arange(5.0)
    >>> fit = curve_fit(lambda t, a, b: a + b * t, t, np.array([1.0, 2.2, 2.9, 4.1, 5.0]))
    >>> shown = plot(fit, "correlation")
    >>> shown.name, shown.others
    ('correlation', ('fit', 'residuals', 'loss', 'gradient'))
    >>> print(plot(fit, "fit").text(40))
    Observed ...
    """
    result = found.result if isinstance(found, Answer) else found
    if not isinstance(result, Result):
        raise ConfigError(
            f"what is to be drawn is a {type(found).__name__}",
            expected="a result, as `optserve.run` gives it, or what a fit of a function came to",
            code="usage",
        )
    pictures = pictures_of(result)
    name = picture or next(iter(pictures), "")
    if name not in pictures:
        raise ConfigError(
            f"the run has no picture {name!r}" if name else "the run has nothing to draw",
            expected=f"one of {choices(pictures)}" if pictures else "a run with a history",
            remedy=did_you_mean(name, pictures),
            code="usage",
        )
    return ShownPicture(name, pictures[name], tuple(one for one in pictures if one != name))
