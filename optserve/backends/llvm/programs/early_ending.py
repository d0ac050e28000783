"""Loops that end before their last step, found in a ``scan`` whose body is a choice.

A body that works until its carry says that nothing is left to do, and from then on hands the carry
on as it is, is two loops: one that works, whose test is its own, and one that does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from optserve.graph.graph import Atom, Equation, Graph
from optserve.primitives.loops import cond_primitive
from optserve.transforms.simplify import prune, reads

__all__ = ["Ending", "ending_of"]


@dataclass(frozen=True)
class Ending:
    """A body in parts: ``test`` (carries, constants) -> a truth value; the work ends where it
    is ``ends_if``.

    ``before`` is the body while it works; ``after`` gives the stacked outputs once it does not,
    when the carries stay what they are. Both take what the body takes.
    """

    test: Graph
    ends_if: bool
    before: Graph
    after: Graph


def ending_of(equation: Equation) -> Ending | None:
    """The parts of a ``scan`` that may end early, or ``None`` where it is none."""
    body: Graph = equation.attributes["body"]
    carries, scanned = equation.attributes["carries"], equation.attributes["scanned"]
    if not body.equations or body.equations[-1].primitive is not cond_primitive:
        return None
    *first, choice = body.equations
    condition = choice.operands[0]
    kept = (*body.inputs[:carries], *body.inputs[carries + scanned :])
    test = prune(Graph(kept, tuple(first), (condition,)))
    if not reads(test).isdisjoint(body.inputs[carries : carries + scanned]):
        return None
    for ends_if, idle, busy in ((True, "if_true", "if_false"), (False, "if_false", "if_true")):
        after = _taking(body, choice.attributes[idle])
        if after.outputs[:carries] == body.inputs[:carries]:
            outputs = prune(replace(after, outputs=after.outputs[carries:]))
            return Ending(test, ends_if, _taking(body, choice.attributes[busy]), outputs)
    return None


def _taking(body: Graph, branch: Graph) -> Graph:
    """The body with its last equation, a choice, decided."""
    *first, choice = body.equations
    given = dict[Atom, Atom](zip(branch.inputs, choice.operands[1:], strict=True))
    equations = [
        replace(equation, operands=tuple(given.get(atom, atom) for atom in equation.operands))
        for equation in branch.equations
    ]
    made = [given.get(atom, atom) for atom in branch.outputs]
    chosen = dict[Atom, Atom](zip(choice.results, made, strict=True))
    outputs = tuple(chosen.get(atom, atom) for atom in body.outputs)
    return prune(Graph(body.inputs, (*first, *equations), outputs))
