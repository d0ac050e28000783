"""Pairs of rows: a table's rows meet themselves on a second axis only where ``None`` says so.

``y - X @ W`` with ``W`` of shape (p, 1) is (n) minus (n, 1), of which broadcasting makes (n, n): a
number for each pair of rows, which nobody meant. ``x[:, None] - x`` makes them too, and says so. An
axis of length 1 is therefore *plain* unless it was written as ``None`` beside rows, and stays what
it is from operation to operation: it goes where the axis rules of the primitives say that rows
would go. Where a plain axis and a written one meet, the result is plain.

``X[:, g]`` by a column ``g`` is such a thing too: what ``g`` picks in every row, for every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optserve.errors import ShapeError
from optserve.graph.aval import Shape
from optserve.graph.dim import Dim, Size
from optserve.graph.graph import Atom, Equation, Graph
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.indexing import take
from optserve.primitives.tracing import body_of

__all__ = ["RowPairs", "only_entry"]

RowAxes = frozenset[int]


class RowPairs:
    """Which axes of length 1 are plain, of the values that expressions have built so far.

    In the body of a primitive (``authored``) only those are that come from its operands: what its
    author makes, in Python, has NumPy's meaning.
    """

    def __init__(self, *, authored: bool = False) -> None:
        self._authored = authored
        self._plain: dict[Atom, RowAxes] = {}
        self._followed: dict[Trace, int] = {}

    def follow(self, trace: Trace, *, check: bool = True) -> None:
        """Take note of what was recorded in ``trace`` since the last time, and ``check`` it.

        Raises ``ShapeError`` where a broadcast puts the rows of one table on two axes.
        """
        for inner, value in trace.captures():
            if isinstance(value, Tracer):
                self._plain.setdefault(inner, self.plain(value.atom))
        start = self._followed.get(trace, 0)
        self._followed[trace] = len(trace.equations)
        for equation in trace.equations[start:]:
            crossed = self._crossed(equation) if check else None
            if crossed is not None:
                raise _refusal(equation, *crossed)
            if check and _picks_pairs(equation):
                raise _refused_pick(equation)
            self._note(equation)

    def plain(self, atom: Atom) -> RowAxes:
        """The axes of length 1 that were not written as ``None``."""
        return self._plain.get(atom, self._made(atom))

    def written_of(self, value: Tracer) -> RowAxes:
        """The axes of ``value`` that were written as ``None`` and still have length 1."""
        return _ones(value.shape) - self.plain(value.atom)

    def written(self, value: Tracer, axes: Iterable[int]) -> None:
        """Take note that ``axes`` of ``value`` were written as ``None``, and no others."""
        self._plain[value.atom] = _ones(value.shape) - frozenset(axes)

    def _made(self, atom: Atom) -> RowAxes:
        """The plain axes of a value of which nothing else is known."""
        return frozenset() if self._authored else _ones(atom.aval.shape)

    def _note(self, equation: Equation) -> None:
        """Which axes of the result are plain: those that come from a plain one, or from none."""
        [result, *more] = equation.results
        ones = _ones(result.aval.shape)
        if result in self._plain or more or not ones:
            return
        if all(self.plain(atom) == self._made(atom) for atom in equation.operands):
            return
        if _left_to_body(equation):
            body, within = self._body(equation, authored=self._authored)
            for step in body.equations:
                within._note(step)
            self._plain[result] = within.plain(body.outputs[0])
            return
        sources: dict[int | None, list[bool]] = {}
        for atom, targets in zip(equation.operands, _targets(equation), strict=True):
            has_rows = not _row_axes(atom.aval.shape, targets) <= {None}
            for axis in _ones(atom.aval.shape):
                plain = axis in self.plain(atom)
                if plain or has_rows:
                    sources.setdefault(targets[axis], []).append(plain)
        made = self._made(result)
        self._plain[result] = frozenset(
            axis for axis in ones if any(sources.get(axis, [axis in made]))
        )

    def _crossed(self, equation: Equation) -> tuple[int, int] | None:
        """The operand, and its plain axis, that give rows of a table a second axis."""
        suspects = [
            (number, axis)
            for number, atom in enumerate(equation.operands)
            for axis in self.plain(atom)
        ]
        with_rows = any(isinstance(n, Dim) for atom in equation.operands for n in atom.aval.shape)
        if not suspects or not with_rows or len(equation.results) > 1:
            return None
        if not _left_to_body(equation):
            return next((one for one in suspects if _crosses(equation, *one)), None)
        body, within = self._body(equation, authored=True)
        for step in body.equations:
            if within._crossed(step) is not None:
                return suspects[0]
            within._note(step)
        return None

    def _body(self, equation: Equation, *, authored: bool) -> tuple[Graph, RowPairs]:
        """The body of a composite primitive, and what is plain of its inputs."""
        avals = [atom.aval for atom in equation.operands]
        body = body_of(equation.primitive, avals, equation.attributes).graph
        within = RowPairs(authored=authored)
        within._plain.update(zip(body.inputs, map(self.plain, equation.operands), strict=False))
        return body, within


def only_entry(axis: int, entry: str = "0") -> str:
    """The index that takes the only entry along ``axis``.

    >>> only_entry(1), only_entry(0), only_entry(1, "None")
    ('[:, 0]', '[0]', '[:, None]')
    """
    return f"[{':, ' * axis}{entry}]"


def _ones(shape: Shape) -> RowAxes:
    return frozenset(axis for axis, size in enumerate(shape) if size == 1)


def _names(size: Size) -> frozenset[str]:
    return size.names if isinstance(size, Dim) else frozenset()


def _left_to_body(equation: Equation) -> bool:
    return equation.primitive.axes is None and equation.primitive.body is not None


def _targets(equation: Equation) -> Sequence[Sequence[int | None]]:
    """For each axis of each operand the axis of the result that it becomes, if it stays one."""
    rule = equation.primitive.axes
    avals = [atom.aval for atom in equation.operands]
    found: list[list[int | None]] = []
    for number, aval in enumerate(avals):
        found.append([])
        for axis in range(aval.ndim):
            carried = [axis if other == number else None for other in range(len(avals))]
            answer = None if rule is None else rule(carried, *avals, **equation.attributes)
            found[-1].append(answer if isinstance(answer, int) else None)
    return found


def _row_axes(shape: Shape, targets: Sequence[int | None]) -> set[int | None]:
    """What becomes of the axes that are rows: an axis of the result, or none."""
    return {to for to, size in zip(targets, shape, strict=True) if isinstance(size, Dim)}


def _crosses(equation: Equation, number: int, axis: int) -> bool:
    """Whether rows are put along ``axis`` of an operand that has rows of that table elsewhere.

    Not where another operand has rows along both axes: these are pairs already.
    """
    shape = equation.results[0].aval.shape
    targets = _targets(equation)
    target = targets[number][axis]
    if target is None or not isinstance(shape[target], Dim):
        return False
    rows = [
        _row_axes(atom.aval.shape, own)
        for own, atom in zip(targets, equation.operands, strict=True)
    ]
    return any(
        _names(shape[place]) & _names(shape[target])
        and not any({place, target} <= own for own in rows)
        for place in rows[number]
        if place is not None
    )


def _picks_pairs(equation: Equation) -> bool:
    """Whether entries of rows are picked along another axis by rows of the same table."""
    if equation.primitive is not take:
        return False
    x, indices = (atom.aval.shape for atom in equation.operands)
    picking = frozenset[str]().union(*map(_names, indices))
    along = equation.attributes["axis"]
    kept = frozenset[str]().union(*map(_names, (*x[:along], *x[along + 1 :])))
    return bool(kept & picking) and not _names(x[along]) & picking


def _refused_pick(equation: Equation) -> ShapeError:
    x, indices = (atom.aval.shape for atom in equation.operands)
    name = min(name for size in indices for name in _names(size))
    return ShapeError(
        f"an index of shape {indices} into {x} picks entries of each row of {name} for every other",
        expected="an index without rows, or one that goes along the rows",
        remedy="for one entry of each row x[arange(x.shape[0]), i]; "
        "for all pairs write x[arange(x.shape[0])[:, None], i]",
        code="row-pairs",
    )


def _refusal(equation: Equation, number: int, axis: int) -> ShapeError:
    shapes = [atom.aval.shape for atom in equation.operands]
    name = min(name for shape in shapes for size in shape for name in _names(size))
    listed = " and ".join(str(shape) for shape in shapes if shape)
    return ShapeError(
        f"broadcasting {listed} pairs each row of {name} with every other",
        expected=f"rows along one axis: the axis of length 1 of {shapes[number]} "
        "was not written as None",
        remedy=f"take its only entry with {only_entry(axis)}, or give a parameter the shape [p] "
        f"in place of [p, 1]; where all pairs are meant, write {only_entry(axis, 'None')}",
        code="row-pairs",
    )
