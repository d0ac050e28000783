"""``python -m benchmarks.gallery [NAME ...]``: draw the pictures of docs/gallery.md.

Each config is run, with what its picture needs of the values at the end added by ``probe``. Takes
matplotlib, which nothing else here does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gallery.drawing import drawn
from benchmarks.gallery.learning import LEARNING
from benchmarks.gallery.motion import MOTION
from benchmarks.gallery.statistics import STATISTICS

__all__ = ["PICTURES", "main"]

PICTURES = {**STATISTICS, **MOTION, **LEARNING}
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gallery"


def main(names: Sequence[str]) -> int:
    """Draw the named pictures, or all."""
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        print(f"no picture {', '.join(unknown)}; there are {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        drawn(name, PICTURES[name], FOLDER / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
