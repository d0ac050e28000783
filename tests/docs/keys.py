"""The keys of the config language as the schema itself describes them, for docs/config.md."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from optserve.config.schema.config import (
    Abort,
    AbortLoss,
    Baseline,
    Config,
    Expect,
    Minibatch,
    Plateau,
    Plugins,
    Starts,
    Stop,
)
from optserve.config.schema.define import Composition, Pipe
from optserve.config.schema.loss import Comparison, Weights
from optserve.config.schema.output import Output
from optserve.config.schema.parameter import Parameter, Penalty
from optserve.config.schema.section import Section
from optserve.config.schema.sweep import Best, Draw, Random, Statistic, Sweep
from optserve.config.schema.table import Column, Split, Table
from optserve.config.schema.uncertainty import (
    Bootstrap,
    MethodWritten,
    Simulate,
    SimulatedLimits,
    Uncertainty,
)
from optserve.config.schema.validation import describe

MARK = "<!-- Below, all is written by: pytest tests/docs/test_config.py --regen -->"

SECTIONS: Sequence[tuple[str, type[Section]]] = (
    ("", Config),
    ("data", Table),
    ("data.columns.NAME", Column),
    ("data.split", Split),
    ("minibatch", Minibatch),
    ("parameters.NAME", Parameter),
    ("parameters.NAME.penalty", Penalty),
    ("least_squares", Comparison),
    ("weights", Weights),
    ("stop", Stop),
    ("stop.plateau", Plateau),
    ("starts", Starts),
    ("uncertainty", Uncertainty),
    ("uncertainty.method", MethodWritten),
    ("uncertainty.method.bootstrap", Bootstrap),
    ("simulate", Simulate),
    ("simulate.expect.PATH", SimulatedLimits),
    ("outputs.NAME", Output),
    ("expect.PATH", Expect),
    ("abort", Abort),
    ("abort.loss", AbortLoss),
    ("baseline", Baseline),
    ("sweep", Sweep),
    ("sweep.random", Random),
    ("sweep.random.values.PATH", Draw),
    ("sweep.expect.PATH", Statistic),
    ("sweep.best", Best),
    ("plugins", Plugins),
)

TOLD_ELSEWHERE: set[type[Section]] = {Composition, Pipe}
"""What the page tells in words: the forms of ``define``."""


def key_reference() -> str:
    """Every key of every mapping with what it holds, as Markdown."""
    lines = [MARK]
    for path, section in SECTIONS:
        lines += ["", *_table(path, section)]
    return "\n".join(lines) + "\n"


def sections_of(section: type[Section]) -> set[type[Section]]:
    """The section, and all that its keys lead to."""
    found = {section}
    for field in section.model_fields.values():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, Section):
                found |= sections_of(part)
    return found


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _table(path: str, section: type[Section]) -> Iterator[str]:
    yield f"### `{path}`" if path else "### The whole"
    yield ""
    yield inspect.cleandoc(section.__doc__ or "").replace("\n", " ").replace("``", "`")
    yield ""
    yield "| key | holds | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in section.model_fields.items():
        key = field.alias or name
        default = "required" if field.is_required() else _default(field.default)
        cells = (f"`{key}`", _holds(section, key), default, field.description or "")
        yield "| " + " | ".join(cell.replace("|", "or") for cell in cells) + " |"


def _holds(section: type[Section], key: str) -> str:
    words = describe(section, key)
    return "see below" if words.startswith("a mapping with the keys") else words


def _default(value: Any) -> str:
    if isinstance(value, bool | int | float | str) and value != "":
        return f"`{json.dumps(value)}`".replace('"', "")
    return ""
