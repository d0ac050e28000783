"""Fake distributions: dist-info folders and modules on a temporary part of ``sys.path``."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HEADER = """
from pathlib import Path
from optserve.plugin import *
with Path(__file__).with_suffix(".log").open("a") as log:
    log.write("imported\\n")
"""


@dataclass(frozen=True)
class Site:
    """A folder of ``sys.path`` to install fake plugins in."""

    folder: Path

    def install(
        self,
        name: str,
        code: str,
        *,
        version: str = "1.0",
        record: str = "",
        entry_points: str = "",
        metadata: str | None = None,
    ) -> str:
        """Install a distribution of one module; returns the name of the module."""
        stem = name.replace("-", "_")
        module = f"fake_{stem}"
        for old in self.folder.glob(f"{stem}-*.dist-info"):
            shutil.rmtree(old)
        info = self.folder / f"{stem}-{version}.dist-info"
        info.mkdir()
        text = f"Name: {name}\nVersion: {version}\n" if metadata is None else metadata
        (info / "METADATA").write_text(text)
        entries = entry_points or f"plugin = {module}"
        (info / "entry_points.txt").write_text(f"[optserve]\n{entries}\n")
        if record:
            (info / "RECORD").write_text(record)
        (self.folder / f"{module}.py").write_text(HEADER + code)
        self.forget()
        return module

    def imports(self, module: str) -> int:
        """How often a module was imported, by this and by other processes."""
        log = self.folder / f"{module}.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def forget(self) -> None:
        """Make Python forget the fake modules, as a new process would not know them."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(self.folder)):
                del sys.modules[name]
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    site = Site(folder)
    yield site
    site.forget()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A name index of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(folder))
    return folder


def losses(*names: str) -> str:
    """The code of a plugin that contributes primitives of these names."""
    made = ", ".join(f'elementwise("{name}", lambda x: x * x, doc="A test.")' for name in names)
    return f"@hookimpl\ndef optserve_primitives():\n    return [{made}]\n"
