"""The only import that the author of a plugin needs; docs/plugins.md tells how to write one.

>>> import numpy as np
>>> from optserve.plugin import elementwise, hookimpl
>>> gompertz = elementwise(
...     "gompertz",
...     lambda t, rate=1.0: np.exp(-np.exp(-rate * t)),
...     doc="Gompertz's law of growth: exp(-exp(-rate * t)).",
... )
>>> @hookimpl
... def optserve_primitives():
...     return [gompertz]
>>> round(float(gompertz(0.0)), 6)
0.367879
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from optserve.backends.backend import Backend
from optserve.backends.lowering import Lowering
from optserve.deprecation import going
from optserve.errors import ConfigError, PluginError, ShapeError
from optserve.graph.aval import Aval, broadcast_shapes
from optserve.graph.axes import Mixed, Reduced, aligned, mixed
from optserve.graph.dim import Dim
from optserve.graph.domain import (
    Domain,
    Example,
    boolean,
    integer,
    nonnegative,
    positive,
    real,
    unit,
)
from optserve.graph.facts import Facts
from optserve.graph.interpret import interpret
from optserve.graph.leading import Leading
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import (
    full_rank,
    orthogonal,
    positive_definite,
    simplex,
    sorted_,
    symmetric,
    triangular,
)
from optserve.jobs.parameters import ParameterTransform
from optserve.jobs.record.ended import EndedJob, Finding
from optserve.optimizers.base import Evaluation, Optimizer
from optserve.optimizers.modifiers import Modifier
from optserve.optimizers.schedules import Schedule
from optserve.primitives.constructors import composite, elementwise, linear, opaque
from optserve.registry.hookspecs import API, hookimpl

__all__ = [
    "API",
    "Aval",
    "Backend",
    "ConfigError",
    "Dim",
    "Domain",
    "EndedJob",
    "Evaluation",
    "Example",
    "Facts",
    "Finding",
    "Leading",
    "Lowering",
    "Mixed",
    "Modifier",
    "Optimizer",
    "ParameterTransform",
    "PluginError",
    "Primitive",
    "Reduced",
    "Schedule",
    "ShapeError",
    "Value",
    "aligned",
    "boolean",
    "broadcast_shapes",
    "composite",
    "elementwise",
    "full_rank",
    "hookimpl",
    "integer",
    "interpret",
    "linear",
    "mixed",
    "nonnegative",
    "opaque",
    "orthogonal",
    "positive",
    "positive_definite",
    "real",
    "simplex",
    "sorted_",
    "symmetric",
    "triangular",
    "unit",
]

GOING: Mapping[str, str] = MappingProxyType({})
"""The names that are to go, and where what they stand for is now."""

if not TYPE_CHECKING:  # where any name would seem to be there
    __getattr__ = going(__name__, GOING)
