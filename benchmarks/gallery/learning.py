"""Pictures of models that learn classes and images."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.gallery.drawing import BLUE, ORANGE, Fit, Picture

__all__ = ["LEARNING"]


def _svm(fit: Fit, axes: Any) -> None:
    score = fit.data["X"] @ fit.p["w"] + fit.p["b"]
    bins = np.linspace(-9.0, 5.0, 57)
    for value, color, label in ((0, ORANGE, "malignant"), (1, BLUE, "benign")):
        axes.hist(score[fit.data["benign"] == value], bins, color=color, alpha=0.7, label=label)
    for at in (-1.0, 1.0):
        axes.axvline(at, color="#718096", linestyle="--", linewidth=1.0)
    axes.set(xlabel="score; the margin is between the lines", ylabel="cases")
    axes.legend()


def _cnn(fit: Fit, axes: Any) -> None:
    kernels = fit.p["conv1.w"][:, 0]
    _tiles(axes, kernels, columns=8, gap=1, cmap="RdBu")
    axes.set_title("the sixteen kernels of the first convolution", fontsize=9)


def _vae(fit: Fit, axes: Any) -> None:
    z = np.random.default_rng(4).standard_normal((40, 8))
    hidden = np.maximum(z @ fit.p["decode1.w"] + fit.p["decode1.b"], 0.0)
    images = expit(hidden @ fit.p["decode2.w"] + fit.p["decode2.b"]).reshape(-1, 8, 8)
    _tiles(axes, images, columns=10, gap=1, cmap="gray_r")
    axes.set_title("forty images made of eight random numbers each", fontsize=9)


def _tiles(axes: Any, images: Any, columns: int, gap: int, cmap: str) -> None:
    """Images (n, h, w) side by side, so many in a row."""
    padded = np.pad(images, ((0, 0), (0, gap), (0, gap)), constant_values=np.nan)
    _, height, width = padded.shape
    grid = padded.reshape(-1, columns, height, width).transpose(0, 2, 1, 3)
    axes.imshow(grid.reshape(-1, columns * width), cmap=cmap, interpolation="nearest")
    axes.set_axis_off()


LEARNING: Mapping[str, Picture] = MappingProxyType(
    {"svm": Picture(_svm), "digits-cnn": Picture(_cnn), "digits-vae": Picture(_vae)}
)
