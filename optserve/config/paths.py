"""Which files a config may read: those of its own folder, unless the person allows more."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from optserve.config.nodes import Scalar
from optserve.config.suggest import nearest_file
from optserve.errors import ConfigError

__all__ = ["Reach"]


class Reach(NamedTuple):
    """``root`` is the folder of the config; ``anywhere`` is what ``--allow-path`` says."""

    root: Path
    anywhere: bool = False

    def file(self, written: Scalar) -> Path:
        """The existing file that ``written`` names, relative to the file it is written in.

        Raises ``ConfigError`` where there is none, or where it lies outside, also by a link.
        """
        path = written.source.folder / written.text
        try:
            real = path.resolve()
            if not self.anywhere and not real.is_relative_to(self.root.resolve()):
                raise ConfigError(
                    f"{written.text} leaves the folder of the config",
                    place=written.place,
                    expected=f"a file inside {self.root.resolve()}",
                    remedy="pass --allow-path if you trust this config to read it",
                )
            if path.is_file():
                return path
            kind = "is a folder" if path.is_dir() else "does not exist"
        except (OSError, ValueError, RuntimeError):  # a NUL in it, too long, a loop of links
            kind = "cannot be a file"
        raise ConfigError(f"{written.text} {kind}", place=written.place, remedy=_remedy(path, kind))


def _remedy(path: Path, kind: str) -> str:
    return nearest_file(path) if kind == "does not exist" else ""
