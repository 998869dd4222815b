"""One service: its versions by stage, traffic, slots, gate, figures, releases, changes."""

from __future__ import annotations

from typing import Any

from core.config import LAYERS
from core.status import GLYPH
from core.text import clean
from core.versions import version_name
from tui.cells import Row, clipped, fill, fit, line
from tui.feeds import Feed, feed_of
from tui.frame import Line, Rule, Section, bottom, boxed, columns, plain, stack
from tui.panels.changed import changed, recent
from tui.panels.feed import section
from tui.panels.figures import figure_rows, figures_title
from tui.panels.services import because
from tui.panels.serving import slot_rows, traffic_rows
from tui.panels.trust import gate_rows, release_rows
from tui.panels.versions import versions
from tui.panels.ways import ways_back
from tui.screens.overview import CHANGED_SECONDS, canary_of
from tui.screens.scene import Picture, Scene
from tui.seam import ServiceView, SourceKind, source_key
from tui.style import OF_STATE
from tui.words import moment

MANY = 200
"""Rows that a panel may ask for; the stack decides how many it gets."""


def service(scene: Scene) -> Picture:
    """Side by side when wide, else one page that scrolls."""
    name = scene.service
    if name is None:
        lines = [line(scene.width, [(" no service in the config", "dim")])]
        return Picture(fill(lines, scene.width, scene.height))
    rows = _wide(scene, name) if scene.wide else _narrow(scene, name)
    height = scene.height
    top = max(0, min(scene.top, len(rows) - height))
    shown = fill(rows[top:], scene.width, height)
    return Picture(shown, service=name, top=top, height=height, length=len(rows))


def _wide(scene: Scene, name: str) -> list[Row]:
    width = scene.width
    left_width = (width - 3) // 2
    right_width = width - 3 - left_width
    parts = _sections(scene, name, width - 4, left_width - 2, right_width - 2)
    head = [
        *_lines(parts["state"], width - 4),
        *_lines(parts["versions"], width - 4, 1 + max(3, scene.height // 5)),
    ]
    rows = boxed(head, width)
    left = [parts["traffic"], parts["slots"], parts["gate"], parts["releases"]]
    right = [parts["figures"], parts["ways"], parts["changes"]]
    # Below the size that everything needs, the page is as long as that and scrolls.
    below = max(scene.height - len(rows) - 1, min(_needs(left), 40), min(_needs(right), 40))
    rows += columns(
        _stacked(left, left_width - 2, below),
        _stacked(right, right_width - 2, below),
        width,
        left_width,
    )
    return [*rows, bottom(width, left_width)]


def _narrow(scene: Scene, name: str) -> list[Row]:
    inner = scene.width - 2
    parts = _sections(scene, name, inner, inner, inner)
    order = ("state", "traffic", "figures", "ways", "versions", "slots", "gate", "releases", "changes")  # fmt: skip
    lines: list[Line] = []
    for part in order:
        lines += _lines(parts[part], inner, 12 if part != "state" else 9)
    return plain(lines, scene.width)


def _needs(sections: list[Section]) -> int:
    return sum(1 + len(section.rows) for section in sections)


def _lines(section: Section, width: int, most: int = MANY) -> list[Line]:
    return [section.rule, *clipped(section.rows, width, min(most, len(section.rows)))]


def _stacked(sections: list[Section], width: int, height: int) -> list[Line]:
    lines = stack(sections, width, height)
    return [*lines, *fill([], width, height - len(lines))]


def _sections(scene: Scene, name: str, full: int, left: int, right: int) -> dict[str, Section]:
    now = scene.now

    def feed(kind: SourceKind) -> Feed[Any]:
        return feed_of(scene.store, source_key(kind, name))

    def changes(events: Any, _stale: bool) -> list[Row]:
        return changed(recent(events, now, CHANGED_SECONDS, name), right, MANY, now)

    def figures(value: Any, stale: bool) -> list[Row]:
        return figure_rows(value, right, MANY, now, window=scene.window, stale=stale)

    return {
        "state": _state(scene, name, full),
        "versions": section(
            "Versions", feed("versions"), now, full,
            lambda value, _s: versions(value, full, MANY, now),
        ),
        "traffic": section(
            "Traffic: wanted, and what arrives", feed("traffic"), now, left,
            lambda value, _s: traffic_rows(value, left, MANY), least=3,
        ),
        "slots": section(
            "Slots", feed("slots"), now, left,
            lambda value, stale: slot_rows(value, left, MANY, stale=stale), least=2,
        ),
        "gate": section(
            "Gate", feed("gate"), now, left,
            lambda value, _s: gate_rows(value, left, MANY), least=1,
        ),
        "releases": section(
            "Releases", feed("releases"), now, left,
            lambda value, _s: release_rows(value, left, MANY, now), least=1, grow=True,
        ),
        "figures": section(
            figures_title(feed("figures"), scene.window).capitalize(), feed("figures"), now, right, figures, least=4,
        ),
        "ways": section(
            "Ways back", feed("ways"), now, right,
            lambda value, _s: ways_back(value, right, 8, canary=canary_of(scene, name)), least=2,
        ),
        "changes": section(
            "Changed, 48h", feed_of(scene.store, "changes"), now, right, changes,
            least=2, grow=True,
        ),
    }  # fmt: skip


def _state(scene: Scene, name: str, width: int) -> Section:
    """Champion and release in the title; a row per layer with what decided it."""
    feed: Feed[tuple[ServiceView, ...]] = feed_of(scene.store, "services")
    found = next((v for v in feed.value or () if v.status.service == name), None)

    def draw(_views: Any, stale: bool) -> list[Row]:
        if found is None:
            return [line(width, [("the config has no such service", "dim")])]
        rows: list[Row] = []
        if why := because(found):
            rows.append(line(width, [(fit(why, width), "bold")]))
        for layer in LAYERS:
            state = found.status.layers.get(layer)
            if state is None:
                continue
            glyph = "?" if stale else GLYPH[state.state]
            word = "was " + str(state.state) if stale else str(state.state)
            style = "unknown" if stale else OF_STATE[state.state]
            rows.append(
                line(
                    width,
                    [
                        (f"{glyph} {fit(layer, 10)}", style),
                        (fit(word, 19), style),
                        (fit(state.because, width - 31), ""),
                    ],
                )
            )
        return rows

    title = clean(name)
    if found is not None:
        status = found.status
        if status.model:
            title += f"  model {clean(status.model)}"
        if status.champion:
            title += f"  champion {clean(version_name(status.champion))}"
        if status.release:
            title += f"  release {clean(status.release)}"
        if status.since:
            title += f"  since {moment(status.since, scene.now)}"
    made = section(title, feed, scene.now, width, draw, least=2)
    return Section(Rule(made.rule.title, made.rule.note), made.rows, made.least)
