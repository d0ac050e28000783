"""What a person asks for by name: ``plugins: {require: [...]}`` in a config, ``--plugin FILE``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from optserve.errors import ConfigError, PluginError
from optserve.registry.registry import Registry

__all__ = ["check_files", "check_requirement"]


def check_files(registry: Registry, files: Collection[Path]) -> None:
    """Hold that each of ``files`` (``--plugin``) was loaded, be it needed or not.

    Raises ``PluginError``, at the line of the file that failed where it is known.
    """
    asked = {str(path.resolve()) for path in files}
    for plugin in registry.plugins:
        if plugin.failure is not None and plugin.module in asked:
            raise PluginError(
                f"the plugin {plugin.distribution} did not load: {plugin.failure.message}",
                place=plugin.failure.place,
                remedy="mend the file, or leave --plugin out",
            )


def check_requirement(requirement: str) -> None:
    """Hold that a distribution is installed in a version that ``requirement`` accepts.

    Raises ``ConfigError`` where it is not a name and versions (PEP 508, without extras, markers and
    addresses), ``PluginError`` where it does not hold.

    >>> check_requirement("numpy>=2")
    >>> check_requirement("numpy<2")
    Traceback (most recent call last):
    optserve.errors.PluginError: numpy ... is installed, but numpy<2 is required
      remedy: pip install "numpy<2"
    """
    import importlib.metadata

    from packaging.requirements import InvalidRequirement, Requirement

    expected = 'a distribution and versions, such as "optserve-robust>=0.1"'
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"cannot read {requirement!r}: {reason}", expected=expected, code="wrong-value"
        ) from error
    if parsed.url or parsed.extras or parsed.marker:
        raise ConfigError(
            f"{requirement!r} asks for more than a version",
            expected=expected,
            remedy="leave out addresses, extras and markers: nothing is installed by a config",
            code="wrong-value",
        )
    remedy = f'pip install "{requirement}"'
    try:
        version = importlib.metadata.version(parsed.name)
    except importlib.metadata.PackageNotFoundError:
        raise PluginError(
            f"{parsed.name} is not installed", remedy=remedy, code="not-installed"
        ) from None
    if not parsed.specifier.contains(version, prereleases=True):
        raise PluginError(
            f"{parsed.name} {version} is installed, but {requirement} is required",
            remedy=remedy,
            code="not-installed",
        )
