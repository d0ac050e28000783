"""One elementwise equation, on scalars or on lanes."""

from __future__ import annotations

from collections.abc import Sequence

from optserve.backends.llvm.builder import IRValue
from optserve.backends.llvm.instructions import INSTRUCTIONS
from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import convert, is_floating
from optserve.backends.llvm.program.values import register_type
from optserve.backends.llvm.program.writer import Writer
from optserve.graph.graph import Equation

__all__ = ["apply"]

OF_WHOLE_NUMBERS = frozenset({"floor_divide", "remainder"})


def apply(w: Writer, equation: Equation, given: Sequence[IRValue]) -> IRValue:
    """The result from operands of one number of lanes."""
    name = equation.primitive.name
    if name == "cast":
        return convert(w.b, given[0], register_type(equation.results[0].aval.dtype))
    if name not in INSTRUCTIONS:
        raise Unsupported(f"{name} has no native form")
    if name in FUNCTIONS:
        if not is_floating(given[-1]) and name not in OF_WHOLE_NUMBERS:
            raise Unsupported(f"{name} of whole numbers")
        if w.plan.outlined:
            return w.b.outlined(name, FUNCTIONS[name], *given)
    return INSTRUCTIONS[name](w.b, *given)
