"""Pictures of models of things that change: rates, circuits, paths."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.gallery.drawing import BLUE, CONFIGS, GREY, ORANGE, Fit, Picture

__all__ = ["MOTION"]

COLORS = (BLUE, ORANGE, "#38a169", "#805ad5", GREY)


def _lotka_volterra(fit: Fit, axes: Any) -> None:
    path, years = fit.seen["path"], 1900 + fit.data["year"]
    time = 1900 + np.arange(len(path)) / 20.0
    for at, (name, color) in enumerate((("hare", BLUE), ("lynx", ORANGE))):
        axes.plot(years, fit.data[name], "o", color=color, markersize=4)
        axes.plot(time, path[:, at], color=color, label=name)
    axes.set(xlabel="year", ylabel="thousands of pelts", xticks=range(1900, 1921, 5))
    axes.legend()


def _crauste(fit: Fit, axes: Any) -> None:
    path, day = fit.seen["path"], fit.data["day"]
    time = np.arange(len(path)) / 25.0
    for pop, name in enumerate(("naive", "early effector", "late effector", "memory")):
        mine = fit.data["pop"] == pop
        y, sigma = fit.data["y"][mine], fit.data["sigma"][mine]
        axes.errorbar(day[mine], y, sigma, fmt="o", color=COLORS[pop], markersize=4)
        axes.plot(time, path[:, pop], color=COLORS[pop], label=name)
    axes.set(xlabel="day", ylabel="cells", yscale="log", ylim=(10, 3e5))
    axes.legend(ncols=2)


def _alpha_pinene(fit: Fit, axes: Any) -> None:
    path = fit.seen["path"]
    time = np.arange(len(path)) * 0.5
    names = ("alpha-pinene", "dipentene", "allo-ocimene", "pyronene", "dimer")
    for at, name in enumerate(names):
        axes.plot(fit.data["t"] / 60.0, fit.data["shares"][:, at], "o", color=COLORS[at])
        axes.plot(time, path[:, at], color=COLORS[at], label=name)
    axes.set(xlabel="minutes", ylabel="share, percent")
    axes.legend()


def _impedance(fit: Fit, axes: Any) -> None:
    p, s = fit.p, 2j * np.pi * fit.data["f"]
    z = p["R0"] + 1 / (1 / (p["R1"] + p["A"] / np.sqrt(s)) + p["Q"] * s ** p["n"])
    axes.plot(fit.data["re"], -fit.data["im"], "o", color=BLUE, markersize=4, label="measured")
    axes.plot(z.real, -z.imag, color=ORANGE, label="the circuit")
    axes.set(xlabel="resistance, ohm", ylabel="- reactance, ohm", aspect="equal")
    axes.legend()


def _pose_graph(fit: Fit, axes: Any) -> None:
    start = np.loadtxt(CONFIGS / "pose_start.csv", delimiter=",", skiprows=1)
    edges = np.loadtxt(CONFIGS / "pose_edges.csv", delimiter=",", skiprows=1)
    x, y = fit.p["x"], fit.p["y"]
    axes.plot(start[:, 0], start[:, 1], "--", color=GREY, label="by the wheels alone")
    axes.plot(x, y, ".-", color=BLUE, label="with the places met again")
    for i, j in edges[:, :2].astype(int):
        if abs(i - j) > 1:
            axes.plot(x[[i, j]], y[[i, j]], color=ORANGE, linewidth=1.0)
    axes.set(xlabel="x, m", ylabel="y, m", aspect="equal")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _portfolio(fit: Fit, axes: Any) -> None:
    axes.bar(np.arange(10) + 1, fit.p["u"] ** 2, color=BLUE)
    axes.set(xlabel="asset", ylabel="share", xticks=range(1, 11))


def _optimal_control(fit: Fit, axes: Any) -> None:
    time = np.arange(100) * 0.01
    force = fit.p["force"]
    speed = np.concatenate([[0.0], np.cumsum(0.01 * force)[:-1]])
    axes.plot(time, force, color=BLUE, label="force")
    axes.plot(time, 5.0 * np.cumsum(0.01 * speed), color=ORANGE, label="position, times 5")
    axes.set(xlabel="time, s")
    axes.legend()


def _neural_ode(fit: Fit, axes: Any) -> None:
    def rate(s: Any) -> Any:
        return np.tanh(s**3 @ fit.p["W1"] + fit.p["b1"]) @ fit.p["W2"]

    state = fit.data["D"][0]
    path = [state]
    for _ in range(100):
        k1 = rate(state)
        k2 = rate(state + 0.025 * k1)
        k3 = rate(state + 0.025 * k2)
        state = state + 0.05 / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + rate(state + 0.05 * k3))
        path.append(state)
    axes.plot(*fit.data["D"].T, "o", color=BLUE, markersize=3, label="observed")
    axes.plot(*np.array(path).T, color=ORANGE, label="from the first point on")
    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 15), np.linspace(-2, 2, 15)), axis=-1)
    arrows = rate(grid)
    arrows /= np.linalg.norm(arrows, axis=-1, keepdims=True)
    axes.quiver(grid[..., 0], grid[..., 1], *np.moveaxis(arrows, -1, 0), color="#cbd5e0")
    axes.set(aspect="equal", xlabel="a", ylabel="b")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


RUNGE_KUTTA = "scan(step, {start}, arange({steps}))[1]"
MOTION: Mapping[str, Picture] = MappingProxyType(
    {
        "lotka-volterra": Picture(
            _lotka_volterra, {"path": RUNGE_KUTTA.format(start="start", steps=401)}
        ),
        "crauste": Picture(
            _crauste, {"path": RUNGE_KUTTA.format(start="[8090.0, 0, 0, 0, 1]", steps=701)}
        ),
        "alpha-pinene": Picture(
            _alpha_pinene, {"path": RUNGE_KUTTA.format(start="[100.0, 0, 0, 0, 0]", steps=1215)}
        ),
        "impedance": Picture(_impedance),
        "neural-ode": Picture(_neural_ode),
        "pose-graph": Picture(_pose_graph),
        "portfolio": Picture(_portfolio),
        "optimal-control": Picture(_optimal_control),
    }
)
