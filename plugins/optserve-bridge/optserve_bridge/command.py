"""A program of any language, with an adjoint of its own or derivatives by differences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from optserve.plugin import Facts, Primitive
from optserve_bridge.foreign import Array, Shape, foreign
from optserve_bridge.program import Failed, Program

__all__ = ["command"]

MOST_ENTRIES = 200
"""Of operands by which differences are taken: two calls each."""


def command(
    name: str,
    argv: Sequence[str],
    *,
    operands: Sequence[str],
    shape: Callable[..., Shape],
    derivative: Literal["adjoint", "differences"] = "adjoint",
    noise: float = 2.2e-16,
    timeout: float = 60.0,
    **options: Any,
) -> Primitive:
    """A program that is asked by lines of JSON on its input, and answers each by a line.

    Asked ``{"operands": {"x": [...], ...}}`` it answers ``{"value": [...]}``. Asked
    ``{"operands": ..., "cotangent": [...]}`` it answers, where it has an adjoint,
    ``{"cotangents": {"x": ...}}``: for each operand the product of the cotangent with the
    derivative of the value, in its shape (``null`` where the value does not depend on it). Arrays
    are nested lists of numbers.

    It stays running and is started again where it has ended. Where it answers
    ``{"error": "..."}``, ends, or takes longer than ``timeout`` seconds, the evaluation has failed:
    the value is NaN, from which a descent steps back, and why is told on stderr. Anything else it
    may answer is a fault of the program, and ends the run.

    Parameters
    ----------
    name:
        What configs call it.
    argv:
        The program and its arguments; no shell reads them.
    operands:
        Their names.
    shape:
        Maps the shapes of the operands to that of the value.
    derivative:
        ``adjoint``: the program's own. ``differences``: central differences of its values, two
        calls for each entry of the operands, so up to 200 of them.
    noise:
        The relative error of the values, for differences: their step is its cube root, and unless
        it is given ``tolerance`` allows what they are then off by, ``10 * noise ** (2 / 3)``.
    timeout:
        Seconds.
    options:
        Those of ``optserve.plugin.opaque``.
    """
    if derivative not in ("adjoint", "differences"):
        raise ValueError(f"{name}: derivative is 'adjoint' or 'differences', not {derivative!r}")
    program = _Answers(name, Program(argv, timeout), (*operands,))
    options.setdefault("doc", f"The program {argv[0]}.")
    options.setdefault("facts", Facts(remedy=f"see what {name} says on stderr", cost=1e6))
    pullback: Callable[..., tuple[Any, ...]] = program.cotangents
    if derivative == "differences":
        options.setdefault("tolerance", 10.0 * noise ** (2.0 / 3.0))
        pullback = _Differences(name, program.value, float(np.cbrt(noise)))
    return foreign(name, program.value, operands, shape=shape, pullback=pullback, **options)


class _Answers:
    """What a program answers, as arrays."""

    def __init__(self, name: str, program: Program, operands: tuple[str, ...]) -> None:
        self.name = name
        self.program = program
        self.operands = operands
        self.told = ""

    def value(self, *values: Array) -> Array:
        """The value; NaN where it cannot be evaluated, or an operand is not finite."""
        answer = self._ask(values)
        return np.asarray(np.nan) if answer is None else self._array(answer, "value")

    def cotangents(self, cotangent: Array, out: Array, *values: Array) -> tuple[Array, ...]:
        """The cotangents of the operands; NaN likewise."""
        answer = self._ask(values, cotangent=np.asarray(cotangent))
        if answer is None:
            return (*(np.full_like(one, np.nan) for one in values),)
        found = answer.get("cotangents")
        if not isinstance(found, Mapping) or {*found} != {*self.operands}:
            names = ", ".join(self.operands)
            raise ValueError(
                f"{self.name}: `cotangents` is to hold those of {names}, and is {_shown(found)}"
            )
        pairs = zip(self.operands, values, strict=True)
        return (*(self._cotangent(name, found[name], value) for name, value in pairs),)

    def _cotangent(self, operand: str, found: Any, value: Array) -> Array:
        if found is None:
            return np.zeros_like(value)
        array = self._array({operand: found}, operand)
        if array.shape != np.shape(value):
            raise ValueError(
                f"{self.name}: the cotangent of {operand} has the shape {array.shape}, "
                f"the operand {np.shape(value)}"
            )
        return array

    def _ask(self, values: Sequence[Array], **more: Array) -> Mapping[str, Any] | None:
        """What it answers, or ``None`` where the evaluation fails."""
        if not all(np.isfinite(one).all() for one in (*values, *more.values())):
            return None
        asked: dict[str, Any] = {name: one.tolist() for name, one in more.items()}
        pairs = zip(self.operands, values, strict=True)
        asked["operands"] = {name: np.asarray(one).tolist() for name, one in pairs}
        try:
            answer = self.program.ask(asked)
        except Failed as failure:
            self._tell(str(failure))
            return None
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        if not isinstance(answer, Mapping):
            raise ValueError(f"{self.name}: it answered {_shown(answer)}, which is no JSON object")
        if "error" in answer:
            self._tell(str(answer["error"]))
            return None
        return answer

    def _array(self, answer: Mapping[str, Any], key: str) -> Array:
        if key not in answer:
            held = ", ".join(answer) or "nothing"
            raise ValueError(f"{self.name}: its answer has no `{key}`, but {held}")
        try:
            return np.asarray(answer[key], dtype=np.float64)
        except (TypeError, ValueError):
            shown = _shown(answer[key])
            raise ValueError(f"{self.name}: `{key}` is no array of numbers: {shown}") from None

    def _tell(self, why: str) -> None:
        """Say why an evaluation failed, once while it stays the same."""
        if why != self.told:
            sys.stderr.write(f"{self.name}: the evaluation failed: {why}\n")
        self.told = why


def _shown(answer: object) -> str:
    return f"{answer!r:.60}"


class _Differences:
    """Cotangents by central differences of the value."""

    def __init__(self, name: str, value: Callable[..., Array], step: float) -> None:
        self.name = name
        self.value = value
        self.step = step

    def __call__(self, cotangent: Array, out: Array, *values: Array) -> tuple[Array, ...]:
        count = sum(np.size(one) for one in values)
        if count > MOST_ENTRIES:
            raise ValueError(
                f"{self.name}: differences by {count} entries are {2 * count} calls a gradient; "
                f"beyond {MOST_ENTRIES} entries it needs an adjoint"
            )
        return (*(self._by(number, cotangent, values) for number in range(len(values))),)

    def _by(self, number: int, cotangent: Array, values: Sequence[Array]) -> Array:
        operand = np.array(values[number], dtype=np.float64)
        found = np.empty_like(operand)
        for at in np.ndindex(operand.shape):
            ends, middle = [], operand[at]
            for sign in (1.0, -1.0):
                operand[at] = middle + sign * self.step * np.maximum(abs(middle), 1.0)
                moved = (*values[:number], operand.copy(), *values[number + 1 :])
                ends.append((operand[at], self.value(*moved)))
            operand[at] = middle
            (above, high), (below, low) = ends
            found[at] = np.sum(cotangent * (high - low)) / (above - below)
        return found
