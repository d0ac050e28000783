"""``changes``: how a job differs from what the lock holds of it, an error each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from optserve.batch.lock.entry import Locked, LockEntry
from optserve.batch.lock.file import NAME, Lock
from optserve.batch.lock.locked_points import Point, evaluated, is_close
from optserve.batch.lock.locked_rules import LockedRule
from optserve.errors import LockFailure, OptserveError, Place
from optserve.reports.numbers import compact

__all__ = ["changed_conventions", "changes", "same_entry"]

MOST = 24
"""Lines of a difference that are shown, at most."""


def changed_conventions(lock: Lock, now: Mapping[str, str], path: Path) -> Iterator[LockFailure]:
    """The numerical conventions that are not those of ``lock``; one that is new is none of them."""
    for case, before in lock.conventions.items():
        found = now.get(case)
        if found is not None and found != before:
            yield _failure(
                f"the convention for the derivative of {case} has changed: {found}, not {before}",
                Place(str(path)),
            )


def changes(lock: Lock, now: Locked, path: Path) -> Iterator[OptserveError]:
    """All that is not as in ``lock``, which is in the file ``path``."""
    entry = lock.entry(now.entry.config, now.entry.jobs[0])
    what = f"{now.entry.config}{now.entry.jobs[0]}"
    place = now.place or Place(str(path.parent / now.entry.config))
    if entry is None:
        yield LockFailure(
            f"{what} is not in {NAME}",
            place=place,
            expected="an entry for it",
            remedy=f"`optserve lock {now.entry.config}` writes it, to be reviewed",
        )
        return
    yield from _plain(entry, now.entry, place)
    yield from _rules(lock, now, path)
    found = [*_graphs(entry, now, place)]
    yield from found
    if not found and now.entry.jobs[0] == entry.jobs[0]:  # those of a sweep that are alike
        yield from _values(entry, now, place)


def same_entry(before: LockEntry, now: LockEntry) -> bool:
    """Whether ``before`` may stay in the lock as it is, values apart."""
    return (
        before.inputs == now.inputs
        and before.gradient == now.gradient
        and (
            before.kind,
            before.precision,
            before.loss,
            before.transforms,
        )
        == (now.kind, now.precision, now.loss, now.transforms)
    )


def _failure(message: str, place: Place | None, lines: Sequence[str] = ()) -> LockFailure:
    return LockFailure(
        "\n".join([message, *(f"    {line}" for line in lines)]),
        place=place,
        expected=f"what {NAME} holds",
        remedy="if the change is meant, `optserve lock` writes it, to be reviewed",
    )


def _plain(before: LockEntry, now: LockEntry, place: Place) -> Iterator[LockFailure]:
    for key, called in (("precision", "precision"), ("kind", "kind of objective")):
        one, two = getattr(before, key), getattr(now, key)
        if one != two:
            yield _failure(f"the {called} has changed: {two}, not {one}", place)
    for name in sorted({*before.transforms} | {*now.transforms}):
        names = _renamed(before, now)
        one, two = before.transforms.get(name), now.transforms.get(names.get(name, name))
        if one != two and name in before.transforms:
            yield _failure(f"the transform of '{name}' has changed: {two}, not {one}", place)
    for name in now.transforms:
        if name in before.gradient and name not in before.transforms:
            yield _failure(f"'{name}' has a transform, and had none", place)


def _rules(lock: Lock, now: Locked, path: Path) -> Iterator[LockFailure]:
    place = Place(str(path))
    for name, rule in now.rules.items():
        before = lock.rules.get(name)
        if before is None:  # a graph has changed then
            continue
        parts = [
            called
            for key, called in (
                ("value", "value"),
                ("reverse", "derivative in reverse mode"),
                ("forward", "derivative in forward mode"),
            )
            if getattr(before, key) != getattr(rule, key)
        ]
        if parts:
            lines = [*_difference(before.shown, rule.shown)]
            yield _failure(f"the {' and the '.join(parts)} of {name} has changed", place, lines)
        elif rule.is_code and rule.provider:
            yield from _code(rule, lock, now, place)
        if before.provider != rule.provider:
            one, two = (each.provider or "optserve" for each in (before, rule))
            yield _failure(f"{name} comes from {two}, and came from {one}", place)


def _code(rule: LockedRule, lock: Lock, now: Locked, place: Place) -> Iterator[LockFailure]:
    """Of what is computed by code that cannot be traced, that code."""
    before, after = lock.plugins.get(rule.provider), now.plugins[rule.provider]
    if before is not None and before.code != after.code:
        yield _failure(
            f"the code of {rule.provider} has changed, which computes {rule.primitive}: "
            f"version {after.version}, not {before.version}"
            if after.version != before.version
            else f"the code of {rule.provider} has changed, which computes {rule.primitive}",
            place,
        )


def _renamed(before: LockEntry, now: LockEntry) -> Mapping[str, str]:
    """The new name of each input that is only called otherwise."""
    if len(before.inputs) != len(now.inputs):
        return {}
    pairs = zip(before.inputs, now.inputs, strict=True)
    return {
        one: two
        for one, two in pairs
        if one != two and one not in now.inputs and two not in before.inputs
    }


def _graphs(before: LockEntry, now: Locked, place: Place) -> Iterator[LockFailure]:
    names = _renamed(before, now.entry)
    inputs = tuple(names.get(one, one) for one in before.inputs)
    lines = [*_difference(before.shown, now.entry.shown)]
    at = next((p for line in lines if (p := now.places.get(line[2:].strip()))), place)
    if before.loss != now.entry.loss or inputs != now.entry.inputs:
        yield _failure("the graph of the loss has changed", at, lines)
        return
    gradient = {names.get(name, name): digest for name, digest in before.gradient.items()}
    wrong = [
        name
        for name in dict.fromkeys([*gradient, *now.entry.gradient])
        if gradient.get(name) != now.entry.gradient.get(name)
    ]
    if wrong:
        one = f"the derivative of the loss by {', '.join(wrong)} has changed"
        yield _failure(one, at, lines)


def _values(before: LockEntry, now: Locked, place: Place) -> Iterator[LockFailure]:
    """What the graph of now gives at the points of before, under the names that it has now."""
    back = {new: old for old, new in _renamed(before, now.entry).items()}
    called = [*now.entry.gradient]
    data = {name: before.data.get(back.get(name, name)) for name in now.columns}
    if None in data.values():
        return
    points = [
        {name: one.parameters[back.get(name, name)] for name in called} for one in before.points
    ]
    found = evaluated(now.graph, called, data, now.captured, points)
    for number, (one, two) in enumerate(zip(before.points, found, strict=True), 1):
        yield from _at(number, one, two, back, place)


def _at(
    number: int, before: Point, now: Point, back: Mapping[str, str], place: Place
) -> Iterator[LockFailure]:
    pairs = [("the loss", before.loss, now.loss)]
    pairs += [
        (f"the derivative by {name}", before.gradient[back.get(name, name)], one)
        for name, one in now.gradient.items()
    ]
    wrong = [(what, one, two) for what, one, two in pairs if not is_close(one, two)]
    lines = [
        f"{what} is {_text(two.numbers)}, not {_text(one.numbers)} within {one.tolerance:g}"
        for what, one, two in wrong
    ]
    if wrong:
        message = f"point {number}: the same graph has other values"
        yield _failure(message, place, lines)


def _text(numbers: Sequence[float]) -> str:
    shown = ", ".join(compact(one, 12) for one in numbers[:4])
    return shown if len(numbers) <= 4 else f"{shown}, ..."


def _difference(before: str, now: str) -> Iterator[str]:
    """The lines of two graphs that are not in both, found by what they do, not by their names."""
    if not before or not now:
        yield "the graph is too long to be kept in the lock, so there is no difference to show"
        return
    old, new = before.splitlines(), now.splitlines()
    matcher = SequenceMatcher(None, _meanings(old), _meanings(new), autojunk=False)
    lines = _marked(matcher, old, new)
    if not lines:
        lines = _marked(SequenceMatcher(None, old, new, autojunk=False), old, new)
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"... {len(lines) - MOST} lines more"


def _marked(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> list[str]:
    """The lines that are gone and those that came, but for those that read the same."""
    found = list[str]()
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "equal":
            gone, came = old[start:end], new[first:last]
            found += [f"- {line.strip()}" for line in gone if line not in came]
            found += [f"+ {line.strip()}" for line in came if line not in gone]
    return found


_EQUATION = re.compile(r"^\s+(?P<results>\S.*?) = (?P<call>\S+)(?P<operands>.*)$")


def _meanings(lines: Sequence[str]) -> list[str]:
    """Each line with what its operands are made by in the place of their names."""
    made: dict[str, str] = {}
    found = []
    for line in lines:
        match = _EQUATION.match(line)
        if match is None:
            words = line.split()
            found.append(" ".join([words[0], *(made.get(w.strip(","), w) for w in words[1:])]))
            continue
        operands = [made.get(word, word) for word in match["operands"].split()]
        avals = [result.partition(":")[2] for result in match["results"].split(", ")]
        found.append(" ".join([match["call"], *operands, *avals]))
        for result in match["results"].split(", "):
            made[result.partition(":")[0]] = f"({match['call']})"
    return found
