"""``Changes``: which jobs a change of files concerns, as git tells it."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optserve.batch.job import Job
from optserve.config.extends import chain_of
from optserve.config.nodes import MappingNode, Node, ScalarNode, SequenceNode
from optserve.errors import ConfigError
from optserve.registry import load
from optserve.registry.code import code_files, reached
from optserve.registry.hookspecs import PROJECT

__all__ = ["Changes", "changes_since"]

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Changes:
    """The ``files`` that have changed since ``ref``, the ``names`` that plugins among them have.

    ``everything`` says that the change may concern any job: it is one of optserve itself, or of a
    plugin of which nobody knows what it contributes.
    """

    ref: str
    files: frozenset[str]
    names: frozenset[str] = frozenset()
    everything: bool = False

    def concern(self, job: Job) -> bool:
        """Whether the config of ``job``, what it extends, its data, or a plugin that has one of the
        names in it has changed."""
        if self.everything:
            return True
        if any(_real(file) in self.files for file in chain_of(job.config)):
            return True
        return any(self._is_of(node) for node in _scalars(job.read.tree))

    def _is_of(self, node: ScalarNode) -> bool:
        """Whether a text names a file that has changed, or something of a plugin that has."""
        if self.names and not self.names.isdisjoint(_WORD.findall(node.text)):
            return True
        if not isinstance(node.value, str) or "\0" in node.text:
            return False
        path = _real(node.source.folder / node.text)
        if any(sign in node.text for sign in "*?["):
            return any(fnmatch.fnmatch(file, path) for file in self.files)
        return path in self.files


def changes_since(ref: str, plugin_files: Sequence[Path] = ()) -> Changes:
    """What has changed since the commit where ``ref`` and this one part, uncommitted files too.

    Raises ``ConfigError`` where git cannot tell.
    """
    home = Path(_git("rev-parse", "--show-toplevel", ref=ref)[0])
    [base] = _git("merge-base", ref, "HEAD", ref=ref)
    names = _git("diff", "--name-only", "--no-renames", "-z", base, ref=ref, folder=home)
    names += _git("ls-files", "--others", "--exclude-standard", "-z", ref=ref, folder=home)
    files = frozenset(_real(home / name) for name in names)
    if not files.isdisjoint(map(_real, code_files(PROJECT)[1])):
        return Changes(ref, files, everything=True)
    contributed, everything = set[str](), False
    for plugin in load((), plugin_files).plugins:
        if plugin.distribution == PROJECT:
            continue
        if files.isdisjoint(map(_real, reached(plugin.module)[0])):
            continue
        everything |= plugin.names is None
        contributed |= {name for named in (plugin.names or {}).values() for name in named}
    return Changes(ref, files, frozenset(contributed), everything)


def _git(*words: str, ref: str, folder: Path | None = None) -> list[str]:
    """What a command of git prints, a name each."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, check=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise ConfigError(
            "--changed-since asks git, and there is none here",
            remedy="install git, or leave out --changed-since",
            code="usage",
        ) from None
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip()
        why = told.splitlines()[-1] if told else f"there is no commit that it has in common: {ref}"
        raise ConfigError(
            f"--changed-since {ref}: git cannot tell what has changed: {why}",
            expected="a branch, a tag or a commit of the repository that this is started in",
            remedy="in CI fetch the whole history: `fetch-depth: 0` with actions/checkout, "
            "GIT_DEPTH: 0 in GitLab",
            code="usage",
        ) from None
    output = os.fsdecode(done.stdout)
    return [name for name in output.split("\0" if "-z" in words else "\n") if name]


def _scalars(node: Node) -> Iterator[ScalarNode]:
    match node:
        case ScalarNode():
            yield node
        case SequenceNode():
            for item in node:
                yield from _scalars(item)
        case MappingNode():
            for entry in node.entries.values():
                yield entry.key
                yield from _scalars(entry.value)


def _real(path: str | Path) -> str:
    return os.path.realpath(path)
