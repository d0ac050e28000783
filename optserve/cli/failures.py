"""How a command ends when it cannot finish: one block on stderr, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NoReturn

import typer

from optserve.cli.shared_options import Format
from optserve.cli.streams import own_output, write_error, write_output
from optserve.errors import ConfigErrors, OptserveError

__all__ = ["INTERNAL_ERROR", "INTERRUPTED", "end", "ending"]

INTERNAL_ERROR = 1
INTERRUPTED = 130
TRACEBACK_VARIABLE = "OPTSERVE_TRACEBACK"


@contextmanager
def ending(output: Format = Format.text) -> Iterator[None]:
    """The body of a command: an error becomes a block on stderr and an exit code, no traceback.

    With ``--format json`` the error is printed on stdout as well, as one JSON object, so that what
    reads stdout always finds JSON there.
    """
    try:
        with own_output():
            yield
    except typer.Exit:
        raise
    except OptserveError as error:
        raise typer.Exit(end(error, output)) from error
    except KeyboardInterrupt as error:
        _end(
            "interrupted",
            {"kind": "Interrupted", "code": "interrupted"},
            INTERRUPTED,
            output,
            error,
        )
    except SystemExit as error:  # a command ends by typer.Exit
        block = f"a plugin exited the process (SystemExit: {error})  [plugin]\n{_last_line(error)}"
        _end(
            block,
            {"kind": "PluginFailure", "code": "plugin", "message": _one_line(error)},
            6,
            output,
            error,
        )
    except Exception as error:
        description = {"kind": "InternalError", "code": "internal", "message": _one_line(error)}
        _end(_internal(error), description, INTERNAL_ERROR, output, error)


def end(error: OptserveError, output: Format) -> int:
    """Tell an error of the user; returns the exit code."""
    _tell(error.block(coded=True), _described(error), error.exit_code, output, error)
    return error.exit_code


def _end(
    block: str, description: dict[str, Any], code: int, output: Format, error: BaseException
) -> NoReturn:
    _tell(block, description, code, output, error)
    raise typer.Exit(code) from error


def _tell(
    block: str, description: dict[str, Any], code: int, output: Format, error: BaseException
) -> None:
    write_error(block)
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        write_error("".join(traceback.format_exception(error)).rstrip())
    if output is Format.json:
        import json

        write_output(json.dumps({"error": description, "exit_code": code}, indent=2))


def _described(error: OptserveError) -> dict[str, Any]:
    """The error as JSON: what is empty is left out."""
    place = (
        {key: value for key, value in asdict(error.place).items() if value} if error.place else None
    )
    fields: dict[str, Any] = {
        "kind": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "place": place,
        "expected": error.expected,
        "remedy": error.remedy,
    }
    if isinstance(error, ConfigErrors):
        fields["errors"] = [_described(one) for one in error.errors]
    return {key: value for key, value in fields.items() if value}


def _last_line(error: BaseException) -> str:
    """Where it was raised."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"  at: {last.filename}:{last.lineno}, in {last.name}"


def _internal(error: Exception) -> str:
    lines = [f"internal error: {_one_line(error)}  [internal]", _last_line(error)]
    if not os.environ.get(TRACEBACK_VARIABLE):
        lines.append(f"  remedy: set {TRACEBACK_VARIABLE}=1 to see the traceback, and report it")
    return "\n".join(lines)


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
