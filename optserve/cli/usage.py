"""A wrong command line, told as every other error is."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException

from optserve.cli.early import wants_json
from optserve.cli.failures import end
from optserve.cli.shared_options import Format
from optserve.errors import ConfigError

__all__ = ["Commands", "WithDefault"]


class Commands(TyperGroup):
    """The commands; what is wrong with their arguments becomes one block, and JSON if asked for."""

    def main(self, args: Sequence[str] | None = None, *given: Any, **options: Any) -> Any:
        """Run a command; exits with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(arguments, *given, **{**options, "standalone_mode": False})
        except TyperException as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # a class that typer keeps private
                return super().main(arguments, *given, **options)  # which shows the help
            output = Format.json if wants_json(arguments) else Format.text
            code = _told(error, output)
        sys.exit(code if isinstance(code, int) else 0)


class WithDefault(TyperGroup):
    """Commands of which the first need not be named: `optserve batch CONFIGS...` runs them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the first command in front where no command is named."""
        known = {*self.commands, *ctx.help_option_names}
        if args and args[0] not in known:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def _told(error: TyperException, output: Format) -> int:
    context = getattr(error, "ctx", None)
    path = "optserve" if context is None else context.command_path
    wrong = ConfigError(
        f"{path}: {_sentence(error.format_message())}",
        expected="" if context is None else _usage(context),
        remedy=_suggestion(error) or f"`{path} --help` says what there is",
        code="usage",
    )
    return end(wrong, output)


def _sentence(message: str) -> str:
    """Typer's sentence as part of one of ours: without its suggestions and full stop.

    >>> _sentence("Missing argument 'CONFIG'."), _sentence("No such option: --x (Possible: --y)")
    ("missing argument 'CONFIG'", 'no such option: --x')
    """
    plain = re.sub(r" \(Possible.*\)$|[. ]+Did you mean.*$", "", message, flags=re.DOTALL)
    plain = plain.strip().removesuffix(".")
    return ": ".join(part[:1].lower() + part[1:] for part in plain.split(": "))


def _usage(context: Any) -> str:
    return str(context.get_usage()).removeprefix("Usage:").strip()


def _suggestion(error: TyperException) -> str:
    """A did-you-mean, where there is a near one."""
    near = getattr(error, "possibilities", None) or re.findall(
        r"Did you mean '(.+?)'", error.format_message()
    )
    return f"did you mean {sorted(near)[0]!r}?" if near else ""
