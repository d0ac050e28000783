"""Floor 5, the registry: hooks, discovery, provenance, sealing; a name becomes a value."""

from optserve.registry.hookspecs import Kind, hookimpl
from optserve.registry.loading import load
from optserve.registry.registry import Entry, LoadFailure, Plugin, Registry
from optserve.registry.requirements import check_files, check_requirement
from optserve.registry.session import Session, default_session, installation

__all__ = [
    "Entry",
    "Kind",
    "LoadFailure",
    "Plugin",
    "Registry",
    "Session",
    "check_files",
    "check_requirement",
    "default_session",
    "hookimpl",
    "installation",
    "load",
]
