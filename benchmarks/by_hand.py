"""The C that one would write by hand, compiled where there is a compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.workload import Lazy, Work
from optserve.graph.aval import Array

__all__ = ["c_work"]

SOURCES = Path(__file__).with_name("c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC")


def c_work(name: str, parameters: Sequence[Array], data: Sequence[Array]) -> Work:
    """``NAME(rows, parameters, *data, outputs)`` of ``c/NAME.c``; gives the value and gradients.

    All parameters stand in one array, as do the outputs: the value, then the gradients.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise ImportError("no C compiler")

    def compiled() -> Work:
        function = getattr(_library(compiler, name), name)
        flat = np.concatenate([np.ravel(value) for value in parameters])
        outputs = np.empty(1 + flat.size)
        ends = np.cumsum([1, *(value.size for value in parameters)])
        arrays = [flat, *data, outputs]
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        rows = ctypes.c_long(len(data[0]))

        def work() -> list[Array]:
            function(rows, *pointers)
            value, *gradients = np.split(outputs, ends[:-1])
            shapes = [value.shape for value in parameters]
            return [value[0], *(g.reshape(s) for g, s in zip(gradients, shapes, strict=True))]

        return work

    return Lazy(compiled)


def _library(compiler: str, name: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / f"{name}.so"
        source, compiled = SOURCES / f"{name}.c", Path(folder) / f"{name}.o"
        # Linked without -ffast-math: loading the library would switch off subnormal numbers here.
        for command in (
            [compiler, *FLAGS, "-c", str(source), "-o", str(compiled)],
            [compiler, "-shared", "-fopenmp", str(compiled), "-o", str(library), "-lm"],
        ):
            subprocess.run(command, check=True, capture_output=True)
        return ctypes.CDLL(str(library))
