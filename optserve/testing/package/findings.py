"""``PackageFinding``: one thing that a check of a plugin's package found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PackageFinding", "error", "warning"]


@dataclass(frozen=True)
class PackageFinding:
    """What is wrong with a package, where, and what to do about it.

    ``code`` is a word that never changes, for programs. An ``error`` makes the check fail; a
    ``warning`` does not.
    """

    level: Literal["error", "warning"]
    code: str
    message: str
    remedy: str
    place: str = ""

    @property
    def block(self) -> str:
        """The finding as the command line shows it."""
        where = f"{self.place}: " if self.place else ""
        return f"{self.level}  {where}{self.message}\n  remedy: {self.remedy}"


def error(code: str, message: str, remedy: str, place: str = "") -> PackageFinding:
    """A finding that makes the check fail."""
    return PackageFinding("error", code, message, remedy, place)


def warning(code: str, message: str, remedy: str, place: str = "") -> PackageFinding:
    """A finding that is worth mending, and no reason to fail."""
    return PackageFinding("warning", code, message, remedy, place)
