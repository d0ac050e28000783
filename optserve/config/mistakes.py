"""``Mistakes``: all that is wrong with a config, and what nothing is known of because of that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from optserve.errors import OptserveError, Told

__all__ = ["Mistakes"]


class Mistakes(Told):
    """Collects what is wrong with a config, so that all of it is told at once.

    ``names`` are those whose declaration is wrong, ``keys`` the paths of what is wrong otherwise.
    What depends on one of them is not looked at: what would be found there follows from what is
    told already, and disappears with it.

    >>> from optserve.errors import ConfigError
    >>> found = Mistakes()
    >>> with found.declaring("mu"):
    ...     raise ConfigError("no value is called 'xx'")
    >>> found.names, len(found.errors)
    ({'mu'}, 1)
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.keys: set[str] = set()

    @contextmanager
    def declaring(self, *names: str, keys: Collection[str] = ()) -> Iterator[None]:
        """Collect what is wrong with a declaration: then nothing is known of what it declares."""
        try:
            yield
        except OptserveError as error:
            self.add(error)
            self.names.update(names)
            self.keys.update(keys)

    @contextmanager
    def inside(self, prefix: str) -> Iterator[Mistakes]:
        """Mistakes about a table, in which its columns have names without their ``prefix``."""
        known = {*self.names, *(name.removeprefix(prefix) for name in self.names)}
        here = Mistakes()
        here.names |= known
        try:
            yield here
        finally:
            self.errors += here.errors
            self.keys |= here.keys
            self.names |= {prefix + name for name in here.names - known}
