"""``check_package``: all that can be found out about a plugin's package before it is published."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optserve.errors import ConfigError
from optserve.registry.plugin_source import canonical, installed_sources
from optserve.testing.package.findings import PackageFinding, error
from optserve.testing.package.metadata import declared
from optserve.testing.package.source_imports import undeclared

__all__ = ["Checked", "check_package"]

SECONDS = 120.0
"""How long a module may take to be imported and examined."""


@dataclass(frozen=True)
class Checked:
    """What was found: the names that the package contributes, by kind, and what is wrong."""

    name: str
    version: str
    contributed: dict[str, list[str]]
    findings: tuple[PackageFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong but for warnings."""
        return all(one.level != "error" for one in self.findings)


def check_package(target: str, seconds: float = SECONDS) -> Checked:
    """Check a folder with a ``pyproject.toml``, a file ``*.py``, or an installed distribution.

    Raises ``ConfigError`` where ``target`` is none of these.
    """
    path = Path(target)
    if path.is_dir():
        package = declared(path)
        findings = [*package.findings, *undeclared(package)]
        if any(one.code in ("entry-point", "syntax") for one in findings):
            return Checked(package.name, package.version, {}, tuple(findings))
        return _examined(
            package.name, package.version, package.modules, package.roots, findings, seconds
        )
    if path.suffix == ".py":
        if not path.is_file():
            raise ConfigError(
                f"there is no file {target}", remedy="check the path", code="missing-file"
            )
        return _examined(path.name, "", [str(path.resolve())], [path.parent], [], seconds)
    found = [
        source
        for source in installed_sources()
        if canonical(source.distribution) == canonical(target) and not source.builtin
    ]
    if not found:
        raise ConfigError(
            f"{target!r} is no folder, and no installed plugin",
            expected="a folder with a pyproject.toml, a file *.py, or the name of a distribution",
            remedy="`optserve plugin list` shows what is installed",
            code="missing-file",
        )
    modules = [source.module for source in found]
    return _examined(found[0].distribution, found[0].version, modules, [], [], seconds)


def _examined(
    name: str,
    version: str,
    modules: Sequence[str],
    roots: Sequence[Path],
    findings: list[PackageFinding],
    seconds: float,
) -> Checked:
    contributed: dict[str, list[str]] = {}
    for module in modules:
        names, found = _in_a_process(name, version, module, roots, seconds)
        findings += found
        for kind, more in names.items():
            contributed.setdefault(kind, []).extend(more)
    return Checked(name, version, contributed, tuple(findings))


def _in_a_process(
    name: str, version: str, module: str, roots: Sequence[Path], seconds: float
) -> tuple[dict[str, list[str]], list[PackageFinding]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, "-m", "optserve.testing.package", str(out), module]
        command += [name, version, *(str(root.resolve()) for root in roots)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            told = f"it was not imported and checked within {seconds:g} s"
            return {}, [error("hangs", told, "see what it waits for", module)]
        if not out.exists():
            return {}, [error("crash", _ended(done.returncode, done.stderr), _SEE, module)]
        written = json.loads(out.read_text(encoding="utf-8"))
    return written["contributed"], [PackageFinding(**one) for one in written["findings"]]


_SEE = "import it in a Python of your own to see more"


def _ended(code: int, text: str) -> str:
    """How the process that imported it ended, in a sentence."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    return f"it ended its process {how}{f': {last}' if last else ''}"
