"""The versions of a model in four columns, one per stage."""

from __future__ import annotations

from datetime import datetime

from core.versions import Stage, Version
from tui.cells import Cell, Row, fit, line
from tui.seam import VersionsView
from tui.words import ago

_NAME = 12


def versions(view: VersionsView, width: int, height: int, now: datetime) -> list[Row]:
    """A row of stages, then the versions of each, newest first, at most `height` rows."""
    stages = list(Stage)
    widths = [width // 4 + (place < width % 4) for place in range(4)]
    of_stage = {stage: [v for v in view.model.versions if _stage(v, view) is stage] for stage in stages}  # fmt: skip
    heads: list[Cell] = []
    for stage, each in zip(stages, widths, strict=True):
        style = "ok" if stage is Stage.PRODUCTION else "title"
        heads.append((fit(f"{stage} {len(of_stage[stage])}", each), style))
    rows: list[Row] = [line(width, heads)]
    room = max(0, height - 1)
    longest = max(len(found) for found in of_stage.values())
    for place in range(min(room, longest)):
        cells: list[Cell] = []
        for stage, each in zip(stages, widths, strict=True):
            found = of_stage[stage]
            if place == room - 1 and len(found) > room:
                cells.append((fit(f"… {len(found) - place} more", each), "dim"))
            elif place < len(found):
                cells += _version(found[place], view, each, now)
            else:
                cells.append((" " * each, ""))
        rows.append(line(width, cells))
    return rows[: max(0, height)]


def _stage(version: Version, view: VersionsView) -> Stage:
    return version.stage(view.champion_alias)


def _version(version: Version, view: VersionsView, width: int, now: datetime) -> list[Cell]:
    name = " ".join([f"v{version.number}", *(f"@{alias}" for alias in version.aliases)])
    age = ago(version.created, now) if version.created else ""
    trouble = ""
    if version.blocked is not None:
        trouble = f" BLOCKED {version.blocked}"
    elif version.status != "READY":
        trouble = f" {version.status}"
    elif (odd := version.disagreement(view.champion_alias)) is not None:
        trouble = f" ? {odd}"
    tail = age if not trouble and width >= len(name) + len(age) + 3 else ""
    room = max(0, width - 2 - len(tail))
    cells: list[Cell] = [(fit(name, min(room, max(_NAME, len(name)))), "")]
    cells.append((fit(trouble, room - len(cells[0][0])), "warning"))
    cells.append((f"{tail}  ", "dim"))
    return [(text, style) for text, style in cells if text]
