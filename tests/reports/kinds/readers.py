"""Readers of every kind of report, by the rules of its format and not by those of the writer."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from types import MappingProxyType
from typing import Any

__all__ = ["READERS", "Told", "read_openmetrics"]

Told = Mapping[tuple[str, str], str]
"""For each job and case that does not hold: the first line of what is told of it."""


def read_junit(text: str) -> Told:
    """Jenkins's junit-10.xsd: which elements stand where, which attributes they have."""
    root = ET.fromstring(text)
    _element(root, "testsuites", {"name", "tests", "failures", "errors", "time", "skipped"})
    found = {}
    for suite in root:
        _element(suite, "testsuite", {"name", "tests", "failures", "errors", "time", "skipped"})
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for tag, count in (("failure", "failures"), ("error", "errors")):
            assert int(suite.attrib[count]) == len(suite.findall(f"testcase/{tag}"))
        assert [one.tag for one in suite] == sorted(
            (one.tag for one in suite), key=["properties", "testcase", "system-err"].index
        )
        for one in suite.findall("properties/property"):
            assert one.keys() == ["name", "value"]
        for case in cases:
            _element(case, "testcase", {"name", "classname", "time"}, {"file", "line"})
            for told in case:
                _element(told, told.tag, {"message", "type"})
                assert told.tag in {"failure", "error"}
                name = case.attrib["classname"], case.attrib["name"]
                found[name] = told.attrib["message"]
    for count in ("tests", "failures", "errors"):
        assert int(root.attrib[count]) == sum(int(suite.attrib[count]) for suite in root)
    return found


_TIME = re.compile(r"[0-9]+\.[0-9]{3}")


def _element(one: ET.Element, tag: str, needed: set[str], allowed: set[str] | None = None) -> None:
    assert one.tag == tag
    assert needed <= set(one.keys()) <= needed | (allowed or set())
    assert _TIME.fullmatch(one.attrib.get("time", "0.000"))
    assert one.attrib.get("line", "1").isdecimal()


def read_sarif(text: str) -> Told:
    """SARIF 2.1.0: what sections 3.13 to 3.30 of the standard require of what is used here."""
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert log.keys() <= {"$schema", "version", "runs"}
    found = {}
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert isinstance(driver["name"], str)
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(set(rules)) == len(rules)
        assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
        for invocation in run["invocations"]:
            assert isinstance(invocation["executionSuccessful"], bool)
        for one in run["results"]:
            assert one["level"] in {"none", "note", "warning", "error"}
            assert rules[one["ruleIndex"]] == one["ruleId"]
            [location] = one["locations"]
            physical = location["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~%!$&'()*+,;=:@/-]+", uri)  # RFC 3986
            region = physical.get("region", {"startLine": 1})
            assert region["startLine"] >= 1
            assert region.get("startColumn", 1) >= 1
            assert region.get("endColumn", 2) > region.get("startColumn", 1)
            assert all(isinstance(print_, str) for print_ in one["partialFingerprints"].values())
            job, name = one["properties"]["job"], one["properties"]["name"]
            found[job, name] = one["message"]["text"].removeprefix(f"{job}: ")
    return found


def read_gitlab(text: str) -> Told:
    """The code quality format of GitLab: its required keys, severities, and unique fingerprints."""
    issues = json.loads(text)
    seen = [issue["fingerprint"] for issue in issues]
    assert len(set(seen)) == len(seen)
    for issue in issues:
        assert issue.keys() == {
            "description",
            "check_name",
            "fingerprint",
            "severity",
            "location",
        }
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not issue["location"]["path"].startswith(("./", "/"))
        assert issue["location"]["lines"]["begin"] >= 1
    return {(str(at), ""): issue["description"] for at, issue in enumerate(issues)}


def read_tap(text: str) -> Told:
    """TAP 14: version, plan, test points in order, and a block of YAML after one that fails."""
    lines = iter(text.splitlines())
    assert next(lines) == "TAP version 14"
    plan = re.fullmatch(r"1\.\.([0-9]+)", next(lines))
    assert plan is not None
    found, number, last = {}, 0, ("", "")
    for line in lines:
        if point := re.fullmatch(r"(not )?ok ([0-9]+) - (.*)", line):
            number += 1
            assert int(point[2]) == number
            told = re.sub(r"\\([\\#])", r"\1", point[3])
            job, _, name = told.rpartition(": ")
            last = (job, name) if point[1] else ("", "")
        elif line == "  ---":
            assert last != ("", "")
            block = {}
            while (line := next(lines)) != "  ...":
                key, value = line.strip().split(": ", 1)
                block[key] = json.loads(value)
            found[last] = block["message"]
        else:
            assert line.startswith("# ")
    assert number == int(plan[1])
    return found


def read_json(text: str) -> Told:
    """Our own: findings of each job."""
    content = json.loads(text)
    assert content["version"] == 1
    return {
        (job["name"], one["name"]): one["message"]
        for job in content["jobs"]
        for one in job["findings"]
        if one["level"] in {"failed", "error"}
    }


_SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\} (\S+)')
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\[\\n"])*)"')


def read_openmetrics(text: str) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """OpenMetrics 1.0: families one after another, with metadata first, and `# EOF` at the end.

    Returns the samples by name and values of labels.
    """
    *lines, last = text.removesuffix("\n").split("\n")
    assert last == "# EOF"
    found: dict[str, dict[tuple[str, ...], float]] = {}
    family = kind = ""
    for line in lines:
        if metadata := re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z_]+) (.+)", line):
            word, name, rest = metadata.groups()
            if word == "TYPE":
                assert name not in found
                assert rest in {"gauge", "info"}
                family, kind = name, rest
                found[name] = {}
            assert name == family
            assert word != "UNIT" or name.endswith(f"_{rest}")
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == (f"{family}_info" if kind == "info" else family)
        labels = [_unescaped(value) for _, value in _LABEL.findall(sample[2])]
        assert tuple(labels) not in found[family]
        found[family][tuple(labels)] = float(sample[3])
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda one: "\n" if one[1] == "n" else one[1], text)


def told_by_openmetrics(text: str) -> Told:
    cases = read_openmetrics(text)["optserve_case_holds"]
    return {(job, case): "" for (job, case), holds in cases.items() if not holds}


def read_markdown(text: str) -> Told:
    """The list of what fails below the heading of each job."""

    def found() -> Iterator[tuple[tuple[str, str], str]]:
        job = ""
        for line in text.splitlines():
            plain = re.sub(r"\\([\\`*_{}\[\]<>#|~])", r"\1", line)
            if line.startswith("## "):
                job = plain[5:]
            elif line.startswith("- **fails** "):
                name, _, rest = plain.removeprefix("- **fails** ").partition(": ")
                yield (job, name), rest

    return dict(found())


def read_html(text: str) -> Told:
    """The list of what fails in the article of each job."""
    found = {}
    for one in re.findall(r"<article.*?</article>", text, re.DOTALL):
        name = re.search(r"<h1>(.*?)</h1>", one)
        assert name is not None
        listed = one.partition("<h2>What fails</h2>")[2].partition("<h2>")[0]
        for case, told in re.findall(
            r'<li><span class="fails">(.*?)</span>: (.*?)</li>', listed, re.DOTALL
        ):
            found[unescape(name[1]), unescape(case)] = unescape(told)
    return found


READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "junit": read_junit,
        "sarif": read_sarif,
        "gitlab": read_gitlab,
        "tap": read_tap,
        "json": read_json,
        "openmetrics": told_by_openmetrics,
        "markdown": read_markdown,
        "html": read_html,
    }
)
"""For each kind, a reader that holds the rules of its format."""
