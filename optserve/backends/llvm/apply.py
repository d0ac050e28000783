"""One elementwise equation, on scalars or on lanes."""

from __future__ import annotations

from collections.abc import Sequence

from optserve.backends.llvm.builder import Builder, IRValue, element
from optserve.backends.llvm.instructions import INSTRUCTIONS
from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.backends.llvm.memory import register_type
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import convert, is_floating
from optserve.backends.llvm.whole_numbers import CHECKED
from optserve.graph.graph import Equation

__all__ = ["apply"]

OF_WHOLE_NUMBERS = frozenset({"floor_divide", "remainder"})


def apply(
    b: Builder,
    equation: Equation,
    given: Sequence[IRValue],
    outlined: bool,
    mask: IRValue | None = None,
) -> IRValue:
    """The result from operands of one number of lanes, of which ``mask`` says which are in use.

    Mathematical functions are calls where ``outlined``, else written out.
    """
    name, type_ = equation.primitive.name, register_type(equation.results[0].aval.dtype)
    if name == "cast":
        return convert(b, given[0], type_)
    if name in CHECKED:
        return CHECKED[name](b, mask, *given)
    if name not in INSTRUCTIONS:
        raise Unsupported(f"{name} has no native form")
    if name in FUNCTIONS and not is_floating(given[-1]) and name not in OF_WHOLE_NUMBERS:
        raise Unsupported(f"{name} of whole numbers")
    if name in FUNCTIONS and outlined:
        result = b.outlined(name, FUNCTIONS[name], *given)
    else:
        result = INSTRUCTIONS[name](b, *given)
    assert element(result.type) == type_, f"{name} gives {result.type} in place of {type_}"
    return result
