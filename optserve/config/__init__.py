"""The config language: ``load`` makes a YAML file a ``Problem``, ``json_schema`` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optserve.config.problem import load

if TYPE_CHECKING:
    from optserve.registry import Registry

__all__ = ["json_schema", "load"]


def json_schema(registry: Registry) -> dict[str, Any]:
    """The JSON Schema of a config, with the names and options of what ``registry`` holds.

    >>> from optserve.registry import load as installed
    >>> json_schema(installed())["title"]
    'optserve config'
    """
    from optserve.config.schema import json_schema as writer

    return writer.json_schema(registry)
