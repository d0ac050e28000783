"""``optimizer``: modifiers in order, then one method."""

from __future__ import annotations

from optserve.config.options import Named, instantiate, named_in
from optserve.config.schema.config import Config
from optserve.errors import ConfigError
from optserve.jobs.problem import ObjectiveKind
from optserve.optimizers.base import Optimizer
from optserve.optimizers.modifiers import Modifier, chain
from optserve.registry import Registry

__all__ = ["MethodChain", "automatic", "is_given", "method_names", "method_of", "optimizer_of"]

MethodChain = tuple[Named, ...]
"""Modifiers in order, then one method; nothing where none is chosen."""


def method_of(config: Config) -> MethodChain:
    """The method that is written, with its modifiers."""
    return () if config.optimizer is None else named_in(config.node_of("optimizer"))


def automatic(kind: ObjectiveKind) -> str:
    """The method that ``auto`` stands for.

    >>> automatic("least_squares")
    'levenberg_marquardt'
    """
    return "levenberg_marquardt" if kind == "least_squares" else "lbfgs"


def is_given(method: MethodChain) -> bool:
    """Whether a person chose the method."""
    return bool(method) and [named.name for named in method] != ["auto"]


def method_names(method: MethodChain, kind: ObjectiveKind) -> frozenset[str]:
    """The names of the optimizers that a method is made of."""
    if not is_given(method):
        return frozenset({automatic(kind)})
    return frozenset(named.name for named in method) - {"none"}


def optimizer_of(method: MethodChain, kind: ObjectiveKind, registry: Registry) -> Optimizer | None:
    """The method with its modifiers around it; ``None`` for ``none``, which evaluates once."""
    if not is_given(method):
        entry = registry.find("optimizers", automatic(kind))
        chosen: Optimizer = entry.value()
        return chosen
    *before, last = method
    if last.name == "none" and not before:
        return None
    modifiers = [_modifier(named, registry) for named in before]
    optimizer = instantiate("optimizers", last, registry)
    if not isinstance(optimizer, Optimizer):
        raise ConfigError(
            f"{last.name} modifies a method and is none itself",
            place=last.place,
            expected="modifiers in order, then one method",
            remedy="add a method after it, such as adam",
            code="wrong-method",
        )
    if optimizer.needs == "jacobian" and kind != "least_squares":
        raise ConfigError(
            f"{last.name} needs residuals, and there is one number to minimize",
            place=last.place,
            expected="least_squares, or a method that needs gradients only",
            remedy="write the problem as least_squares, or use lbfgs",
            code="wrong-method",
        )
    try:
        return chain(tuple(modifiers), optimizer)
    except ConfigError as error:
        raise error.at(last.place) from None


def _modifier(named: Named, registry: Registry) -> Modifier:
    modifier = instantiate("optimizers", named, registry)
    if isinstance(modifier, Modifier):
        return modifier
    raise ConfigError(
        f"{named.name} is a method, and something comes after it",
        place=named.place,
        expected="modifiers in order, then one method",
        code="wrong-method",
    )
