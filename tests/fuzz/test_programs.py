"""Random programs over rows on every engine against ``interpret``: values and gradients.

A failure names the seed of its program: ``program(seed)`` draws it again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.backends import chunks, shared_chunks
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.primitives.tracing import verify
from optserve.transforms.finite_sum import finite_sum
from tests.fuzz.engines import check_backend, check_eager, grouped, together
from tests.fuzz.programs import Program, arguments, program

TILE = 16
FEW = {"data": 6, "other": 4}
EMPTY = {"data": 0, "other": 3}
COUNTS = (
    EMPTY,
    {"data": 1, "other": TILE},
    {"data": TILE + 1, "other": 1},
    {"data": 3 * TILE + 3, "other": 2 * TILE + 8},
)
BACKENDS = (numpy_backend, llvm_backend)

pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
PROGRAMS, BATCH = 200, 50
MANY = 5_000


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tiles so small that several make a chunk and several chunks a pass, which threads share."""
    monkeypatch.setattr(chunks, "MAX_TILE_ROWS", TILE)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 2)
    monkeypatch.setattr(shared_chunks, "THREADED_ENTRIES", 0)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


def programs(first: int, count: int) -> list[Program]:
    return [program(seed) for seed in range(first, first + count)]


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_backends(first: int) -> None:
    for group in grouped(programs(first, BATCH), EMPTY):
        for make in BACKENDS:
            check_backend(make(2), group, COUNTS)


def test_passes_are_sound_and_threads_change_no_bit() -> None:
    for group in grouped(programs(PROGRAMS, BATCH), EMPTY):
        graph = verify(together(group))
        verify(finite_sum(graph))
        given = arguments(COUNTS[-1], group[0].precision, 0)
        for make in BACKENDS:
            one, *others = [make(threads).compile(graph)(*given) for threads in (1, 2, 3)]
            for other in others:
                for left, right in zip(one, other, strict=True):
                    assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_the_eager_engine(first: int) -> None:
    for one in programs(first, BATCH)[::3]:
        check_eager(one, FEW)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(PROGRAMS, PROGRAMS + MANY, BATCH))
def test_many_more(first: int) -> None:
    for one in programs(first, BATCH):
        check_eager(one, FEW)
        for make in BACKENDS:
            check_backend(make(2), [one], COUNTS)
