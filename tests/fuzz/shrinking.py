"""A program that fails, made as small as it can be and still fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from optserve.errors import OptserveError
from tests.fuzz.operations import SIZES
from tests.fuzz.programs import INPUTS, OPERATIONS, Program, Step, arguments

__all__ = ["shrunk"]


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """The smallest program found that ``fails``, as ``program`` does."""
    smaller = next((one for one in _smaller(program) if _fits(one) and fails(one)), None)
    return program if smaller is None else shrunk(smaller, fails)


def _smaller(program: Program) -> Iterator[Program]:
    """Programs with a step less, a simpler operand, or fewer inputs to differentiate by."""
    count = len(program.steps)
    for number in reversed(range(count)):
        for instead in program.steps[number].operands:
            yield _without(program, number, instead)
        for instead in range(len(INPUTS)):
            yield _without(program, number, instead)
    for number, step in enumerate(program.steps):
        for place, operand in enumerate(step.operands):
            for other in range(min(operand, len(INPUTS))):
                operands = (*step.operands[:place], other, *step.operands[place + 1 :])
                steps = list(program.steps)
                steps[number] = Step(step.name, operands)
                yield replace(program, steps=tuple(steps))
    for number in program.wrt:
        if len(program.wrt) > 1:
            yield replace(program, wrt=tuple(one for one in program.wrt if one != number))


def _without(program: Program, number: int, instead: int) -> Program:
    """The program without a step, another value in place of what it makes."""
    gone = len(INPUTS) + number

    def renamed(operand: int) -> int:
        operand = instead if operand == gone else operand
        return operand - 1 if operand > gone else operand

    steps = [
        Step(step.name, tuple(map(renamed, step.operands)))
        for other, step in enumerate(program.steps)
        if other != number
    ]
    return replace(program, steps=tuple(steps))


def _fits(program: Program) -> bool:
    """Whether every operand is one that its operation takes."""
    if not program.steps:
        return False
    values = arguments(SIZES, program.precision, program.seed)
    with np.errstate(all="ignore"):
        for step in program.steps:
            operation = OPERATIONS[step.name]
            operands = [values[number] for number in step.operands]
            for place, fits in enumerate(operation.takes):
                if not fits(operands[place], *operands[:place]):
                    return False
            try:
                values.append(np.asarray(operation.apply(*operands)))
            except (OptserveError, ValueError, IndexError):
                return False
    return True
