"""The panels of the service screen, each from its own source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from commands.changes import ChangesReport
from core.config import LAYERS
from core.status import GLYPH
from core.text import clean
from core.versions import NEXT, Stage, Version, version_name
from tui.cells import Cell, Row, fit, line
from tui.feeds import Feed
from tui.frame import Rule, Section
from tui.panels.changed import changed, recent
from tui.panels.evidence import (
    card_mark,
    card_rows,
    gate_mark,
    gate_rows,
    lineage_mark,
    lineage_rows,
)
from tui.panels.feed import section
from tui.panels.figures import figure_rows, figures_title
from tui.panels.held import held_rows
from tui.panels.releases import release_rows
from tui.panels.services import because
from tui.panels.serving import slot_rows, traffic_rows
from tui.panels.versions import versions
from tui.panels.ways import ways_back
from tui.screens.overview import CHANGED_SECONDS, canary_of
from tui.screens.scene import Scene
from tui.seam import ServiceView, SourceKind
from tui.style import OF_STATE
from tui.words import moment

NO_MODEL: Cell = ("no registered model is configured", "dim")
MANY = 200
"""Rows that a panel may ask for; the stack decides how many it gets."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Cells for what stands across the whole screen, in its left half, in its right half."""

    full: int
    left: int
    right: int


def sections(scene: Scene, name: str, chosen: Version | None, widths: Widths) -> dict[str, Section]:
    """Every panel by name."""
    return _serving(scene, name, widths) | _registry(scene, name, chosen, widths)


def _serving(scene: Scene, name: str, widths: Widths) -> dict[str, Section]:
    now, left, right = scene.now, widths.left, widths.right

    def feed(kind: SourceKind) -> Feed[Any]:
        return scene.feed(kind, name)

    def changes(report: ChangesReport, _stale: bool) -> list[Row]:
        return changed(recent(report.events, now, CHANGED_SECONDS, name), right, MANY, now)

    def figures(value: Any, stale: bool) -> list[Row]:
        return figure_rows(value, right, MANY, now, window=scene.window, stale=stale)

    return {
        "state": _state(scene, name, widths.full),
        "traffic": section(
            "Traffic: wanted, and what arrives", feed("traffic"), now, left,
            lambda value, _s: traffic_rows(value, left, MANY), least=3,
        ),
        "slots": section(
            "Slots", feed("slots"), now, left,
            lambda value, stale: slot_rows(value, left, MANY, stale=stale), least=2,
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
            "Changed, 48h", scene.feed("changes"), now, right, changes,
            least=2, grow=True,
        ),
    }  # fmt: skip


def _registry(
    scene: Scene, name: str, chosen: Version | None, widths: Widths
) -> dict[str, Section]:
    """The stages, and gate, lineage and card of the chosen version; without a registered model
    there is nothing to say of those."""
    now, left, right, full = scene.now, widths.left, widths.right, widths.full
    feed = scene.feed("versions", name)
    number = chosen.number if chosen is not None else None
    title: list[Cell] = [("Versions", "title")]
    if chosen is not None and feed.value is not None:
        to = NEXT[chosen.stage(feed.value.champion_alias)]
        title += _promotion(chosen, to, feed.value.champion_alias)
    # A gate may ask a dozen slices; what stands beside it is to be seen too.
    gate_most = max(12, scene.height - 28) if scene.wide else 18
    unread = _none(scene, name, feed) if feed.value is None and not feed.dead() else None
    note = () if unread == NO_MODEL else feed.note(now)

    def of_version(
        what: str,
        kind: SourceKind,
        width: int,
        mark: Callable[[Any, bool], Cell],
        draw: Callable[[Any, bool], list[Row]],
        least: int,
    ) -> Section:
        if number is None:
            return Section(Rule(((what, "title"),)), [line(width, [_none(scene, name, feed)])])
        found: Feed[Any] = scene.feed(kind, name, number)
        head: list[Cell] = [(f"{what} of {clean(version_name(number))}", "title")]
        # Where the versions cannot be read, nobody knows whether this one still stands so.
        doubtful = feed.stale(now)
        if found.value is not None:
            head += [("  ", ""), mark(found.value, doubtful or found.stale(now))]
        return section(tuple(head), found, now, width, draw, least=least, stale=doubtful)

    if unread is not None:
        note = () if unread == NO_MODEL else feed.note(now)
        told = Section(Rule(tuple(title), note), [line(full, [unread])])
    else:
        told = section(
            tuple(title), feed, now, full,
            lambda value, _s: versions(value, full, deep(scene), now, chosen=number),
        )  # fmt: skip
    if unread == NO_MODEL:
        return {"versions": told}
    return {
        "versions": told,
        "gate": of_version(
            "Gate", "gate", left, gate_mark,
            lambda value, stale: gate_rows(value, left, gate_most, stale=stale), 3,
        ),
        "lineage": of_version(
            "Lineage", "lineage", right, lineage_mark,
            lambda value, stale: lineage_rows(value, right, MANY, stale=stale), 5,
        ),
        "card": of_version(
            "Model card", "card", left, card_mark,
            lambda value, stale: card_rows(value, left, MANY, stale=stale), 4,
        ),
    }  # fmt: skip


def deep(scene: Scene) -> int:
    """Rows for the versions by stage."""
    return 1 + max(3, scene.height // 5) if scene.wide else 12


def _none(scene: Scene, name: str, feed: Feed[Any]) -> Cell:
    """Why there is no version to say anything about."""
    if feed.value is not None:
        return ("the registry has no version of this model", "dim")
    if feed.dead():
        return ("? not known: the versions could not be read", "unknown")
    services: Feed[tuple[ServiceView, ...]] = scene.feed("services")
    status = next((v.status for v in services.value or () if v.status.service == name), None)
    if status is not None and not status.model:
        return NO_MODEL
    return feed.waiting


def _promotion(chosen: Version, to: Stage, champion_alias: str) -> list[Cell]:
    """What the keys would do with the chosen version."""
    name = clean(version_name(chosen.number))
    if champion_alias in chosen.aliases:
        return [(f"  {name} is the champion", "dim"), ("  ← →", "key"), (" choose another", "dim")]
    return [
        ("  ← →", "key"), (" choose", "dim"), ("  P", "key"), (f" promotes {name} to {to}", "dim"),
    ]  # fmt: skip


def _state(scene: Scene, name: str, width: int) -> Section:
    """Champion and release in the title; a row per layer with what decided it."""
    feed: Feed[tuple[ServiceView, ...]] = scene.feed("services")
    found = next((v for v in feed.value or () if v.status.service == name), None)

    told: ChangesReport | None = scene.feed("changes").value

    def draw(_views: Any, stale: bool) -> list[Row]:
        if found is None:
            return [line(width, [("the config has no such service", "dim")])]
        rows: list[Row] = []
        if why := because(found):
            rows.append(line(width, [(fit(why, width), "bold")]))
        rows += held_rows(found.status, told.events if told else (), width)
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
    return section(title, feed, scene.now, width, draw, least=2)
