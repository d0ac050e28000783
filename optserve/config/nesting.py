"""Whether two configs say one model, but for which of its parameters are held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from optserve.config.parse_yaml import parse
from optserve.config.schema.config import Config
from optserve.config.schema.validation import validated
from optserve.config.source import read_source

__all__ = ["Apart", "models_apart"]

_OF_MODEL = ("data", "define", "least_squares", "loss", "log_likelihood", "weights", "minibatch")
"""What makes a model, beside its parameters."""


class Apart(NamedTuple):
    """``what`` makes other models of two configs: nothing where they differ in the starts of
    parameters, in which are fixed, and in how they are fitted alone. ``bounds`` has both of each
    parameter of the first, as they are written."""

    what: str
    bounds: Mapping[str, tuple[Any, Any]]


def models_apart(one: Path, two: Path) -> Apart:
    """What makes other models of two configs, as runs left them."""
    configs = [validated(Config, parse(read_source(file))) for file in (one, two)]
    bounds = {name: part.bounds for name, part in configs[0].parameters_in_full.items()}
    first, second = (config.model_dump(include={*_OF_MODEL}) for config in configs)
    for key in _OF_MODEL:
        if first[key] != second[key]:
            return Apart(f"`{key}`", bounds)
    if first["data"] is None:
        return Apart("data that the configs do not have", bounds)
    parameters = [_parameters(config) for config in configs]
    for name in dict.fromkeys([*parameters[0], *parameters[1]]):
        if name not in parameters[0] or name not in parameters[1]:
            return Apart(f"the parameter '{name}'", bounds)
        if parameters[0][name] != parameters[1][name]:
            return Apart(f"`parameters.{name}`", bounds)
    return Apart("", bounds)


def _parameters(config: Config) -> Mapping[str, Any]:
    """The parameters, without their starts and what is fixed of them."""
    return {
        name: one.model_dump(exclude={"init", "fixed", "shape"})
        for name, one in config.parameters_in_full.items()
    }
