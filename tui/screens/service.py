"""One service: its versions by stage, what speaks for the chosen one, traffic, figures, changes."""

from __future__ import annotations

from core.versions import NEXT, Version
from tui.cells import Row, clipped, fill, line
from tui.feeds import Feed
from tui.frame import Line, Section, bottom, boxed, columns, plain, stack
from tui.panels.versions import by_stage, chosen_of, places
from tui.screens.scene import Choice, Hit, Picture, Scene, Subject
from tui.screens.service_parts import Widths, deep, sections
from tui.seam import VersionsView

MOST = 46
"""Rows of a column from which on its last panels are shortened, and w or a command has the rest."""


def service(scene: Scene) -> Picture:
    """Side by side when wide, else one page that scrolls."""
    name = scene.service
    if name is None:
        lines = [line(scene.width, [(" no service in the config", "dim")])]
        return Picture(fill(lines, scene.width, scene.height))
    feed: Feed[VersionsView] = scene.feed("versions", name)
    view = feed.value
    chosen = chosen_of(view, scene.cursor) if view is not None else None
    rows, at = (_wide if scene.wide else _narrow)(scene, name, chosen)
    height = scene.height
    top = max(0, min(scene.top, len(rows) - height))
    shown = fill(rows[top:], scene.width, height)
    choice = choice_of(view, chosen, at) if view is not None and chosen is not None else None
    hits = _hits(scene, feed, chosen, at + 1 - top)
    return Picture(
        shown, hits=hits, service=name, top=top, height=height, length=len(rows), choice=choice
    )


def _hits(scene: Scene, feed: Feed[VersionsView], chosen: Version | None, first: int) -> list[Hit]:
    """The versions in sight; the panel's own rows begin at the body row `first`."""
    if feed.value is None or chosen is None:
        return []
    edge = 2 if scene.wide else 1
    width = scene.width - 2 * edge
    first += len(feed.complaint(width))
    found = places(feed.value, width, deep(scene), chosen.number)
    found = [place for place in found if 0 <= first + place.row < scene.height]
    return [Hit(first + p.row, p.number, edge + p.first, edge + p.end) for p in found]


def choice_of(view: VersionsView, chosen: Version, at: int) -> Choice:
    """The versions in the order in which they stand: column by column, from the top down."""
    numbers = [version.number for found in by_stage(view).values() for version in found]
    champion = view.model.aliases.get(view.champion_alias)
    to = NEXT[chosen.stage(view.champion_alias)]
    return Choice(Subject(chosen, champion), tuple(numbers), to, at)


def _wide(scene: Scene, name: str, chosen: Version | None) -> tuple[list[Row], int]:
    width = scene.width
    left_width = (width - 3) // 2
    right_width = width - 3 - left_width
    parts = sections(scene, name, chosen, Widths(width - 4, left_width - 2, right_width - 2))
    head = _lines(parts["state"], width - 4)
    at = len(head)
    head += _lines(parts["versions"], width - 4)
    rows = boxed(head, width)
    left = [parts[part] for part in LEFT if part in parts]
    right = [parts[part] for part in RIGHT if part in parts]
    # Below the size that everything needs, the page is as long as that and scrolls.
    below = max(scene.height - len(rows) - 1, min(_needs(left), MOST), min(_needs(right), MOST))
    rows += columns(
        _stacked(left, left_width - 2, below),
        _stacked(right, right_width - 2, below),
        width,
        left_width,
    )
    return [*rows, bottom(width, left_width)], at


LEFT = ("traffic", "slots", "gate", "card", "releases")
RIGHT = ("figures", "ways", "lineage", "changes")
NARROW = (
    "state", "traffic", "figures", "ways", "versions", "gate", "lineage", "card", "slots",
    "releases", "changes",
)  # fmt: skip
"""Top to bottom: what an incident needs, then what a promotion needs, then the rest."""


def _narrow(scene: Scene, name: str, chosen: Version | None) -> tuple[list[Row], int]:
    inner = scene.width - 2
    parts = sections(scene, name, chosen, Widths(inner, inner, inner))
    lines: list[Line] = []
    at = 0
    for part in NARROW:
        if part not in parts:
            continue
        if part == "versions":
            at = len(lines)
        most = {"state": 13, "versions": 18, "gate": 40, "lineage": 24, "card": 24}.get(part, 12)
        lines += _lines(parts[part], inner, most)
    return plain(lines, scene.width), at


def _needs(sections: list[Section]) -> int:
    return sum(1 + len(section.rows) for section in sections)


def _lines(section: Section, width: int, most: int | None = None) -> list[Line]:
    height = len(section.rows) if most is None else min(most, len(section.rows))
    return [section.rule, *clipped(section.rows, width, height)]


def _stacked(sections: list[Section], width: int, height: int) -> list[Line]:
    lines = stack(sections, width, height)
    return [*lines, *fill([], width, height - len(lines))]
