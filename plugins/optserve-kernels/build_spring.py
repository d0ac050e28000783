"""How cffi makes the module ``optserve_kernels._spring`` of ``spring.c``."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent / "optserve_kernels"

maker = FFI()
maker.cdef((HERE / "spring.h").read_text())
maker.set_source("optserve_kernels._spring", (HERE / "spring.c").read_text())

if __name__ == "__main__":
    maker.compile(verbose=True)
