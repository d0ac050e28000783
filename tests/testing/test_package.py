"""`optserve plugin check`: faults that packages have, each found and told with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from optserve.cli.plugin_new import Like, files_of
from optserve.errors import ConfigError
from optserve.testing.package import check_package

CODE, PROJECT, TEST = "optserve_growth.py", "pyproject.toml", "tests/test_optserve_growth.py"


def package(folder: Path, like: Like = Like.loss) -> Path:
    """A new package in ``folder``, as `optserve plugin new optserve-growth` writes it."""
    for path, text in files_of("optserve-growth", like).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Fault:
    """A change of one file that makes a package wrong, and the code of what is found."""

    name: str
    file: str
    old: str
    new: str
    code: str
    like: Like = Like.loss
    level: str = "error"


HEAD = "from __future__ import annotations\n"
HOOK = "@hookimpl\ndef optserve_primitives"
FAULTS = [
    Fault("not TOML", PROJECT, "[project]", "[project", "config"),
    Fault("no build system", PROJECT, "[build-system]", "[other]", "build-system"),
    Fault("no version", PROJECT, 'version = "0.1.0"\n', "", "metadata"),
    Fault("no description", PROJECT, "description =", "other =", "metadata", level="warning"),
    Fault("no licence", PROJECT, "license =", "other =", "metadata", level="warning"),
    Fault("no Python", PROJECT, "requires-python =", "other =", "metadata", level="warning"),
    Fault("readme not there", PROJECT, 'readme = "README.md"', 'readme = "NO.md"', "metadata"),
    Fault("no optserve", PROJECT, ', "optserve>=0.1"', "", "dependency"),
    Fault("another group", PROJECT, "entry-points.optserve", "entry-points.optsrv", "entry-point"),
    Fault("another module", PROJECT, '= "optserve_growth"', '= "optserve_grwth"', "entry-point"),
    Fault("no attribute", PROJECT, '= "optserve_growth"', '= "optserve_growth:hooks"', "load"),
    Fault("not Python", CODE, "@hookimpl", "@@hookimpl", "syntax"),
    Fault("undeclared library", CODE, HEAD, f"{HEAD}import requests\n", "dependency"),
    Fault(
        "undeclared, within a function",
        CODE,
        HOOK,
        f"def _more():\n    from sklearn import svm\n    return svm\n\n\n{HOOK}",
        "dependency",
    ),
    Fault("no such module", CODE, HEAD, f"{HEAD}import optserve.none\n", "load"),
    Fault("raises at import", CODE, HOOK, f"1 / 0\n\n\n{HOOK}", "load"),
    Fault("exits at import", CODE, HEAD, f"{HEAD}import sys\nsys.exit(3)\n", "load"),
    Fault("kills its process", CODE, HEAD, f"{HEAD}import os\nos._exit(3)\n", "crash"),
    Fault("aborts", CODE, HEAD, f"{HEAD}import os\nos.abort()\n", "crash"),
    Fault("prints at import", CODE, HOOK, f'print("hello")\n\n\n{HOOK}', "prints"),
    Fault(
        "prints to the error stream",
        CODE,
        HOOK,
        f'import os\nos.write(2, b"hello")\n\n\n{HOOK}',
        "prints",
    ),
    Fault(
        "slow to import",
        CODE,
        HEAD,
        f"{HEAD}import time\ntime.sleep(0.6)\n",
        "slow",
        level="warning",
    ),
    Fault("hangs", CODE, HEAD, f"{HEAD}import time\ntime.sleep(1e4)\n", "hangs"),
    Fault(
        "starts a thread",
        CODE,
        HEAD,
        f"{HEAD}import threading, time\nthreading.Thread(target=time.sleep, args=[30]).start()\n",
        "thread",
    ),
    Fault("no hook", CODE, "def optserve_primitives", "def primitives", "load"),
    Fault("misspelt hook", CODE, "def optserve_primitives", "def optserve_primitive", "load"),
    Fault("not marked", CODE, "@hookimpl\n", "", "load"),
    Fault("nothing given", CODE, "return [growth_loss]", "return []", "nothing"),
    Fault("no list", CODE, "return [growth_loss]", "return growth_loss", "load"),
    Fault("nothing returned", CODE, "return [growth_loss]", "[growth_loss]", "load"),
    Fault("not a primitive", CODE, "return [growth_loss]", "return [abs]", "load"),
    Fault("twice the same", CODE, "[growth_loss]", "[growth_loss, growth_loss]", "load"),
    Fault("a name of Python", CODE, '"growth_loss"', '"lambda"', "load"),
    Fault("not in snake case", CODE, '"growth_loss"', '"GrowthLoss"', "load"),
    Fault("a name of optserve", CODE, '"growth_loss"', '"tanh"', "taken"),
    Fault("a name that hides", CODE, '"growth_loss"', '"loss_growth"', "style", level="warning"),
    Fault("no documentation", CODE, '    doc="sqrt', '    # doc="sqrt', "documentation"),
    Fault("another API", CODE, HOOK, f"OPTSERVE_API = 2\n\n\n{HOOK}", "load"),
    Fault("a wrong rule", CODE, "r / (scale**2", "2.0 * r / (scale**2", "conformance"),
    Fault("a wrong rule by the scale", CODE, "-(r**2)", "(r**2)", "conformance"),
    Fault(
        "a wrong transpose", CODE, "(ct[..., ::-1])[..., ::-1]", "(ct)", "conformance", Like.linear
    ),
    Fault("a wrong pullback", CODE, "slope * np.sin(out)", "slope", "conformance", Like.opaque),
    Fault(
        "a wrong shape",
        CODE,
        "shape=lambda x: x,",
        "shape=lambda x: x.T,",
        "conformance",
        Like.linear,
    ),
    Fault(
        "outside its domain",
        CODE,
        "(real, real, positive)",
        "(real, real, real)",
        "conformance",
        Like.density,
    ),
    Fault("no tests", TEST, "", "", "tests", level="warning"),
]


def broken(folder: Path, fault: Fault) -> Path:
    """The new package with the fault."""
    path = package(folder, fault.like) / fault.file
    text = path.read_text(encoding="utf-8")
    if not fault.old:
        path.unlink()
        return folder
    assert fault.old in text
    path.write_text(text.replace(fault.old, fault.new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    folder = broken(tmp_path, fault)
    if fault.code == "config":
        with pytest.raises(ConfigError, match="not TOML"):
            check_package(str(folder))
        return
    checked = check_package(str(folder), seconds=15.0 if fault.code != "hangs" else 3.0)
    found = [one for one in checked.findings if one.code == fault.code]
    assert found, checked.findings
    assert {one.level for one in found} == {fault.level}
    assert all(one.message and one.remedy for one in checked.findings)
    assert checked.passed is (fault.level == "warning")


@pytest.mark.parametrize("like", Like, ids=str)
def test_a_new_package_has_none(like: Like, tmp_path: Path) -> None:
    checked = check_package(str(package(tmp_path, like)))
    assert (checked.findings, checked.passed) == ((), True)
    assert checked.contributed


def test_a_file_alone(tmp_path: Path) -> None:
    checked = check_package(str(package(tmp_path) / CODE))
    assert (checked.contributed, checked.passed) == ({"primitives": ["growth_loss"]}, True)


@pytest.mark.parametrize("target", ["no-such-plugin", "none.py"])
def test_what_is_not_there(target: str) -> None:
    with pytest.raises(ConfigError):
        check_package(target)
