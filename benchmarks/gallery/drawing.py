"""A fit of an example, and the frame of its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import optserve
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.composition import probe

__all__ = ["BLUE", "GREY", "ORANGE", "Fit", "Picture", "drawn"]

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
BLUE, ORANGE, GREY = "#2b6cb0", "#dd6b20", "#718096"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": "#4a5568",
    "lines.linewidth": 1.6,
    "legend.frameon": False,
}


class Fit:
    """The end of a config: parameters ``p`` by name, columns of training rows, probed values."""

    def __init__(self, name: str, probes: Mapping[str, str]) -> None:
        overrides = [f'define.{key}=probe({value}, label="{key}")' for key, value in probes.items()]
        problem = optserve.load(CONFIGS / f"{name}.yaml", overrides=overrides)
        result = optserve.run(problem)
        self.p = {one: np.asarray(value) for one, value in result.parameters.items()}
        self.data = {one: np.asarray(value) for one, value in problem.objective.data.items()}
        self.seen = _probed(problem.objective.graph, [*self.p.values(), *self.data.values()])


def _probed(graph: Graph, arguments: Sequence[Any]) -> Mapping[str, Any]:
    """The probed values by label; a result tells only how large they are."""
    found = {
        equation.attributes["label"]: equation.operands[0]
        for equation in graph.equations
        if equation.primitive is probe
    }
    values = interpret(replace(graph, outputs=tuple(found.values())), *arguments)
    return dict(zip(found, map(np.asarray, values), strict=True))


@dataclass(frozen=True)
class Picture:
    """What is drawn of a fit: ``probes`` are values of ``define``, with their expressions."""

    draw: Callable[[Fit, Any], None]
    probes: Mapping[str, str] = field(default_factory=dict)


def drawn(name: str, picture: Picture, file: Path) -> None:
    """Run the config ``name`` and write its picture into ``file``."""
    fit = Fit(name, picture.probes)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.2), dpi=80, layout="constrained")
        picture.draw(fit, figure.add_subplot())
        figure.savefig(file, metadata={"Software": None})
