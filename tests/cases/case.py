"""One case: a config, and what must come of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from optserve.cli.app import app

__all__ = ["Case", "Ended", "case", "check_config", "failures", "inline", "run_config"]

FINE = 0
UNCONVERGED = 3


@dataclass(frozen=True)
class Case:
    """A config and its right outcome.

    ``exits`` are the exit codes that are right. Where it is 0, each path of ``near`` into the
    result must be within 1e-6 of a number (or of one of a tuple of numbers; a pair in a list is
    number and tolerance; ``None`` must be no number). ``says`` are regular expressions that the
    output must hold, ``never`` those that it must not, whatever the exit code.
    """

    name: str
    config: str
    exits: tuple[int, ...]
    near: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def case(name: str, config: str, *exits: int, **fields: Any) -> Case:
    """A ``Case``; a text of ``says`` or ``never`` stands for itself alone."""
    for key in ("says", "never"):
        if isinstance(fields.get(key), str):
            fields[key] = (fields[key],)
    return Case(name, config, exits, **fields)


@dataclass(frozen=True)
class Ended:
    """How ``optserve run`` ended: its exit code, what it printed, its ``result.json``."""

    code: int
    text: str
    result: Mapping[str, Any]

    def at(self, path: str) -> Any:
        """The value at a path such as ``parameters.a`` or ``standard_errors.w[0]``."""
        value: Any = self.result
        for key in re.findall(r"[^.\[\]]+", path):
            if value is None:
                return None
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value


def run_config(config: str, folder: Path, *options: str) -> Ended:
    """``optserve run`` of the text of a config, in this process."""
    file = folder / "case.yaml"
    file.write_text("version: 1\n" + config, encoding="utf-8")
    out = folder / "out"
    arguments = ["run", str(file), "--quiet", "--out", str(out), *options]
    ended = CliRunner().invoke(app, arguments, env={"OPTSERVE_CACHE_DIR": str(folder / "cache")})
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    record = out / "result.json"
    result = json.loads(record.read_text()) if record.exists() else {}
    return Ended(ended.exit_code, ended.output.replace(str(folder), ""), result)


def check_config(config: str, folder: Path) -> Ended:
    """``optserve check`` of the text of a config, in this process."""
    file = folder / "case.yaml"
    file.write_text("version: 1\n" + config, encoding="utf-8")
    ended = CliRunner().invoke(app, ["check", str(file)])
    return Ended(ended.exit_code, ended.output.replace(str(folder), ""), {})


def failures(case: Case, ended: Ended) -> list[str]:
    """What is not as ``case`` says, a sentence each."""
    found = []
    if ended.code not in case.exits:
        found.append(f"exit code {ended.code}, not {' or '.join(map(str, case.exits))}")
    if ended.code == FINE:
        found += [
            f"{path} is {ended.at(path)}, not {wanted}"
            for path, wanted in case.near.items()
            if not _holds(ended.at(path), wanted)
        ]
    flat = " ".join(ended.text.split())
    found += [f"does not say /{one}/" for one in case.says if not re.search(one, flat, re.I)]
    found += [f"says /{one}/" for one in case.never if re.search(one, flat, re.I)]
    return found


def _holds(value: Any, wanted: Any) -> bool:
    if wanted is None or value is None:
        return value is wanted
    if isinstance(wanted, tuple):
        return any(_holds(value, one) for one in wanted)
    number, tolerance = wanted if isinstance(wanted, list) else (wanted, 1e-6 * abs(wanted) + 1e-9)
    return math.isfinite(value) and abs(value - number) <= tolerance


def inline(**columns: Any) -> str:
    """The ``data`` of a config that holds ``columns``.

    >>> inline(x=[0, 1.5])
    'data: {inline: {x: [0, 1.5]}}'
    """
    written = (f"{name}: [{', '.join(map(_number, column))}]" for name, column in columns.items())
    return f"data: {{inline: {{{', '.join(written)}}}}}"


def _number(value: float) -> str:
    text = repr(value)  # YAML 1.2 wants a point in a number with an exponent
    return re.sub(r"^(-?\d+)e", r"\1.0e", text)
