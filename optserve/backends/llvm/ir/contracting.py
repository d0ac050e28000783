"""Contractions: sums of products of the entries of views, in the letters of einsum.

For ``ij,jk->ik`` there is a loop for each of i, j and k. One of them goes in steps of eight lanes;
which one decides what the lanes are. Along k, a letter of the result, each lane has an entry of its
own, and the loop over j inside adds to all eight at once. Along j, which is summed, the lanes are
parts of one sum, and are added up when it is done. Lanes are quickest along a letter whose entries
are side by side in memory: anything else is read entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial, reduce

from optserve.backends.llvm.ir.builder import LANES, IRValue, constant, vector
from optserve.backends.llvm.ir.nest import (
    FunctionScope,
    Lane,
    address_of,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.ir.operations import add, convert, is_floating, multiply
from optserve.backends.llvm.ir.reducing import SUM
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.graph.dim import Size

__all__ = ["Contraction", "lanes_along", "steps_of"]

Letters = Mapping[str, IRValue | int]
"""Where the loops over letters stand."""


class Contraction:
    """``views`` with the letters of each, ``target`` with those of the result.

    Lanes run along the letter ``along``, "" for none. A product is added by a fused multiply-add
    where ``fused``; the sums are added to what the target holds where ``adds``.
    """

    def __init__(
        self,
        w: FunctionScope,
        labels: Sequence[str],
        output: str,
        views: Sequence[View],
        target: View,
        along: str,
        *,
        fused: bool = True,
        adds: bool = False,
    ) -> None:
        self.w = w
        self.views = views
        self.target = target
        self.along = along
        self.fused = fused
        self.adds = adds
        self.output = output
        self.scalar = "i64" if target.dtype.kind == "b" else storage(target.dtype)
        self.steps = steps_of(labels, views)
        self.sizes: dict[str, Size] = {
            letter: size
            for label, view in zip(labels, views, strict=True)
            for letter, size in zip(label, view.shape, strict=True)
        }
        self.summed = [letter for letter in sorted(self.sizes) if letter not in output]

    def write(self) -> None:
        """The loops: letters of the result outside, those that are summed inside."""
        if not self.along or self.along in self.output:
            self._along_result()
        else:
            self._along_sum()

    def _along_result(self) -> None:
        """Each lane has an entry of the result."""
        w, b, along = self.w, self.w.b, self.along
        outer = [letter for letter in self.output if letter != along]
        strides = dict(zip(self.output, self.target.strides, strict=True))
        swept = (along,) if along else ()
        slots = {lanes: b.alloca(vector(self.scalar, lanes)) for lanes in (1, LANES)}
        with self._loops(outer) as index:
            fixed = dict(zip(outer, index, strict=True))
            first = address_of(w, self.target, index, tuple(strides[one] for one in outer))
            base = replace(self.target, address=first)
            own = tuple(strides[letter] for letter in swept)
            for lane in sweep(w, tuple(self.sizes[letter] for letter in swept)):
                slot, type_ = slots[lane.lanes], vector(self.scalar, lane.lanes)
                b.store(constant(0, type_), slot)
                with self._loops(self.summed) as inner:
                    self._add(slot, {**fixed, **dict(zip(self.summed, inner, strict=True))}, lane)
                total = b.load(slot, type_)
                total = add(b, load(w, base, own, lane), total) if self.adds else total
                store(w, self._finished(total), base, own, lane)

    def _along_sum(self) -> None:
        """The lanes have parts of one sum, which are added up at its end."""
        w, b = self.w, self.w.b
        others = [letter for letter in self.summed if letter != self.along]
        type_ = vector(self.scalar)
        slot = b.alloca(type_)
        with self._loops(self.output) as index:
            b.store(constant(0, type_), slot)
            fixed = dict(zip(self.output, index, strict=True))
            with self._loops(others) as inner:
                for lane in sweep(w, (self.sizes[self.along],)):
                    self._add(slot, {**fixed, **dict(zip(others, inner, strict=True))}, lane)
            total = SUM.across(b, b.load(slot, type_))
            address = address_of(w, self.target, index)
            if self.adds:
                total = add(b, b.load(address, self.scalar), total)
            total = self._finished(total)
            b.store(convert(b, total, storage(self.target.dtype)), address)

    def _finished(self, total: IRValue) -> IRValue:
        """A sum as it is stored: of truth values, which are counted, whether any product holds."""
        return convert(self.w.b, total, "i1") if self.target.dtype.kind == "b" else total

    def _loops(self, letters: Sequence[str]) -> AbstractContextManager[tuple[IRValue, ...]]:
        return loops(self.w, tuple(self.sizes[letter] for letter in letters))

    def _add(self, slot: IRValue, fixed: Letters, lane: Lane) -> None:
        """Add a product to what is in a slot."""
        b = self.w.b
        factors = [self._factor(i, fixed, lane) for i in range(len(self.views))]
        type_ = factors[0].type
        total = b.load(slot, type_)
        if lane.mask is not None:  # whatever the other lanes hold must not reach a sum over lanes
            zero = constant(0, type_)
            factors = [b.select(lane.mask, one, zero) for one in factors]
        if self.fused and len(factors) > 1 and is_floating(total):
            *others, last = factors
            left = reduce(partial(b.binary, "fmul"), others)
            b.store(b.fma(left, last, total), slot)
            return
        b.store(add(b, total, reduce(partial(multiply, b), factors)), slot)

    def _factor(self, position: int, fixed: Letters, lane: Lane) -> IRValue:
        """The lanes of one operand, laid along the letter of the lanes."""
        view, own, along = self.views[position], self.steps[position], self.along
        letters = [letter for letter in own if letter in fixed and letter != along]
        index = tuple(fixed[letter] for letter in letters)
        first = address_of(self.w, view, index, tuple(own[letter] for letter in letters))
        strides = (own.get(along, 0),) if along else ()
        value = load(self.w, replace(view, address=first), strides, lane)
        return convert(self.w.b, value, self.scalar)


def steps_of(labels: Sequence[str], views: Sequence[View]) -> list[dict[str, Size]]:
    """For each operand how far apart entries are along its letters."""
    return [
        dict(zip(label, view.strides, strict=True))
        for label, view in zip(labels, views, strict=True)
    ]


def lanes_along(labels: Sequence[str], output: str, views: Sequence[View]) -> str:
    """The last letter of the result, or one that is summed, along which all entries are adjacent;
    the last of the result where there is none."""
    steps = steps_of(labels, views)
    last: str = output[-1:]
    letters: list[str] = [*last, *sorted(set("".join(labels)) - set(output))]
    for letter in letters:
        if all(own.get(letter, 0) in (0, 1) for own in steps):
            return letter
    return last
