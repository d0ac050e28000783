"""What a config asks to be installed: ``plugins: {require: ["optserve-robust>=0.1"]}``."""

from __future__ import annotations

from optserve.errors import ConfigError, PluginError

__all__ = ["check_requirement"]


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
        raise ConfigError(f"cannot read {requirement!r}: {reason}", expected=expected) from error
    if parsed.url or parsed.extras or parsed.marker:
        raise ConfigError(
            f"{requirement!r} asks for more than a version",
            expected=expected,
            remedy="leave out addresses, extras and markers: nothing is installed by a config",
        )
    remedy = f'pip install "{requirement}"'
    try:
        version = importlib.metadata.version(parsed.name)
    except importlib.metadata.PackageNotFoundError:
        raise PluginError(f"{parsed.name} is not installed", remedy=remedy) from None
    if not parsed.specifier.contains(version, prereleases=True):
        raise PluginError(
            f"{parsed.name} {version} is installed, but {requirement} is required", remedy=remedy
        )
