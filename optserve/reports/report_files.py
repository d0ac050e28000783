"""``--report KIND=FILE``: which reports are wanted, and where; they are tried before a job runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optserve.errors import ConfigError, OptserveError, OutputFailure, PluginError
from optserve.jobs.record.ended import EndedJob, ReportWriter
from optserve.jobs.record.replacing import is_special, replace_file
from optserve.registry import Registry, check_files, load
from optserve.tables.suffix import suffix_of

__all__ = ["ReportFiles", "report_files"]


@dataclass(frozen=True)
class _Wanted:
    """One report: its kind, the file, what makes it, and whether that ships with optserve."""

    kind: str
    path: Path
    writer: ReportWriter
    builtin: bool


@dataclass(frozen=True)
class ReportFiles:
    """The files that were named on the command line; ``write`` fills them all from one record."""

    wanted: tuple[_Wanted, ...] = ()

    def write(self, jobs: Sequence[EndedJob]) -> Sequence[OptserveError]:
        """Write every report of ``jobs``; returns what went wrong, one error a report at most.

        A file appears whole, in the place of one that was there before. The exit code of an error
        is 1 where a file cannot be written, 6 where what a plugin made of the jobs is no report.
        """
        errors: list[OptserveError] = []
        for one in self.wanted:
            try:
                one.path.resolve().parent.mkdir(parents=True, exist_ok=True)
                replace_file(one.path, _content(one, jobs))
            except OptserveError as error:
                errors.append(error)
            except OSError as error:
                why = error.strerror or str(error)
                errors.append(
                    OutputFailure(f"cannot write the report {one.kind}={one.path}: {why}")
                )
        return errors


def report_files(
    texts: Sequence[str],
    plugin_files: Sequence[Path] = (),
    configs: Sequence[Path] = (),
    out: Path | None = None,
) -> ReportFiles:
    """The reports that ``KIND=FILE`` texts ask for; folders that are not there are made.

    Raises ``ConfigError`` for what is no such text, a kind that nobody provides, a file that
    cannot be written, one of the ``configs`` or of what may be data, which a report would replace,
    or one in ``out``, which is to be a new folder.

    >>> report_files(["junti=report.xml"])
    Traceback (most recent call last):
    optserve.errors.ConfigError: no report is called 'junti'
      expected: one of gitlab, html, json, junit, markdown, openmetrics, pdf, sarif, tap
      remedy: did you mean 'junit'?
    """
    if not texts:
        return ReportFiles()
    pairs = [_pair(text) for text in texts]
    registry = load(
        {*(kind for kind, _ in pairs), *(suffix_of(path.name) for _, path in pairs)}, plugin_files
    )
    check_files(registry, plugin_files)
    writers = [_writer(kind, registry) for kind, _ in pairs]
    seen: set[Path] = set()
    inputs = {path.resolve() for path in (*configs, *plugin_files)}
    for kind, path in pairs:
        if path.resolve() in inputs:
            raise ConfigError(
                f"--report {kind}={path}: the report would replace what is run",
                expected="a file of its own",
                code="usage",
            )
        if suffix_of(path.name) in {*registry.readers, "yaml", "yml"} and path.exists():
            raise ConfigError(
                f"--report {kind}={path}: the file is there, and may be data or a config",
                expected="a file of which nothing is lost",
                remedy=f"give the report another name, such as {path.stem}.{kind}, or remove it",
                code="usage",
            )
        if out is not None and path.resolve().is_relative_to(out.resolve()):
            raise ConfigError(
                f"--report {kind}={path}: {out} is made when all is over, as a new folder",
                expected="a file outside of it",
                code="usage",
            )
        if path.resolve() in seen:
            raise ConfigError(
                f"--report {kind}={path}: another report goes to the same file",
                expected="a file for each report",
                code="usage",
            )
        seen.add(path.resolve())
        _check_writable(kind, path)
    return ReportFiles(
        tuple(
            _Wanted(kind, path, writer, registry.reports[kind].builtin)
            for (kind, path), writer in zip(pairs, writers, strict=True)
        )
    )


def _pair(text: str) -> tuple[str, Path]:
    kind, equals, file = text.partition("=")
    if not (kind and equals and file):
        raise ConfigError(
            f"--report {text}: a report has a kind and a file",
            expected="KIND=FILE, such as junit=report.xml",
            code="usage",
        )
    return kind.strip(), Path(file)


def _writer(kind: str, registry: Registry) -> ReportWriter:
    if ("reports", kind) in registry.collisions:
        claimed = " and ".join(map(str, registry.collisions["reports", kind]))
        raise PluginError(
            f"the report {kind!r} is claimed by {claimed}",
            remedy="uninstall one of them",
            code="name-clash",
        )
    entry = registry.find("reports", kind)
    try:
        writer: object = entry.value()
    except ConfigError:  # it says what is missing
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise PluginError(f"the report {kind} of {entry.distribution} failed: {told}") from error
    if not callable(writer):
        raise PluginError(
            f"the report {kind} of {entry.distribution} gives a {type(writer).__name__}",
            expected="a function from a list of jobs to the text of a file",
        )
    return writer


def _content(one: _Wanted, jobs: Sequence[EndedJob]) -> bytes:
    try:
        found: object = one.writer(jobs)
        if isinstance(found, str):
            return found.encode("utf-8", "backslashreplace")
    except Exception as error:
        if one.builtin:
            raise
        told = f"the report {one.kind} failed: {type(error).__name__}: {error}"
        raise PluginError(told, remedy="report it to the author of the plugin") from error
    if not isinstance(found, bytes):
        raise PluginError(
            f"the report {one.kind} is a {type(found).__name__}", expected="a text, or bytes"
        )
    return found


def _check_writable(kind: str, path: Path) -> None:
    """Hold that a file can be made there, where there is none; nothing is left behind but
    folders."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if is_special(path):
            return
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.resolve().parent, suffix=".tmp")
        os.close(descriptor)
        Path(temporary).unlink()
    except OSError as error:
        raise ConfigError(
            f"--report {kind}={path}: the file cannot be written: {error.strerror or error}",
            expected="a file in a folder where one can be made",
            remedy="give another file",
            code="cannot-write",
        ) from error
