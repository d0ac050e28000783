"""Rules with one fault each, for `benchmarks.mutations`: what finds them?"""

from __future__ import annotations

from benchmarks.faulty import cotangents, formulas, promises, state
from benchmarks.faulty.mutant import Mutant

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: tuple[Mutant, ...] = (
    *formulas.MUTANTS,
    *cotangents.MUTANTS,
    *promises.MUTANTS,
    *state.MUTANTS,
)
"""All of them, by where the fault is."""
