"""Which files a config may read: those of its own folder, unless the person allows more."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from optserve.config.nodes import ScalarNode
from optserve.config.suggest import nearest_file
from optserve.errors import ConfigError

__all__ = ["FileReach"]


class FileReach(NamedTuple):
    """``root`` is the folder of the config; ``anywhere`` is what ``--allow-path`` says."""

    root: Path
    anywhere: bool = False

    def file(self, written: ScalarNode) -> Path:
        """The existing file that ``written`` names; raises ``ConfigError`` where there is none."""
        path = self.path(written)
        if path.is_file():
            return path
        found = path.is_dir()
        raise ConfigError(
            f"{written.text} is a folder" if found else f"{written.text} does not exist",
            place=written.place,
            expected="a file" if found else "",
            remedy=nearest_file(path) if not found else "",
            code="missing-file",
        )

    def files(self, written: ScalarNode) -> tuple[Path, ...]:
        """The existing files that ``written`` names, or a glob finds, sorted by name.

        Raises ``ConfigError`` where there is none, or one lies outside, also by a link.
        """
        pattern = written.text
        path = self.path(written)
        if not any(sign in pattern for sign in "*?[") or path.is_file():
            return (self.file(written),)
        base = Path(path.anchor) if path.is_absolute() else Path()
        found = sorted(base.glob(str(path.relative_to(base))))
        files = tuple(one for one in found if one.is_file())
        for one in files:
            self._hold_inside(one, one.name, written)
        if not files:
            raise ConfigError(
                f"no file matches {pattern}",
                place=written.place,
                expected="the names of files, with * for any part of a name",
                code="missing-file",
            )
        return files

    def path(self, written: ScalarNode) -> Path:
        """What ``written`` names, relative to the file it is written in.

        Raises ``ConfigError`` where it lies outside, also by a link.
        """
        path = written.source.folder / written.text
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
            path.exists()  # raises where the system cannot even ask
        except (OSError, ValueError, RuntimeError):  # a NUL in it, too long, a loop of links
            raise ConfigError(
                f"{written.text[:80]!r} cannot be the name of a file",
                place=written.place,
                code="missing-file",
            ) from None
        if not inside:
            self._hold_inside(path, written.text, written)
        return path

    def _hold_inside(self, path: Path, name: Path | str, written: ScalarNode) -> None:
        """Hold that ``path``, links followed, lies in the folder, unless more is allowed."""
        if self.anywhere or path.resolve().is_relative_to(self.root.resolve()):
            return
        raise ConfigError(
            f"{name} leaves the folder of the config",
            place=written.place,
            expected="a file inside that folder",
            remedy="pass --allow-path if you trust this config to read it",
            code="outside-folder",
        )
