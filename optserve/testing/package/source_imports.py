"""Which libraries the sources of a plugin import, by their text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from optserve.registry.plugin_source import canonical, entry_module
from optserve.testing.package.findings import PackageFinding, error
from optserve.testing.package.metadata import DeclaredPackage

__all__ = ["undeclared"]

KNOWN = (
    ("sklearn", "scikit-learn"),
    ("yaml", "pyyaml"),
    ("PIL", "pillow"),
    ("cv2", "opencv-python"),
)
"""Libraries whose distribution has another name."""

COMES_ALONG = frozenset({"numpy", "pluggy", "scipy", "pydantic", "annotated-types"})
"""What optserve itself needs, and so brings."""


def undeclared(package: DeclaredPackage) -> Iterator[PackageFinding]:
    """The libraries that are imported and not declared."""
    names = dict(KNOWN)
    own = {entry_module(module).partition(".")[0] for module in package.modules}
    told = set()
    for path in _files(package, own):
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError as problem:
            yield error(
                "syntax",
                f"it is not Python: {problem.msg}",
                "correct it",
                f"{path}:{problem.lineno}",
            )
            continue
        for name, line in _imports(tree):
            top = name.partition(".")[0]
            if top in own or top in sys.stdlib_module_names or top == "optserve" or top in told:
                continue
            distribution = names.get(top, canonical(top))
            if distribution in package.requires | COMES_ALONG:
                continue
            told.add(top)
            yield error(
                "dependency",
                f"it imports {top}, which is not among the dependencies",
                f'add "{distribution}" to dependencies in pyproject.toml',
                f"{path}:{line}",
            )


def _files(package: DeclaredPackage, own: set[str]) -> Iterator[Path]:
    for root in package.roots:
        for name in sorted(own):
            single = root / f"{name}.py"
            yield from [single] if single.is_file() else sorted((root / name).rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Absolute imports that are made whenever the module runs; those that may fail are let be."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Try) or _is_for_types(node):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module, node.lineno
        else:
            yield from _imports(node)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
