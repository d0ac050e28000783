"""``plugins: {require: [...]}``."""

from __future__ import annotations

import pytest

from optserve.errors import ConfigError, PluginError
from optserve.registry import check_requirement
from tests.registry.conftest import Site, losses


def test_an_installed_version_that_fits(site: Site) -> None:
    site.install("my-losses", losses("a_loss"), version="1.4")
    for requirement in ("my-losses", "my_losses>=1.0", "My.Losses ~= 1.3", "my-losses!=2"):
        check_requirement(requirement)


def test_a_prerelease_counts_as_installed(site: Site) -> None:
    site.install("my-losses", losses("a_loss"), version="2.0rc1")
    check_requirement("my-losses>=1.0")


def test_an_installed_version_that_does_not_fit(site: Site) -> None:
    site.install("my-losses", losses("a_loss"), version="1.9")
    with pytest.raises(PluginError, match=r"my-losses 1\.9 is installed") as raised:
        check_requirement("my-losses>=1.10")
    assert raised.value.exit_code == 6
    assert raised.value.remedy == 'pip install "my-losses>=1.10"'


def test_a_distribution_that_is_not_installed() -> None:
    with pytest.raises(PluginError, match="no-such-thing is not installed"):
        check_requirement("no-such-thing>=1")


@pytest.mark.parametrize(
    "requirement",
    [
        "",
        "my losses",
        "my-losses=>1",
        "my-losses[fast]",
        "my-losses @ https://x.y/z.whl",
        "my-losses; python_version > '3'",
    ],
)
def test_what_is_no_distribution_with_versions_is_a_config_error(requirement: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_requirement(requirement)
    assert raised.value.exit_code == 2
    assert "optserve-robust>=0.1" in raised.value.expected
