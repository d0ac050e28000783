"""Digests of code: to the byte, and of what it says however it is laid out; and versions."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

from optserve.registry.plugin_source import entry_module, python_files

__all__ = ["code_digest", "code_files", "content_digest", "reached", "reached_digest", "versions"]


COMPILED = frozenset({".so", ".pyd", ".dll", ".dylib"})
"""The suffixes of libraries in a package."""

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of libraries that are installed, which their versions tell."""


def code_digest(module: str) -> str:
    """A digest of the syntax of the plugin whose entry point, or whose file, is ``module``.

    Comments, docstrings, blank lines and the places of lines do not count. It is empty where the
    code cannot be found or read.
    """
    hasher = hashlib.sha256()
    root, files = code_files(module)
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return ""
        hasher.update(file.relative_to(root).as_posix().encode() + b"\0")
        for token in _spelled(tree):
            hasher.update(token.encode("utf-8", "surrogatepass") + b"\0")
    return hasher.hexdigest()[:32] if files else ""


def content_digest(module: str) -> str:
    """A digest of the Python files and libraries in the package of ``module``, or of that file, to
    the byte.

    It is empty where they cannot be found or read.
    """
    hasher = hashlib.sha256()
    root, files = code_files(module)
    if len(files) > 1:
        files += tuple(sorted(one for one in root.rglob("*") if one.suffix in COMPILED))
    try:
        for file in files:
            hasher.update(_named(file.relative_to(root).as_posix(), file))
    except OSError:
        return ""
    return hasher.hexdigest() if files else ""


def reached_digest(module: str) -> str:
    """A digest of the plugin ``module`` and of all code of one's own that it imports, to the byte,
    and of the versions of the libraries that are installed."""
    files, libraries = reached(module)
    hasher = hashlib.sha256(content_digest(module).encode())
    try:
        for file in files:
            hasher.update(_named(file.name, file))
    except OSError:
        return ""
    for name, found in sorted(_versions_of(libraries).items()):
        hasher.update(f"{name} {found}\0".encode())
    return hasher.hexdigest()


def _named(name: str, file: Path) -> bytes:
    """What a file holds, behind its name and its length, which keep files apart."""
    content = file.read_bytes()
    return f"{name} {len(content)}\0".encode() + content


def reached(module: str) -> tuple[tuple[Path, ...], frozenset[str]]:
    """The files of the plugin ``module`` and of what it imports that is no library, and the names
    of the libraries: top-level packages that are installed.

    Imports are read from the code, wherever in it they stand. Python's own modules and optserve
    are left out.
    """
    files, libraries = dict.fromkeys(code_files(module)[1]), set[str]()
    waiting, seen = [*files], {*sys.stdlib_module_names, "optserve"}
    while waiting:
        for name in _imported(waiting.pop()) - seen:
            seen.add(name)
            try:
                spec = find_spec(name)
            except (ImportError, ValueError):
                spec = None
            if spec is None:
                continue
            found = [*map(Path, python_files(spec))]
            if any(not INSTALLED.isdisjoint(one.parts) for one in found[:1]):
                libraries.add(name)
                continue
            new = [one for one in sorted(found) if one not in files]
            files |= dict.fromkeys(new)
            waiting += [one for one in new if one.suffix == ".py"]
    return tuple(files), frozenset(libraries)


def _imported(file: Path) -> set[str]:
    """The top-level names of what a Python file imports, but for its own package."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _versions_of(libraries: Iterable[str]) -> Mapping[str, str]:
    """The versions of the distributions that top-level packages are of."""
    found, others = dict(versions([*libraries])), [*libraries]
    if others := [name for name in others if name not in found]:
        of = packages_distributions()  # reads what every distribution has: most names are their own
        found |= versions([one for name in others for one in of.get(name, ())])
    return found


def versions(distributions: Sequence[str]) -> Mapping[str, str]:
    """The versions of what is installed of ``distributions``.

    >>> sorted(versions(["numpy", "not-there"]))
    ['numpy']
    """
    found = {}
    for name in distributions:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def code_files(module: str) -> tuple[Path, tuple[Path, ...]]:
    """The Python files of a plugin, sorted, and the folder that they are in."""
    path = Path(module)
    if path.suffix == ".py":
        return path.parent, (path,)
    try:
        spec = find_spec(entry_module(module).partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return Path(), ()
    files = tuple(sorted(map(Path, python_files(spec))))
    folders = spec.submodule_search_locations
    return Path(next(iter(folders)) if folders else files[0].parent if files else ""), files


def _spelled(node: ast.AST) -> Iterator[str]:
    """The syntax below ``node``; what is empty is left out, so that versions of Python agree."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "type_comment", "kind") or value is None or value == []:
            continue
        yield name
        values = value if isinstance(value, list) else [value]
        if name == "body" and _is_text(values[0]) and isinstance(value, list):
            values = values[1:]
        for one in values:
            if isinstance(one, ast.AST):
                yield from _spelled(one)
            else:
                yield f"{type(one).__name__} {one!r}"
    yield "."


def _is_text(node: object) -> bool:
    """Whether a statement is a text alone, which documents and does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
