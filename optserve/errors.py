"""The exception tree: every error a user can cause carries a place and a remedy.

An exception means misuse. A numerical failure is not an exception but a result with a sentence
(see ``optserve.jobs``). Nothing in this module imports anything heavy: the command line loads it
before it knows what it has to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

__all__ = [
    "ConfigError",
    "ConfigErrors",
    "DataFailure",
    "DerivativeError",
    "GraphError",
    "LockFailure",
    "NumericalFailure",
    "OptserveError",
    "OutputFailure",
    "Place",
    "PluginError",
    "PluginFailure",
    "ShapeError",
    "Told",
    "TraceError",
    "shown",
    "together",
]


def shown(name: str) -> str:
    r"""The name of a file as a text, also where the system holds it for bytes without a meaning.

    >>> shown("\udcc3\udcbc\udcff.yaml") == "\u00fc\ufffd.yaml"
    True
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True)
class Place:
    """Where something was written: a position in a YAML file, a data file or a Python source.

    ``line`` and ``column`` count from 1; 0 means unknown. ``excerpt`` is the whole source line and
    ``width`` the number of characters that the caret line underscores. ``path`` is the key path
    inside a config, such as ``define.model``.

    >>> str(Place("fit.yaml", 3, 7))
    'fit.yaml:3:7'
    """

    file: str
    line: int = 0
    column: int = 0
    excerpt: str = ""
    width: int = 1
    path: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", shown(self.file))

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([self.file, *numbers])


class OptserveError(Exception):
    """Base of every error that is the user's to mend; printed as one block, without a traceback.

    Parameters
    ----------
    message:
        What is wrong, in one sentence.
    place:
        Where it was written.
    expected:
        What would have been right.
    remedy:
        What to do about it, such as a did-you-mean.
    code:
        What kind of mistake it is, in a word that never changes, for programs.
    key:
        What of a problem it is about, as a path such as ``stop.epochs``, where only who read the
        problem knows the place.
    """

    exit_code = 2
    code = "error"

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        expected: str = "",
        remedy: str = "",
        code: str = "",
        key: str = "",
    ) -> None:
        super().__init__(message)
        self.key = key
        self.code = code or type(self).code
        self.message = message
        self.place = place
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        return self.block()

    def at(self, place: Place | None) -> OptserveError:
        """This error with ``place`` filled in where it has none yet; returns itself."""
        if self.place is None:
            self.place = place
        return self

    def block(self, *, coded: bool = False) -> str:
        """The error as a person reads it: place, excerpt with a caret, expectation, remedy.

        With ``coded`` its first line ends with the code, as the command line shows it.

        >>> place = Place("fit.yaml", 2, 9, excerpt="    mu: epx(x)", width=3)
        >>> error = ConfigError(
        ...     "no primitive 'epx'", place=place, remedy="did you mean 'exp'?", code="unknown-name"
        ... )
        >>> print(error.block(coded=True))
        fit.yaml:2:9: no primitive 'epx'  [unknown-name]
              mu: epx(x)
                  ^^^
          remedy: did you mean 'exp'?
        """
        head = f"{self.place}: {self.message}" if self.place else self.message
        if coded:
            first, *rest = head.split("\n")
            head = "\n".join([f"{first}  [{self.code}]", *rest])
        lines = [head]
        if self.place is not None and self.place.excerpt:
            lines += _excerpt(self.place)
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


class ConfigError(OptserveError):
    """Something in a config file, a data file or on the command line is wrong; nothing ran."""

    code = "config"


class OutputFailure(OptserveError):
    """What a job found could not be written, once it had run."""

    exit_code = 1
    code = "cannot-write"


class LockFailure(OptserveError):
    """A derivative, a rule or a convention is not what the lock file holds."""

    exit_code = 4
    code = "lock"


class DataFailure(ConfigError):
    """Data that are read as a job needs them could not be read, or have changed meanwhile."""

    code = "checksum"


MOST_TOLD = 12
"""How many errors are printed at once; the others stand in ``errors``, and in JSON."""


class ConfigErrors(ConfigError):
    """Several errors of a config, told at once in the order of ``errors``.

    Their exit code is the first of 1, 2, 6, 5 and 4 that one of them has.
    """

    def __init__(self, errors: Sequence[OptserveError]) -> None:
        first = errors[0]
        super().__init__(
            first.message,
            place=first.place,
            expected=first.expected,
            remedy=first.remedy,
            code=first.code,
        )
        self.errors = tuple(errors)
        self.exit_code = min((error.exit_code for error in errors), key=(1, 2, 6, 5, 4).index)

    def block(self, *, coded: bool = False) -> str:
        """A block for each error, up to the number that a person reads."""
        blocks = [error.block(coded=coded) for error in self.errors[:MOST_TOLD]]
        more = len(self.errors) - len(blocks)
        return "\n\n".join([*blocks, f"and {more} more"] if more else blocks)


def together(errors: Iterable[OptserveError]) -> OptserveError:
    """One error that tells all of ``errors``, each place and message once, in the order written:
    file by file, in the order in which they come."""
    found: dict[object, OptserveError] = {}
    for error in errors:
        for one in error.errors if isinstance(error, ConfigErrors) else (error,):
            found.setdefault((one.message, one.place), one)
    files = [error.place.file if error.place else "" for error in found.values()]

    def written(error: OptserveError) -> tuple[int, int, int]:
        place = error.place or Place("")
        return files.index(place.file), place.line, place.column

    told = sorted(found.values(), key=written)
    return told[0] if len(told) == 1 else ConfigErrors(told)


class Told:
    """Collects errors that do not follow from one another, so that all are told at once.

    >>> told = Told()
    >>> for name in ("a", "b"):
    ...     with told:
    ...         raise ConfigError(f"no {name}")
    >>> told.hold()
    Traceback (most recent call last):
    optserve.errors.ConfigErrors: no a
    <BLANKLINE>
    no b
    """

    def __init__(self) -> None:
        self.errors: list[OptserveError] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, OptserveError):
            self.add(error)
            return True
        return False

    def add(self, error: OptserveError) -> None:
        """Collect an error, or each of several."""
        self.errors += error.errors if isinstance(error, ConfigErrors) else [error]

    def hold(self) -> None:
        """Raise what was collected, if anything was."""
        if self.errors:
            raise together(self.errors) from self.errors[0]


class ShapeError(OptserveError):
    """Operands whose shapes or dtypes do not fit the operation."""

    code = "shape"


class TraceError(OptserveError):
    """A traced value was used where only a number will do (``if``, ``float``, ``a[0] = t``)."""

    code = "traced-value"


class GraphError(OptserveError):
    """A graph breaks one of the rules that the verifier holds."""

    exit_code = 1
    code = "graph"


class DerivativeError(OptserveError):
    """A derivative was asked for where none is known, or a rule is wrong."""

    exit_code = 6
    code = "derivative"


class PluginError(OptserveError):
    """A plugin did not load, clashes with another, or broke its contract."""

    exit_code = 6
    code = "plugin"


class PluginFailure(PluginError):
    """Code of a plugin raised, exited or returned something impossible while a job ran.

    ``part`` of ``primitive`` is what failed, and ``what`` it did completes the sentence.

    >>> PluginFailure("gamma", "value", "raised OverflowError").message
    'the value of gamma raised OverflowError'
    """

    def __init__(self, primitive: object, part: str, what: str) -> None:
        super().__init__(
            f"the {part} of {primitive} {what}",
            remedy="mend the plugin, or avoid what it fails at",
        )
        self.primitive = primitive


class Interrupted(OptserveError):
    """A signal came before there was a result; ``by`` is ``interrupted`` or ``terminated``."""

    def __init__(self, message: str, by: str) -> None:
        super().__init__(message, code=by)
        self.exit_code = 130 if by == "interrupted" else 143


class NumericalFailure(OptserveError):
    """A computation outside a descent (a derived column, an outlier index) left the numbers."""

    exit_code = 5
    code = "numerical"


def _excerpt(place: Place, limit: int = 96) -> Sequence[str]:
    """The source line and a caret under the place, cut to ``limit`` characters around it."""
    start = max(0, place.column - 1)
    cut = max(0, start - limit // 2) if len(place.excerpt) > limit else 0
    shown = place.excerpt[cut : cut + limit]
    caret = " " * (start - cut) + "^" * max(1, min(place.width, limit - (start - cut)))
    return [f"    {shown}", f"    {caret}"] if place.column else [f"    {shown}"]


def widened(place: Place, *, offset: int, width: int) -> Place:
    """``place`` moved right by ``offset`` characters and made ``width`` wide, on the same line."""
    return replace(place, column=place.column + offset, width=width)
