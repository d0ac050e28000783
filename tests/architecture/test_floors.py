"""Imports point down only, and each foreign library has its rooms."""

from __future__ import annotations

import sys

from tests.architecture.house import (
    FLOORS,
    ORDERED,
    ROOMS_OF,
    SIDES,
    Source,
    each_source,
    sources,
)

FRONT_DOOR = ("", "__main__")
"""The package itself: it lends names from all floors, and no floor may ask it for one."""


def test_every_room_has_a_floor() -> None:
    rooms = {source.room for source in sources()}
    assert rooms - {*FRONT_DOOR} <= FLOORS.keys() | SIDES.keys()


@each_source
def test_imports_point_down(source: Source) -> None:
    upwards = [
        f"{source.shown}:{line}: {source.room} may not import {name}"
        for name, line in own_imports(source)
        if not is_down(source.room, name.split(".")[1])
    ]
    assert not upwards, "\n".join(upwards)


@each_source
def test_each_foreign_library_is_imported_in_its_rooms_only(source: Source) -> None:
    strays = [
        f"{source.shown}:{found.line}: {found.name} belongs in {sorted(rooms) or 'no room'}"
        for found in source.imports()
        if (rooms := rooms_of(found.name)) is not None and not any(map(source.is_in, rooms))
    ]
    assert not strays, "\n".join(strays)


@each_source
def test_rooms_within_a_room_are_ordered(source: Source) -> None:
    order = ORDERED.get(source.room, ())
    places = [place for place, room in enumerate(order) if source.is_in(f"{source.room}.{room}")]
    place = places[0] if places else -1
    wrong = [
        f"{source.shown}:{line}: {name} is not below it"
        for name, line in own_imports(source)
        for after in order[place + 1 :]
        if f"{name}.".startswith(f"optserve.{source.room}.{after}.")
    ]
    assert not wrong, "\n".join(wrong)


def own_imports(source: Source) -> list[tuple[str, int]]:
    return [
        (found.name, found.line)
        for found in source.imports()
        if found.name.startswith("optserve.") and found.name != "optserve.__version__"
    ]


def is_down(room: str, other: str) -> bool:
    """Whether ``room`` may import from ``other``: itself, or what lies on a lower floor."""
    if room in FRONT_DOOR or room == other:
        return True
    if other in SIDES:
        return room in SIDES or FLOORS[room] > SIDES[other]
    floor = SIDES[room] + 0.5 if room in SIDES else FLOORS[room]
    return other in FLOORS and FLOORS[other] < floor


def rooms_of(name: str) -> set[str] | None:
    """The rooms where a foreign library may be imported; ``None`` for what needs no room."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (prefix := ".".join(parts[:length])) in ROOMS_OF:
            return ROOMS_OF[prefix]
    return None if parts[0] == "optserve" or parts[0] in sys.stdlib_module_names else set()
