"""``vmap``: a graph of one value turned into the graph of many, along one more axis in front.

An equation of which no operand has the new axis is left as it is, and computed once. What is
elementwise broadcasts, a sum of products is one with one more letter, and what looks along axes
says itself what becomes of them (``Facts.batched``). Else the new axis joins one along which the
axis rule keeps rows apart; a composite without a derivative of its own is written out; and what is
left is applied to one after the other, by ``scan``.

On arrays it computes; on tracers it records, so that it composes with derivatives either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_letters
from typing import Any

from optserve.graph.aval import Aval, aval_of
from optserve.graph.dim import Size
from optserve.graph.graph import Equation, Graph, Var
from optserve.graph.interpret import resolved
from optserve.graph.leading import Leading
from optserve.graph.primitive import Primitive, Value, listed
from optserve.graph.trace import Tracer
from optserve.primitives.loops import cond, cond_primitive, scan
from optserve.primitives.products import einsum
from optserve.primitives.shaping import reshape, transpose
from optserve.primitives.sums import broadcast_to
from optserve.primitives.tracing import body_of
from optserve.transforms.foreign import blamed
from optserve.transforms.joined_rows import joined
from optserve.transforms.reverse import Environment
from optserve.transforms.rules import recorded_at

__all__ = ["in_front", "vmap"]

Flags = Sequence[bool]
"""Of each value whether it has the new axis."""


def vmap(
    graph: Graph, arguments: Sequence[Value], carried: Flags, size: Size
) -> tuple[tuple[Value, ...], tuple[bool, ...]]:
    """The outputs of ``graph`` for each of ``size`` entries, and which of them have that axis.

    Those of ``arguments`` that are ``carried`` have an axis of ``size`` in front of those of the
    graph's input. So have all outputs that depend on them; the others do not.
    """
    like = [_entry(x) if flag else x for x, flag in zip(arguments, carried, strict=True)]
    environment = Environment(graph, arguments, like=like)
    flags = {v for v, flag in zip(graph.inputs, carried, strict=True) if flag}
    for equation in graph.equations:
        operands = [environment.read(atom) for atom in equation.operands]
        own = [atom in flags for atom in equation.operands]
        with recorded_at(operands, equation.place):
            if any(own):
                results = _Batch(environment, size, equation).results(operands, own)
                flags.update(equation.results)
            else:
                results = environment.bind(equation, operands)
        environment.values.update(zip(equation.results, results, strict=True))
    outputs = tuple(environment.read(atom) for atom in graph.outputs)
    return outputs, tuple(atom in flags for atom in graph.outputs)


def _entry(value: Value) -> Aval:
    """The aval of one of many values."""
    aval = aval_of(value)
    return Aval(aval.shape[1:], aval.dtype)


def in_front(value: Value, axis: int) -> Value:
    """``value`` with its ``axis`` moved in front of all others."""
    if axis == 0:
        return value
    rest = (i for i in range(len(aval_of(value).shape)) if i != axis)
    return transpose.bind(value, axes=(axis, *rest))


class _Batch:
    """One equation for ``size`` entries at once."""

    def __init__(self, environment: Environment, size: Size, equation: Equation) -> None:
        self.environment = environment
        self.size = size
        self.primitive: Primitive = equation.primitive
        self.attributes: Mapping[str, Any] = resolved(equation.attributes, environment.rows)
        self.avals = [_resolved(atom.aval, environment) for atom in equation.operands]
        self.made = [_resolved(variable.aval, environment) for variable in equation.results]

    def results(self, operands: Sequence[Value], carried: Flags) -> tuple[Value, ...]:
        """The results, which all have the new axis in front."""
        primitive = self.primitive
        if primitive.kind == "control":
            choice = primitive is cond_primitive
            return (self._cond if choice else self._control)(operands, carried)
        if primitive.facts.contraction is not None:
            return (self._products(operands, carried),)
        if primitive.facts.batched is not None:
            way = primitive.facts.batched(carried, self.size, *self.avals, **self.attributes)
            if way is None:
                return self._one_by_one(operands, carried)
            if isinstance(way, Leading):
                return self._leading(way, operands, carried)
            return listed(way(*self._filled(operands, carried)))
        if primitive.aligns:
            leading = Leading(self.attributes, operands="aligned")
            return self._leading(leading, operands, carried)
        if primitive.body is not None and not primitive.states_derivative:
            return self._body(operands, carried)
        with blamed(primitive, "axis rule"):
            found = joined(primitive, self.attributes, self.avals, carried)
        if found is not None:
            return found.results(self._filled(operands, carried, found.spread), self.size)
        return self._one_by_one(operands, carried)

    def _leading(
        self, leading: Leading, operands: Sequence[Value], carried: Flags
    ) -> tuple[Value, ...]:
        if leading.operands == "all":
            operands = self._filled(operands, carried)
        if leading.operands == "aligned":
            ndim = self.made[0].ndim
            operands = [
                self._aligned(operand, aval, ndim) if flag else operand
                for operand, aval, flag in zip(operands, self.avals, carried, strict=True)
            ]
        out = self.primitive.bind(*operands, **leading.attributes)
        return tuple(in_front(result, leading.axis) for result in listed(out))

    def _aligned(self, operand: Value, aval: Aval, ndim: int) -> Value:
        if aval.ndim == ndim:
            return operand
        return reshape.bind(operand, shape=(self.size, *(1,) * (ndim - aval.ndim), *aval.shape))

    def _products(self, operands: Sequence[Value], carried: Flags) -> Value:
        contraction = self.primitive.facts.contraction
        assert contraction is not None
        labels, output = contraction(*self.avals, **self.attributes)
        letter = next(one for one in ascii_letters if one not in "".join([*labels, output]))
        own = [letter * flag + label for flag, label in zip(carried, labels, strict=True)]
        return einsum.bind(*operands, spec=f"{','.join(own)}->{letter}{output}")

    def _body(self, operands: Sequence[Value], carried: Flags) -> tuple[Value, ...]:
        traced = body_of(self.primitive, self.avals, self.attributes)
        inputs = [*operands, *traced.captured]
        flags = [*carried, *(False for _ in traced.captured)]
        outputs, own = vmap(traced.graph, inputs, flags, self.size)
        return tuple(self._filled(outputs, own))

    def _one_by_one(self, operands: Sequence[Value], carried: Flags) -> tuple[Value, ...]:
        def applied(*given: Value) -> tuple[Value, ...]:
            return listed(self.primitive.bind(*given, **self.attributes))

        return self._looped(applied, operands, carried)

    def _looped(
        self, function: Callable[..., tuple[Value, ...]], operands: Sequence[Value], carried: Flags
    ) -> tuple[Value, ...]:
        """``function`` of each entry, one after the other."""
        sequences = tuple(x for x, flag in zip(operands, carried, strict=True) if flag)

        def step(state: Value, entries: Sequence[Value]) -> tuple[Value, Value]:
            own = iter(entries)
            given = [next(own) if flag else x for x, flag in zip(operands, carried, strict=True)]
            return state, function(*given)

        _, stacked = scan(step, (), sequences)
        return tuple(stacked)

    def _cond(self, operands: Sequence[Value], carried: Flags) -> tuple[Value, ...]:
        if carried[0]:  # each entry takes a side of its own, and only that is to be computed
            return self._one_by_one(operands, carried)
        condition, *values = operands

        def branch(graph: Graph) -> Callable[..., tuple[Value, ...]]:
            return lambda *given: tuple(self._filled(*vmap(graph, given, carried[1:], self.size)))

        sides = (branch(self.attributes["if_true"]), branch(self.attributes["if_false"]))
        found: tuple[Value, ...] = cond(condition, *sides, *values)
        return found

    def _control(self, operands: Sequence[Value], carried: Flags) -> tuple[Value, ...]:
        if "carries" not in self.attributes:
            return self._one_by_one(operands, carried)
        return self._scan(operands, carried, **self.attributes)

    def _scan(
        self,
        operands: Sequence[Value],
        carried: Flags,
        *,
        body: Graph,
        carries: int,
        scanned: int,
        length: Size,
        backward: bool,
    ) -> tuple[Value, ...]:
        """The loop over steps of all entries at once, which carries what any step makes of them."""
        del length
        rest = carries + scanned
        begin, flags = list(carried[:carries]), list(carried[carries:])
        while True:
            reached = _reached(body, [*begin, *flags])
            grown = [one or more for one, more in zip(begin, reached, strict=False)]
            if grown == begin:
                break
            begin = grown
        init = self._filled(operands[:carries], carried[:carries], begin)
        xs = [
            _behind_the_first(x) if flag else x
            for x, flag in zip(operands[carries:rest], flags, strict=False)
        ]
        wanted = [*begin, *reached[carries:]]

        def step(state: Sequence[Value], slices: Sequence[Value]) -> tuple[Value, Value]:
            given = [*state, *slices, *operands[rest:]]
            outputs, own = vmap(body, given, [*begin, *flags], self.size)
            filled = self._filled(outputs, own, wanted)
            return tuple(filled[:carries]), tuple(filled[carries:])

        end, stacked = scan(step, tuple(init), tuple(xs), backward)
        made = [
            _behind_the_first(x) if f else x for x, f in zip(stacked, wanted[carries:], strict=True)
        ]
        return tuple(self._filled([*end, *made], wanted))

    def _filled(
        self, values: Sequence[Value], carried: Flags, wanted: Flags | None = None
    ) -> list[Value]:
        """``values`` with the new axis in all that are ``wanted`` to have it."""
        asked = [True for _ in values] if wanted is None else wanted
        return [
            self._repeated(value) if want and not flag else value
            for value, flag, want in zip(values, carried, asked, strict=True)
        ]

    def _repeated(self, value: Value) -> Value:
        trace = self.environment.trace
        known = value if trace is None or isinstance(value, Tracer) else trace.lift(value)
        return broadcast_to.bind(known, shape=(self.size, *aval_of(value).shape))


def _resolved(aval: Aval, environment: Environment) -> Aval:
    return Aval(resolved({"shape": aval.shape}, environment.rows)["shape"], aval.dtype)


def _behind_the_first(value: Value) -> Value:
    """``value`` with its first two axes exchanged."""
    return transpose.bind(value, axes=(1, 0, *range(2, len(aval_of(value).shape))))


def _reached(graph: Graph, carried: Flags) -> list[bool]:
    """Which outputs of ``graph`` depend on the inputs that are ``carried``."""
    reached: set[Any] = {v for v, flag in zip(graph.inputs, carried, strict=True) if flag}
    for equation in graph.equations:
        if not reached.isdisjoint(equation.operands):
            reached.update(equation.results)
    return [isinstance(atom, Var) and atom in reached for atom in graph.outputs]
