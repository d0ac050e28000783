"""Which entries depend on which: never fewer than those that change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from optserve import testing
from optserve.graph.aval import Array, aval_of, is_float
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive, listed
from optserve.primitives.loops import scan
from optserve.primitives.tracing import trace
from optserve.primitives.vocabulary import everyday_primitives
from optserve.transforms import dependence as module
from optserve.transforms.dependence import dependence
from tests.transforms.programs import PROGRAMS, SMOOTH, Program


def changed(graph: Graph, arguments: list[Any], wrt: int) -> Array:
    """Which entries of the outputs change with which of the first inputs."""

    def outputs(given_arguments: list[Any]) -> Array:
        with np.errstate(all="ignore"):
            found = interpret(graph, *given_arguments)
        return np.concatenate([np.ravel(one).astype(np.float64) for one in found])

    before, columns = outputs(arguments), []
    for number in range(wrt):
        for entry in range(np.size(arguments[number])):
            column = np.zeros(before.shape, bool)
            for factor in (1.001, -2.5):
                moved = np.array(arguments[number], dtype=np.float64)
                moved.reshape(-1)[entry] *= factor
                after = outputs([*arguments[:number], moved[()], *arguments[number + 1 :]])
                column |= ~((before == after) | (np.isnan(before) & np.isnan(after)))
            columns.append(column)
    return np.stack(columns, axis=-1)


def check(graph: Graph, arguments: list[Any], wrt: int) -> Array:
    found = dependence(graph, arguments, wrt)
    assert found is not None
    moved = changed(graph, arguments, wrt)
    assert found.shape == moved.shape
    assert not (moved & ~found).any()
    return found


@pytest.mark.parametrize("primitive", everyday_primitives(), ids=str)
def test_what_changes_depends(primitive: Primitive) -> None:
    for case in testing.cases(primitive):
        floats = [n for n, one in enumerate(case.operands) if is_float(aval_of(one).dtype)]
        others = [n for n in range(len(case.operands)) if n not in floats]
        order = [*floats, *others]
        if not sum(case.operands[number].size for number in floats):
            continue

        def applied(*values: Any, case: Any = case, order: Any = order) -> Any:
            operands = [values[order.index(number)] for number in range(len(order))]
            return listed(primitive.bind(*operands, **case.attributes))

        arguments = [np.asarray(case.operands[number]) for number in order]
        traced = trace(applied, *arguments)
        check(traced.graph, [*arguments, *traced.captured], len(floats))


@settings(max_examples=30)
@given(PROGRAMS, SMOOTH)
def test_what_a_program_changes_depends(program: Program, arguments: Any) -> None:
    check(program.graph, [np.asarray(one) for one in arguments], 3)
    graph = program.graph
    steps = tuple(result for one in graph.equations for result in one.results)
    check(replace(graph, outputs=steps), [np.asarray(one) for one in arguments], 3)


def test_rows_that_pick_entries_depend_on_these_alone() -> None:
    poses, points = np.ones((2, 3)), np.ones((4, 3))
    camera, point = np.array([0, 1, 1]), np.array([3, 0, 2])

    def residual(poses: Any, points: Any, camera: Any, point: Any) -> Any:
        moved = np.cross(poses[camera], points[point]) + poses[camera]
        return np.sum(moved * moved, axis=1) - 1.0

    traced = trace(residual, poses, points, camera, point)
    found = check(traced.graph, [poses, points, camera, point, *traced.captured], 2)
    expected = np.zeros((3, 6), int)
    for row, (c, p) in enumerate(zip(camera, point, strict=True)):
        expected[row, c], expected[row, 2 + p] = 1, 1
    np.testing.assert_array_equal(found, np.repeat(expected, 3, axis=1))


def test_what_a_loop_carries_depends_on_all() -> None:
    traced = trace(lambda x: scan(lambda s, v: (s + v, s), 0.0 * x[0], x)[1], np.ones(3))
    assert check(traced.graph, [np.ones(3), *traced.captured], 1).all()


def test_too_many_sets_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = trace(lambda x: x * 2.0, np.ones(9))
    assert dependence(traced.graph, [np.ones(9)], 1) is not None
    monkeypatch.setattr(module, "LARGEST", 8)
    assert dependence(traced.graph, [np.ones(9)], 1) is None
