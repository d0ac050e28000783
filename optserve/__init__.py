"""optserve: gradient descent of losses that are declared in a file, by primitives that carry their
derivative rules.

The command line is the usual way in (``optserve run config.yaml``). From Python, derivatives of
functions written in NumPy:

>>> import numpy as np
>>> import optserve
>>> optserve.grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
array([2., 4.])

Names are imported when they are first used, so that ``import optserve`` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, which takes longer to import than all the rest

if TYPE_CHECKING:
    from typing import Any

    from optserve.config import load
    from optserve.config.schema.config import (
        Config,
        Expect,
        Minibatch,
        Plateau,
        Plugins,
        Starts,
        Stop,
    )
    from optserve.config.schema.define import Composition, Pipe
    from optserve.config.schema.loss import Comparison
    from optserve.config.schema.output import Output
    from optserve.config.schema.parameter import Parameter, Penalty
    from optserve.config.schema.table import Column, Split, Table
    from optserve.config.schema.uncertainty import Uncertainty
    from optserve.fitting.curve_fit import curve_fit
    from optserve.fitting.plotting import plot
    from optserve.fitting.solve import least_squares, minimize
    from optserve.functions.compiled_function import compile  # noqa: A004 - as it is to be written
    from optserve.jobs.record.result import Result
    from optserve.jobs.run import run
    from optserve.primitives.composition import compose, identity, pipe, probe
    from optserve.primitives.custom import checkpoint, custom_vjp, stop_gradient
    from optserve.primitives.loops import cond, fori_loop, scan
    from optserve.transforms.functions import grad, jvp, linearize, value_and_grad, vjp
    from optserve.transforms.jacobians import gauss_newton_vp, hessian, hvp, jacobian
    from optserve.transforms.mapped import vmap
    from optserve.transforms.tape import Tape
    from optserve.transforms.variables import Variable

__all__ = [
    "Column",
    "Comparison",
    "Composition",
    "Config",
    "Expect",
    "Minibatch",
    "Output",
    "Parameter",
    "Penalty",
    "Pipe",
    "Plateau",
    "Plugins",
    "Result",
    "Split",
    "Starts",
    "Stop",
    "Table",
    "Tape",
    "Uncertainty",
    "Variable",
    "__version__",
    "checkpoint",
    "compile",
    "compose",
    "cond",
    "curve_fit",
    "custom_vjp",
    "fori_loop",
    "gauss_newton_vp",
    "grad",
    "hessian",
    "hvp",
    "identity",
    "jacobian",
    "jvp",
    "least_squares",
    "linearize",
    "load",
    "minimize",
    "pipe",
    "plot",
    "probe",
    "run",
    "scan",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]

__version__ = "0.1.0"

_HOMES = (
    ("optserve.config", ("load",)),
    (
        "optserve.config.schema.config",
        ("Config", "Expect", "Minibatch", "Plateau", "Plugins", "Starts", "Stop"),
    ),
    ("optserve.config.schema.define", ("Composition", "Pipe")),
    ("optserve.config.schema.loss", ("Comparison",)),
    ("optserve.config.schema.output", ("Output",)),
    ("optserve.config.schema.parameter", ("Parameter", "Penalty")),
    ("optserve.config.schema.table", ("Column", "Split", "Table")),
    ("optserve.config.schema.uncertainty", ("Uncertainty",)),
    ("optserve.fitting.curve_fit", ("curve_fit",)),
    ("optserve.fitting.plotting", ("plot",)),
    ("optserve.fitting.solve", ("least_squares", "minimize")),
    ("optserve.jobs.record.result", ("Result",)),
    ("optserve.jobs.run", ("run",)),
    ("optserve.functions.compiled_function", ("compile",)),
    ("optserve.primitives.composition", ("compose", "identity", "pipe", "probe")),
    ("optserve.primitives.custom", ("checkpoint", "custom_vjp", "stop_gradient")),
    ("optserve.primitives.loops", ("cond", "fori_loop", "scan")),
    ("optserve.transforms.functions", ("grad", "jvp", "linearize", "value_and_grad", "vjp")),
    ("optserve.transforms.mapped", ("vmap",)),
    ("optserve.transforms.jacobians", ("gauss_newton_vp", "hessian", "hvp", "jacobian")),
    ("optserve.transforms.tape", ("Tape",)),
    ("optserve.transforms.variables", ("Variable",)),
)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOMES:
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'optserve' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
