"""The naming convention: what the name of a contribution must be, and what it should be."""

from __future__ import annotations

import keyword
import re

from optserve.registry.hookspecs import Kind

__all__ = ["name_problem", "style_warning"]

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DENSITY = re.compile(r"(^|_)(log_?(pdf|pmf|prob|density|lik|likelihood)|lpdf|lpmf)(_|$)")
_LOSS = re.compile(r"(^|_)loss(_|$)|[a-z]{3,}loss$")


def name_problem(name: object) -> str:
    """Why this cannot be a name at all, "" where it can.

    >>> name_problem("HuberLoss")
    "'HuberLoss' is not in lower_snake_case"
    >>> name_problem("lambda")
    "'lambda' is a keyword of Python"
    >>> name_problem("huber_loss")
    ''
    """
    if not isinstance(name, str) or not _SNAKE.fullmatch(name):
        return f"{name!r} is not in lower_snake_case"
    if keyword.iskeyword(name):
        return f"{name!r} is a keyword of Python"
    return ""


def style_warning(kind: Kind, name: str) -> str:
    """What to say of a primitive whose name hides what it is, "" where there is nothing to say.

    >>> style_warning("primitives", "loss_huber")
    "'loss_huber': the names of losses end in _loss"
    >>> style_warning("primitives", "normal_log_prob")
    "'normal_log_prob': the names of log densities end in _logpdf or _logpmf"
    >>> style_warning("primitives", "normal_logpdf")
    ''
    """
    if kind != "primitives":
        return ""
    if _DENSITY.search(name) and not name.endswith(("_logpdf", "_logpmf")):
        return f"{name!r}: the names of log densities end in _logpdf or _logpmf"
    if _LOSS.search(name) and not name.endswith("_loss"):
        return f"{name!r}: the names of losses end in _loss"
    return ""
