"""A plugin's package as a whole: what it declares, imports and prints, and how it conforms."""

from __future__ import annotations

from optserve.testing.package.checked import Checked, check_package
from optserve.testing.package.findings import PackageFinding

__all__ = ["Checked", "PackageFinding", "check_package"]
