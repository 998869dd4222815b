"""The versions of a model in four columns, one per stage, and what contradicts its stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from commands.sources.ledger import said_of
from core.versions import Stage, Version, candidate
from tui.cells import Cell, Row, fit, line, wrap
from tui.seam import VersionsView
from tui.words import ago

MOST_ODD = 3
"""Disagreements that are told in full; each is marked where the version stands."""


def by_stage(view: VersionsView) -> Mapping[Stage, Sequence[Version]]:
    """Each stage's versions, newest first."""
    found: dict[Stage, list[Version]] = {stage: [] for stage in Stage}
    for version in view.model.versions:
        found[version.stage(view.champion_alias)].append(version)
    return found


def chosen_of(view: VersionsView, cursor: str | None) -> Version | None:
    """The version under the cursor; before it was moved the candidate, else the champion."""
    model = view.model
    named = model.find(cursor) if cursor is not None else None
    if named is not None:
        return named
    found = candidate(model, view.champion_alias)
    if found is not None:
        return found[0]
    champion = model.aliases.get(view.champion_alias)
    return (model.find(champion) if champion else None) or next(iter(model.versions), None)


def versions(
    view: VersionsView, width: int, height: int, now: datetime, *, chosen: str | None = None
) -> list[Row]:
    """A row of stages, then the versions of each, at most `height` rows, the chosen one always
    among them; below, in further rows, what disagrees."""
    if not view.model.versions:
        return [line(width, [("the registry has no version of this model", "dim")])][:height]
    odd = _odd(view, width)[: max(0, height - 2)]
    columns = _columns(view, width, height - len(odd), chosen)
    heads: list[Cell] = []
    for column in columns:
        style = "ok" if column.stage is Stage.PRODUCTION else "title"
        heads.append((fit(f"{column.stage} {column.count}", column.width), style))
    deep = max(len(column.shown) + bool(column.hidden) for column in columns)
    drawn = [_column(column, view, deep, now, chosen) for column in columns]
    rows = [line(width, heads)]
    rows += [line(width, [cell for column in drawn for cell in column[n]]) for n in range(deep)]
    return [*rows, *odd][: max(0, height)]


def places(view: VersionsView, width: int, height: int, chosen: str | None) -> list[Place]:
    """Where `versions` draws each version."""
    if not view.model.versions:
        return []
    odd = _odd(view, width)[: max(0, height - 2)]
    found = []
    first = 0
    for column in _columns(view, width, height - len(odd), chosen):
        for row, version in enumerate(column.shown, 1):
            found.append(Place(row, first, first + column.width, version.number))
        first += column.width
    return [place for place in found if place.row < height]


@dataclass(frozen=True, slots=True)
class Place:
    """The cells of a version in the panel's rows."""

    row: int
    first: int
    end: int
    number: str


@dataclass(frozen=True, slots=True)
class _Column:
    """A stage with the part of its versions that there is room for."""

    stage: Stage
    width: int
    count: int
    shown: Sequence[Version]

    @property
    def hidden(self) -> int:
        return self.count - len(self.shown)


def _columns(view: VersionsView, width: int, height: int, chosen: str | None) -> list[_Column]:
    """The four stages; of a long one the screenful that holds the chosen version.

    Screenfuls do not overlap, so that choosing what is in sight moves nothing.
    """
    stages = by_stage(view)
    deep = min(max(map(len, stages.values())), max(1, height - 1))
    columns = []
    for number, (stage, found) in enumerate(stages.items()):
        room = deep if len(found) <= deep else max(1, deep - 1)
        at = next((n for n, version in enumerate(found) if version.number == chosen), 0)
        top = at // room * room
        each = width // 4 + (number < width % 4)
        columns.append(_Column(stage, each, len(found), found[top : top + room]))
    return columns


def _column(
    column: _Column, view: VersionsView, height: int, now: datetime, chosen: str | None
) -> list[list[Cell]]:
    """Exactly `height` cells' worth; where there are more versions, the last one counts them."""
    width = column.width
    cells = [
        _version(version, view, width, now, version.number == chosen) for version in column.shown
    ]
    if column.hidden and len(cells) < height:
        cells.append([(fit(f"… {column.hidden} more", width), "dim")])
    return [*cells, *([[(" " * width, "")]] * (height - len(cells)))][:height]


def _version(
    version: Version, view: VersionsView, width: int, now: datetime, chosen: bool
) -> list[Cell]:
    # The champion first: it is what must not be cut off.
    aliases = sorted(version.aliases, key=lambda alias: alias != view.champion_alias)
    name = " ".join([f"v{version.number}", *(f"@{alias}" for alias in aliases)])
    word = _trouble(version, view)
    age = ago(version.created, now) if version.created else ""
    # A glyph at least is left of the trouble, and the reason stands below.
    room = width - 2
    mark = f" ▲ {word}" if word else ""
    named = min(len(name), max(4, room - min(len(mark), 2 if len(name) < room else 0)))
    tail = age if not word and named + len(age) + 2 <= room else ""
    return [
        (fit(name, named), "cursor" if chosen else ""),
        (fit(mark, room - named - len(tail)), "warning"),
        (f"{tail}  ", "dim"),
    ]


def _trouble(version: Version, view: VersionsView) -> str:
    if version.blocked is not None:
        return "BLOCKED"
    if version.status != "READY":
        return version.status
    if outside(version, view):
        return "OUTSIDE"
    return "DISAGREES" if version.disagreement(view.champion_alias) else ""


def outside(version: Version, view: VersionsView) -> list[str]:
    """Its aliases that were moved past the ledger, each in words."""
    chain = view.chain
    if chain is None:
        return []
    return [
        said_of(chain, alias, version.number)
        for alias in version.aliases
        if chain.moved_past(alias, version.number) is not None
    ]


def _odd(view: VersionsView, width: int) -> list[Row]:
    """In words: what is blocked, and where alias and tags contradict each other."""
    said: list[str] = []
    for version in view.model.versions:
        name = f"▲ v{version.number}"
        if version.blocked is not None:
            said.append(f"{name} blocked: {version.blocked}")
        said += [f"{name}: {moved}" for moved in outside(version, view)]
        if (why := version.disagreement(view.champion_alias)) is not None:
            said.append(f"{name}: {why}")
    shown = said if len(said) <= MOST_ODD else said[: MOST_ODD - 1]
    rows = [line(width, [(text, "warning")]) for one in shown for text in wrap(one, width)[:2]]
    if len(shown) < len(said):
        rows.append(line(width, [(f"▲ {len(said) - len(shown)} more are moved, blocked or disagree", "warning")]))  # fmt: skip
    return rows
