"""Object code remembered on disk, so that a graph is compiled once for a machine.

An entry is keyed by everything that the code depends on: the body of the pass, the sources of this
code generator, llvmlite and LLVM, the processor and its features. A damaged entry is ignored and
made again.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

from optserve.backends.llvm.ir.engine import Engine
from optserve.cache import private_folder, write_whole
from optserve.graph.graph import Graph

__all__ = ["key", "read", "write"]

_CHECKSUM = hashlib.sha256().digest_size


def key(body: Graph, layout: Sequence[object], engine: Engine) -> str:
    """The name of an entry; ``layout`` is what else the code depends on, such as row axes."""
    parts = [body.digest, str(tuple(layout)), _generator(), *engine.identity]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def _generator() -> str:
    """A digest of the sources that write code, so that no entry outlives a change of them."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def read(name: str) -> bytes | None:
    """The object code of an entry, or ``None`` where there is none that is whole."""
    path = _path(name)
    try:
        content = path.read_bytes() if path is not None else b""
    except OSError:
        return None
    code = content[_CHECKSUM:]
    whole = len(code) > 0 and hashlib.sha256(code).digest() == content[:_CHECKSUM]
    return code if whole else None


def write(name: str, code: bytes) -> None:
    """Remember the object code of an entry."""
    path = _path(name)
    if path is not None:
        write_whole(path, hashlib.sha256(code).digest() + code)


def _path(name: str) -> Path | None:
    folder = private_folder("objects")
    return None if folder is None else folder / f"{name}.o"
