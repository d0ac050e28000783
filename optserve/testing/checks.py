"""Checks: one law of one primitive, ready to be called by a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

from optserve.graph.primitive import Primitive
from optserve.testing.cases import Case, cases, fail
from optserve.testing.laws import LAWS

__all__ = ["Check", "check_plugin", "check_primitive", "checks", "primitives_of"]


@dataclass(frozen=True)
class Check:
    """One promise of one primitive; calling it raises ``AssertionError`` where it is broken."""

    primitive: Primitive
    law: Callable[[Case], None]
    seed: int = 0

    def __call__(self) -> None:
        found = cases(self.primitive, seed=self.seed)
        if not found:
            fail(
                self.primitive.name,
                "there is nothing to check it at",
                remedy="give it examples=(Example(shapes, attributes), ...)",
            )
        for case in found:
            try:
                self.law(case)
            except AssertionError:
                raise
            except Exception as error:
                fail(
                    self.primitive.name,
                    f"its {self.law.__name__} could not be checked",
                    at=str(case),
                    found=f"{type(error).__name__}: {error}",
                    remedy="it must accept what its domain and its examples promise",
                )

    def __str__(self) -> str:
        return f"{self.primitive.name}-{self.law.__name__}"


def checks(plugin: ModuleType | Iterable[Primitive], *, seed: int = 0) -> list[Check]:
    """One check a primitive and promise; ``str`` of a check names a test.

    >>> from optserve.primitives.elementary import exp
    >>> [str(check) for check in checks([exp])][:2]
    ['exp-documented', 'exp-shape']
    """
    return [Check(primitive, law, seed) for primitive in primitives_of(plugin) for law in LAWS]


def check_primitive(primitive: Primitive, *, seed: int = 0) -> None:
    """Raise ``AssertionError`` unless ``primitive`` keeps every promise.

    The message names the primitive, the promise, the operands, by how much it is broken, and what
    to do about it. Operands are drawn with ``seed``.
    """
    for check in checks([primitive], seed=seed):
        check()


def check_plugin(plugin: ModuleType | Iterable[Primitive], *, seed: int = 0) -> None:
    """Check every primitive of a plugin; one ``AssertionError`` lists all that is wrong.

    Raises ``ValueError`` where the plugin contributes no primitive.
    """
    found = []
    for check in checks(plugin, seed=seed):
        try:
            check()
        except AssertionError as failure:
            found.append(str(failure))
    if found:
        raise AssertionError("\n".join(found))


def primitives_of(plugin: ModuleType | Iterable[Primitive]) -> list[Primitive]:
    """The primitives that a module contributes by its hook; a list of primitives is itself.

    Raises ``ValueError`` where there are none.
    """
    if isinstance(plugin, ModuleType):
        hook = getattr(plugin, "optserve_primitives", None)
        found = list(hook()) if hook is not None else []
    else:
        found = list(plugin)
    if not found:
        raise ValueError(f"{plugin!r} contributes no primitives: has it optserve_primitives()?")
    return found
