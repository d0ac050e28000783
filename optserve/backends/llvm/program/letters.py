"""Products of matrices in the letters of einsum."""

from __future__ import annotations

from collections.abc import Sequence

from optserve.graph.graph import Equation

__all__ = ["letters_of"]


def letters_of(equation: Equation) -> tuple[Sequence[str], str]:
    """The labels of the operands of a ``matmul`` or ``einsum``, and of the result.

    Leading axes of a product of matrices that are broadcast have letters of their own, which the
    result leaves out: they have one entry.
    """
    if equation.primitive.name == "einsum":
        inputs, output = equation.attributes["spec"].split("->")
        return inputs.split(","), output
    left, right = (atom.aval for atom in equation.operands)
    result = equation.results[0].aval
    count = max(left.ndim, right.ndim, 2) - 2
    batch = "abcdefgh"[:count]
    spare = iter("ABCDEFGH")

    def label(shape: Sequence[object], inner: str) -> str:
        own = batch[count - (len(shape) - len(inner)) :] if len(shape) > len(inner) else ""
        wanted = result.shape[count - len(own) : count]
        kept = [
            letter if size == full else next(spare)
            for letter, size, full in zip(own, shape, wanted, strict=False)
        ]
        return "".join(kept) + inner

    x = label(left.shape, "ik" if left.ndim > 1 else "k")
    y = label(right.shape, "kj" if right.ndim > 1 else "k")
    return [x, y], batch + ("i" if left.ndim > 1 else "") + ("j" if right.ndim > 1 else "")
