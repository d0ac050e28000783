"""docs/cli.md as the application itself describes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from optserve.cli.app import app

MARK = "<!-- Below, all is written by: pytest tests/cli/test_reference.py --regen -->"


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    group: Any = get_command(app)
    lines = [MARK]
    for name, command in group.commands.items():
        inner = getattr(command, "commands", {})
        for word, one in inner.items() or [("", command)]:
            lines += ["", *_section(f"{name} {word}".strip(), one)]
    return "\n".join(lines) + "\n"


def _section(name: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name != "option"]
    usage = "".join(f" {_optional(argument)}" for argument in arguments)
    yield f"## `optserve {name}{usage}`"
    yield ""
    yield inspect.cleandoc(command.help)
    yield ""
    yield "| argument or option | meaning |"
    yield "|---|---|"
    for parameter in command.params:
        yield f"| `{_name(parameter)}` | {parameter.help}{_default(parameter)} |"


def _optional(argument: Any) -> str:
    return str(argument.metavar) if argument.required else f"[{argument.metavar}]"


def _name(parameter: Any) -> str:
    if parameter.param_type_name != "option":
        return str(parameter.metavar)
    return " ".join(filter(None, [", ".join(parameter.opts), parameter.metavar])).replace(
        "|", " or "
    )


def _default(parameter: Any) -> str:
    value = getattr(parameter.default, "value", parameter.default)
    return f" Default: `{value}`." if isinstance(value, str) else ""
