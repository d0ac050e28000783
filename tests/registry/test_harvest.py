"""What a plugin may contribute, and what is refused by name."""

from __future__ import annotations

import pytest

from optserve.registry import load
from tests.registry.conftest import Site, losses
from tests.registry.test_loading import failure_of

REFUSED = {
    "misspelt hook": (
        "@hookimpl\ndef optserve_primitive():\n    return []",
        "there is no hook 'optserve_primitive'; did you mean 'optserve_primitives'?",
    ),
    "misspelt hook without a mark": (
        "def optserve_optimisers():\n    return []",
        "there is no hook 'optserve_optimisers'; did you mean 'optserve_optimizers'?",
    ),
    "hook without its prefix": (
        "@hookimpl\ndef readers():\n    return []",
        "there is no hook 'readers'; did you mean 'optserve_readers'?",
    ),
    "hook by another name": (
        "@hookimpl(specname='optserve_reader')\ndef mine():\n    return []",
        "there is no hook 'optserve_reader'; did you mean 'optserve_readers'?",
    ),
    "hook without a mark": (
        "def optserve_readers():\n    return []",
        "optserve_readers is not marked with @hookimpl",
    ),
    "hook with arguments": (
        "@hookimpl\ndef optserve_readers(config):\n    return []",
        "config",
    ),
    "nothing returned": (
        "@hookimpl\ndef optserve_primitives():\n    pass",
        "optserve_primitives returned None; expected a list, of primitives",
    ),
    "no list": (
        "@hookimpl\ndef optserve_primitives():\n    return elementwise('a_loss', lambda x: x)",
        "expected a list, of primitives",
    ),
    "no primitive": (
        "@hookimpl\ndef optserve_primitives():\n    return [lambda x: x]",
        "is not a Primitive",
    ),
    "no backend": (
        "@hookimpl\ndef optserve_backends():\n    return ['numpy']",
        "'numpy' (a str) is not a Backend",
    ),
    "no function": (
        "@hookimpl\ndef optserve_optimizers():\n    return ['adam']",
        "'adam' (a str) is not a function of options",
    ),
    "option without annotation": (
        "def mine(rate): ...\n@hookimpl\ndef optserve_optimizers():\n    return [mine]",
        "mine: the option 'rate' has no annotation",
    ),
    "options without names": (
        "def mine(**more: float): ...\n@hookimpl\ndef optserve_optimizers():\n    return [mine]",
        "mine: the option '**more: float' has no name of its own",
    ),
    "a lambda": (
        "@hookimpl\ndef optserve_schedules():\n    return [lambda: 1]",
        "'<lambda>' is not in lower_snake_case",
    ),
    "camel case": (losses("HuberLoss"), "'HuberLoss' is not in lower_snake_case"),
    "a hyphen": (losses("huber-loss"), "'huber-loss' is not in lower_snake_case"),
    "a look-alike letter": (losses("hub\u0435r_loss"), "is not in lower_snake_case"),
    "a keyword": (losses("lambda"), "'lambda' is a keyword of Python"),
    "the same name twice": (losses("a_loss", "a_loss"), "contributes 'a_loss' twice"),
}


@pytest.mark.parametrize(("code", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_breach_of_contract_is_told(site: Site, code: str, message: str) -> None:
    site.install("wrong", code)
    assert message in failure_of(load(), "wrong")


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("loss_huber", True),
        ("huberloss", True),
        ("huber_loss_mean", True),
        ("huber_loss", False),
        ("glossy", False),
        ("normal_log_prob", True),
        ("normal_lpdf", True),
        ("normal_logpdf", False),
        ("poisson_logpmf", False),
        ("logistic", False),
    ],
)
def test_a_name_that_hides_what_it_is_gets_a_warning(site: Site, name: str, warned: bool) -> None:
    site.install("named", losses(name))
    [plugin] = [plugin for plugin in load().plugins if plugin.distribution == "named"]
    assert plugin.imported
    assert bool(plugin.warnings) == warned


def test_modules_and_classes_may_begin_as_hooks_do(site: Site) -> None:
    site.install("good", losses("a_loss") + "import sys as optserve_sys\nclass optserve_C: ...\n")
    assert "a_loss" in load().primitives


def test_a_hook_may_be_written_in_several_functions(site: Site) -> None:
    second = losses("b_loss").replace("@hookimpl", "@hookimpl(specname='optserve_primitives')")
    site.install("two", losses("a_loss") + second.replace("def optserve_primitives", "def more"))
    assert {"a_loss", "b_loss"} <= load().primitives.keys()


def test_any_object_may_be_the_plugin_of_an_entry_point(site: Site) -> None:
    code = (
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def optserve_primitives(self):\n"
        "        return [elementwise('a_loss', lambda x: x * x)]\n"
        "plugin = Plugin()\n"
    )
    site.install("object", code, entry_points="plugin = fake_object:plugin")
    assert load().primitives["a_loss"].module == "fake_object:plugin"
