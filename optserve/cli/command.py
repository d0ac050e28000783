"""typer commands that leave the conversion of values to their callbacks.

typer converts every value through pydantic, the import of which takes longer than a small job. A
parameter needs none of that where it is a text or a flag, or has a callback that converts.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group"]


class Command(TyperCommand):
    """A command whose parameters are what was typed until their callbacks convert them."""

    def get_params(self, ctx: Any) -> Any:
        return [_unconverted(parameter) for parameter in super().get_params(ctx)]


class Group(TyperGroup):
    """Likewise the application itself."""

    def get_params(self, ctx: Any) -> Any:
        return [_unconverted(parameter) for parameter in super().get_params(ctx)]


def _unconverted(parameter: Any) -> Any:
    vars(parameter)["process_value"] = partial(_processed, parameter)
    return parameter


def _processed(parameter: Any, context: typer.Context, value: Any) -> Any:
    """What typer's own ``process_value`` gives, without a conversion."""
    if value is None and parameter.required:
        return type(parameter).process_value(parameter, context, value)  # tells what is missing
    if parameter.callback is not None:
        return parameter.callback(context, parameter, value)
    return value
