"""`optserve plugin new`: a package that passes its own tests at once."""

from __future__ import annotations

import ast
import re
import sys
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.streams import write_output
from optserve.errors import ConfigError

__all__ = ["Like", "files_of", "new"]

_FOLDER = Path(__file__).with_name("templates") / "plugin"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_PREFIX = "optserve_"


class Like(StrEnum):
    """What the package is to hold: the folders of `templates/plugin/like`."""

    loss = "loss"
    density = "density"
    opaque = "opaque"
    linear = "linear"
    optimizer = "optimizer"
    reader = "reader"
    backend = "backend"


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name of the package, as optserve-growth.")
    ],
    like: Annotated[
        Like,
        typer.Option(
            "--like",
            metavar="KIND",
            help="What it holds: loss, density, opaque (a solver with its derivative), linear, "
            "optimizer, reader or backend.",
        ),
    ] = Like.loss,
) -> None:
    """Write a package of your own, to change.

    It has code, tests, a README, and workflows that test and publish it, in a new folder NAME, and
    it passes its own tests.
    """
    with ending():
        folder = Path(name)
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a package",
                expected="lower-case letters, digits and hyphens, as in optserve-growth",
                code="usage",
            )
        _refuse_module(name.replace("-", "_"))
        _refuse_taken(_word(name))
        files = files_of(name, like)
        try:
            folder.mkdir()
        except OSError as error:
            raise ConfigError(
                f"cannot make the folder {folder}: {error.strerror}",
                expected="a name that no file or folder here has",
                remedy="choose another name, or another folder to write to",
                code="cannot-write",
            ) from error
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        write_output(f"wrote {folder}/: {', '.join(sorted(files))}")
        write_output(f"next: cd {folder} && pip install -e '.[test]' && pytest")
        write_output("then: optserve plugin check .")


def _refuse_module(module: str) -> None:
    """Refuse the name of a module that the package would hide, or be hidden by."""
    if module == "optserve" or module in sys.stdlib_module_names:
        raise ConfigError(
            f"the module {module!r} is one of {'Python' if module != 'optserve' else 'optserve'}",
            expected="a name for what the package adds, as in optserve-growth",
            remedy="choose another name",
            code="usage",
        )


def _refuse_taken(word: str) -> None:
    """Refuse a word that optserve itself has, which no plugin may replace."""
    from optserve.registry import load

    registry = load(needed={word})
    kinds = ("primitives", "optimizers", "readers", "backends", "schedules", "initializers")
    for kind in kinds:
        if word in getattr(registry, kind):
            raise ConfigError(
                f"{word!r} is a name of optserve's {kind} already",
                expected="a name for what the package adds, as in optserve-growth",
                remedy="choose another name",
                code="usage",
            )


def _word(name: str) -> str:
    """What the package adds, by the name of the package.

    >>> _word("optserve-gold-price")
    'gold_price'
    """
    return name.replace("-", "_").removeprefix(_PREFIX)


def files_of(name: str, like: Like) -> dict[str, str]:
    """The files of the package, by path: text of each."""
    kind = _FOLDER / "like" / like.value
    module = name.replace("-", "_")
    names = {"name": name, "module": module, "word": _word(name)}
    code = Template((kind / "module.txt").read_text(encoding="utf-8")).substitute(names)
    names["description"] = (ast.get_docstring(ast.parse(code)) or "").splitlines()[0]
    names["usage"] = Template((kind / "usage.txt").read_text(encoding="utf-8")).substitute(names)
    names["usage"] = names["usage"].rstrip()
    found = {f"{module}.py": code}
    test = Template((kind / "test.txt").read_text(encoding="utf-8")).substitute(names)
    found[f"tests/test_{module}.py"] = test
    for path in sorted((_FOLDER / "package").rglob("*.*")):
        if path.is_file():
            shown = path.relative_to(_FOLDER / "package").as_posix()
            text = Template(path.read_text(encoding="utf-8")).substitute(names)
            found[shown.replace("github/", ".github/", 1).removesuffix(".txt")] = text
    return found
