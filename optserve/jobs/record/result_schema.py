"""The schema of ``result.json``, by pydantic: to publish it, and to read results that may be old.

A job that only writes its result does without; importing pydantic takes longer than a small job.
"""

from __future__ import annotations

import functools
import typing
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from optserve.errors import ConfigError, Place
from optserve.jobs.record import result as records
from optserve.values import fields_of

__all__ = ["read_result", "result_json_schema"]

_OWN_FILES = ("history", "checkpoint")


def result_json_schema() -> dict[str, Any]:
    """The JSON Schema of ``result.json``.

    >>> result_json_schema()["properties"]["version"]["const"]
    1
    """
    schema: dict[str, Any] = _model(records.Result).model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_result(path: Path) -> records.Result:
    """The result that a job left at ``path``; its history and checkpoint are not read.

    Raises ``ConfigError`` where the file cannot be read, or is no result of this version.
    """
    from pydantic import ValidationError

    try:
        model = _model(records.Result).model_validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"'{where}': {first['msg']}" if where else first["msg"],
            place=Place(str(path)),
            expected="the result.json of a job, of version 1",
            remedy="run the job again with this version of optserve",
        ) from error
    return records.Result.of({**model.model_dump(), "history": [], "checkpoint": {}})


@functools.cache
def _model(record: type) -> Any:
    """The pydantic model of a record; records in its fields become models too."""
    from pydantic import ConfigDict, Field, create_model

    hints = typing.get_type_hints(record)
    fields: dict[str, Any] = {}
    for name in fields_of(record):
        if name not in _OWN_FILES:
            default = getattr(record, name, ...)
            made = getattr(default, "default_factory", None)
            fields[name] = (
                _modelled(hints[name]),
                Field(default_factory=made) if made else default,
            )
    return create_model(
        record.__name__,
        __config__=ConfigDict(extra="forbid"),
        __doc__=record.__doc__,
        **fields,
    )


def _modelled(hint: Any) -> Any:
    """``hint`` with models in place of records."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _model(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return list[_modelled(arguments[0])]  # type: ignore[misc]
    if type(None) in arguments:
        [other] = [one for one in arguments if one is not type(None)]
        return _modelled(other) | None
    return hint
