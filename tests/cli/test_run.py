"""`optserve run`: reports, JSON, exit codes, what is left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CONFIGS, Invoke

VALLEY = CONFIGS / "rosenbrock.yaml"
SIMPLE = "{version: 1, name: simple, parameters: {x: 3}, loss: (x - 1)**2, optimizer: lbfgs}"


@pytest.fixture
def simple(here: Path) -> Path:
    path = here / "simple.yaml"
    path.write_text(SIMPLE)
    return path


def stored(here: Path, folder: str = "runs/simple/0001") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((here / folder / "result.json").read_text())
    return found


def test_a_report(invoke: Invoke, here: Path) -> None:
    result = invoke("run", CONFIGS / "misra1a.yaml")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("misra1a  converged: gradient ")
    assert lines[3].split()[:3] == ["b1", "238.9421", "2.707"]
    assert " ".join(lines[-1].split()) == f"expect 6 of 6 hold; exit 0 {PATH}"
    assert result.stderr == ""
    assert sorted(path.name for path in (here / PATH).parent.iterdir()) == [
        "checkpoint.npz",
        "config.resolved.yaml",
        "fitted.csv",
        "graph.txt",
        "history.csv",
        "result.json",
    ]


PATH = "runs/misra1a/0001/result.json"


def test_json_is_the_result_and_nothing_else(invoke: Invoke, here: Path, simple: Path) -> None:
    result = invoke("run", simple, "--format", "json")
    assert result.exit_code == 0
    assert result.stdout == (here / "runs/simple/0001/result.json").read_text()
    assert json.loads(result.stdout)["termination"]["exit_code"] == 0
    assert result.stderr == ""


def test_batches_and_splits_reach_the_report_and_the_history(invoke: Invoke, here: Path) -> None:
    (here / "held.yaml").write_text(
        "{version: 1, data: {inline: {x: [1, 2, 3, 4, 5, 6]}, split: {test: 0.5}},"
        " minibatch: {rows: 2}, parameters: {b: 1}, loss: mean((x - b)**2),"
        " metrics: {worst: max(abs(x - b))}, optimizer: adam, stop: {epochs: 3},"
        " expect: {metrics.test.loss: {max: 50}, metrics.train.worst: {max: 5}}}"
    )
    result = invoke("run", "held.yaml")
    assert result.exit_code == 0
    assert "ended after 3 epochs, 6 steps" in result.stdout
    assert "metrics  test   loss" in result.stdout
    assert "2 of 2 hold" in result.stdout
    history = (here / "runs/held/0001/history.csv").read_text().splitlines()
    assert history[0].endswith(",epoch,batch_loss,validation_loss")
    assert len(history) == 1 + 4


def test_runs_are_numbered(invoke: Invoke, here: Path, simple: Path) -> None:
    for number in (1, 2):
        assert f"runs/simple/{number:04d}/result.json" in invoke("run", simple).stdout


def test_out_is_a_new_folder(invoke: Invoke, here: Path, simple: Path) -> None:
    assert invoke("run", simple, "--out", "deep/mine").exit_code == 0
    assert stored(here, "deep/mine")["name"] == "simple"
    again = invoke("run", simple, "--out", "deep/mine")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "deep/mine exists already" in again.stderr
    assert not (here / "runs").exists()


def test_what_was_set_is_what_ran(invoke: Invoke, here: Path, simple: Path) -> None:
    arguments = ["--set", "parameters.x=-4", "--set", "stop.steps=0", "--seed", "7"]
    assert invoke("run", simple, *arguments).exit_code == 3
    found = stored(here)
    assert found["parameters"] == {"x": -4.0}
    assert found["used"]["seed"] == 7
    resolved = here / "runs/simple/0001/config.resolved.yaml"
    (here / "again.yaml").write_text(resolved.read_text())
    assert invoke("run", "again.yaml", "--out", "again").exit_code == 3
    assert stored(here, "again")["parameters"] == {"x": -4.0}


def test_the_resolved_config_keeps_what_is_written(
    invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optserve.config import load

    for config in (CONFIGS / "misra1a.yaml", CONFIGS / "breast-cancer-logistic.yaml"):
        folder = here / config.stem
        assert invoke("run", config, "--out", folder).exit_code == 0
        again = here / config.name
        again.write_text((folder / "config.resolved.yaml").read_text())
        for data in CONFIGS.glob("*.csv"):
            (here / data.name).write_bytes(data.read_bytes())
        before, after = load(config).metadata["config"], load(again).metadata["config"]
        assert after == {**before, "seed": 0}


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ([], 0, "converged"),
        (["stop.steps=1", "loss=cosh(x)"], 3, "not converged: gradient"),
        (["+expect.loss.max=-1"], 4, "loss is"),
        (["parameters.x=-1", "loss=log(x)"], 5, "log gave nan"),
        (["loss=lgo(x)"], 2, "did you mean 'log'?"),
        (["optimizer=none"], 0, "evaluated once"),
    ],
)
def test_exit_codes(
    invoke: Invoke, here: Path, simple: Path, changes: list[str], code: int, told: str
) -> None:
    result = invoke("run", simple, *(part for change in changes for part in ("--set", change)))
    assert result.exit_code == code, result.output
    assert told in result.output
    assert (here / "runs").exists() == (code != 2)
    if code != 2:
        assert stored(here)["termination"]["exit_code"] == code
        assert result.stdout.splitlines()[-1].split(" exit ")[1].split()[0] == str(code)


def test_a_failure_is_shown_where_it_is_written(invoke: Invoke, here: Path) -> None:
    (here / "bad.yaml").write_text(
        "version: 1\ndata: {inline: {x: [1, 0.5, -2]}}\nparameters: {a: 1}\nloss: sum(a * log(x))\n"
    )
    result = invoke("run", "bad.yaml")
    assert result.exit_code == 5
    block = result.stdout.partition("\n\n  bad.yaml")[2]
    assert block.startswith(":4:15: log gave nan in 1 of 3 entries")
    assert "      loss: sum(a * log(x))\n" in block


def test_an_error_in_json(invoke: Invoke, here: Path) -> None:
    (here / "bad.yaml").write_text("{version: 1, parameters: {x: 3}, loss: epx(x)}")
    result = invoke("run", "bad.yaml", "--format", "json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": {
            "kind": "ConfigError",
            "code": "unknown-function",
            "message": "no function is called 'epx'",
            "place": {
                "file": "bad.yaml",
                "line": 1,
                "column": 40,
                "excerpt": "{version: 1, parameters: {x: 3}, loss: epx(x)}",
                "width": 3,
                "path": "loss",
            },
            "expected": "a function of define, or a primitive",
            "remedy": "did you mean 'exp'?",
        },
        "exit_code": 2,
    }
    assert result.stderr.startswith(
        "bad.yaml:1:40: no function is called 'epx'  [unknown-function]\n"
    )
    assert [path.name for path in here.iterdir()] == ["bad.yaml"]


def test_a_plugin_file(invoke: Invoke, here: Path) -> None:
    (here / "cubes.py").write_text(
        "from optserve.plugin import elementwise, hookimpl\n\n"
        "@hookimpl\ndef optserve_primitives():\n"
        "    return [elementwise('cube', lambda x: x * x * x, doc='A cube.')]\n"
    )
    (here / "cube.yaml").write_text(
        "{version: 1, parameters: {x: 3}, loss: cube(x)**2, optimizer: none}"
    )
    result = invoke("run", "cube.yaml", "--plugin", "cubes.py")
    assert result.exit_code == 0, result.output
    [line] = [line for line in result.stdout.splitlines() if line.startswith("  plugins")]
    assert line.startswith("  plugins  cubes.py sha256:")
    assert line.endswith(": 1 rule used, certified")


def test_a_wrong_rule(invoke: Invoke, here: Path) -> None:
    (here / "cubes.py").write_text(
        "from optserve.plugin import elementwise, hookimpl\n\n"
        "@hookimpl\ndef optserve_primitives():\n"
        "    return [elementwise('cube', lambda x: x**3, doc='A cube.',\n"
        "            partials=lambda out, x: (2 * x * x,))]\n"
    )
    (here / "cube.yaml").write_text("{version: 1, parameters: {x: 3}, loss: cube(x)**2}")
    result = invoke("run", "cube.yaml", "--plugin", "cubes.py")
    assert result.exit_code == 6
    assert "cube of cubes.py" in result.stdout.splitlines()[0]
    assert "cube failed" in result.stdout
    assert stored(here, "runs/cube/0001")["plugins"][0]["passed"] is False


BACKEND = """
from optserve.backends.numpy import compile_graph
from optserve.plugin import Backend, hookimpl


@hookimpl
def optserve_backends():
    return [Backend("careful", compile_graph, doc="NumPy, by another name.")]
"""


def test_a_backend_of_a_plugin(invoke: Invoke, here: Path, simple: str) -> None:
    (here / "careful.py").write_text(BACKEND)
    shown = invoke("run", simple, "--plugin", "careful.py", "--set", "backend=careful")
    assert shown.exit_code == 0
    assert "careful (given)" in shown.stdout


LOWERED = """
from pathlib import Path

from optserve.plugin import Lowering, aligned, hookimpl, opaque


space = opaque(
    "space",
    lambda x: x * x,
    shape=lambda x: x,
    axes=aligned,
    pullback=lambda ct, out, x: (2.0 * x * ct,),
)


@hookimpl
def optserve_primitives():
    return [space]


def formula(x):
    Path("written").touch()
    return x * x


@hookimpl
def optserve_lowerings():
    return [Lowering(space, formula)]
"""


def test_an_opaque_primitive_of_a_plugin_is_native_code(invoke: Invoke, here: Path) -> None:
    (here / "space.py").write_text(LOWERED)
    (here / "space.yaml").write_text(
        "{version: 1, backend: llvm, parameters: {x: 3}, loss: space(x - 1)}"
    )
    shown = invoke("run", "space.yaml", "--plugin", "space.py", "--format", "json")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["parameters"]["x"] == pytest.approx(1.0)
    assert (here / "written").exists()


BROKEN_RULE = """
from optserve.plugin import aligned, hookimpl, opaque


def pullback(ct, out, x):
    raise ValueError("no rule yet")


cube = opaque("cube", lambda x: x**3, shape=lambda x: x, axes=aligned, pullback=pullback)


@hookimpl
def optserve_primitives():
    return [cube]
"""


def test_a_rule_that_raises_ends_a_native_job_as_the_failure_of_its_plugin(
    invoke: Invoke, here: Path
) -> None:
    (here / "cubes.py").write_text(BROKEN_RULE)
    (here / "cube.yaml").write_text(
        "{version: 1, backend: llvm, parameters: {x: 3}, loss: cube(x)**2}"
    )
    result = invoke("run", "cube.yaml", "--plugin", "cubes.py")
    assert result.exit_code == 6, result.output
    assert "no rule yet" in result.output


ROWS = 300  # More than a native sort takes.
SORTED = f"""
version: 1
backend: llvm
data:
  inline:
    x: {[row / 100 for row in range(ROWS)]}
    y: {[1 + row**2 / 9000 for row in range(ROWS)]}
parameters: {{a: 0, b: 0}}
loss: sum(sort((a + b * x - y)**2))
"""


def test_what_native_code_leaves_to_numpy_is_told(invoke: Invoke, here: Path) -> None:
    (here / "sorted.yaml").write_text(SORTED)
    shown = invoke("run", "sorted.yaml", "--out", "run")
    used = stored(here, "run")["used"]
    assert 0 < used["equations_on_numpy"] < used["equations"]
    told = f"{used['equations_on_numpy']} of {used['equations']} equations on NumPy"
    assert f"llvm (given), {told}, float64" in shown.stdout
    explained = invoke("explain", "sorted.yaml").stdout
    assert "equations on NumPy: argsort" in explained
    plain = invoke("run", "sorted.yaml", "--set", "backend=numpy", "--format", "json")
    assert json.loads(plain.stdout)["used"]["equations_on_numpy"] is None


def test_an_entry_is_called_in_the_report_as_in_an_expectation(invoke: Invoke, here: Path) -> None:
    (here / "m.yaml").write_text(
        "{version: 1, parameters: {W: [[0, 0], [0, 0]]}, loss: sum((W - 1)**2),"
        " expect: {'parameters.W[0][1]': {near: 1, abs: 1.0e-6}}}"
    )
    result = invoke("run", "m.yaml")
    assert result.exit_code == 0, result.output
    assert "\n  W[0][1]    1         0\n" in result.stdout


def test_a_file_whose_name_is_no_text(invoke: Invoke, simple: Path, here: Path) -> None:
    odd = simple.rename(here / "\udcff.yaml")
    odd.write_text("{version: 1, parameters: {x: 3, y: 1}, loss: (x - 1)**2, optimizer: lbfgs}")
    result = invoke("run", str(odd), "--format", "json", "--out", "done")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["name"] == "\ufffd"
    assert (here / "done" / "result.json").exists()


WHOLE = """
version: 1
data:
  inline: {x: [1, 2, 3, 4000000000], y: [1, 2.5, 3.1, 9], s: [train, train, train, validation]}
  columns: {x: {take: x, as: integer}, y: y}
  split: {column: s}
parameters: {a: 1}
loss: mean((y - a * x)**2) + 0 * sum(x * x)
metrics: {bad: integer(a), good: 2 * a}
outputs: {half: integer(a), whole: 2 * a}
expect: {outputs.half.value: {max: 9}, outputs.whole.value: {max: 9}}
"""


def test_whole_numbers_that_do_not_exist_at_the_end_lose_no_result(
    invoke: Invoke, here: Path
) -> None:
    (here / "whole.yaml").write_text(WHOLE)
    result = invoke("run", "whole.yaml", "--format", "json", "--out", "done")
    told = json.loads(result.stdout)
    assert result.exit_code == 4
    assert [one["holds"] for one in told["expectations"]] == [False, True]
    assert "no whole number" in told["outputs"]["half"]["unavailable"]
    assert (here / "done" / "result.json").exists()
    slope = told["parameters"]["a"]
    assert told["metrics"]["train"]["bad"] is None
    assert told["metrics"]["train"]["good"] == 2 * slope
    assert told["metrics"]["validation"]["loss"] is None
    assert "metrics.train.bad has no value" in " ".join(told["warnings"])
    assert "whole.yaml:9:16" in " ".join(told["warnings"])
    assert "metrics.validation.loss has no value" in " ".join(told["warnings"])
