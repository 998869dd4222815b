"""A page drawn from what a scripted backend reads, without an app."""

from __future__ import annotations

from collections.abc import Sequence

from core.snapshot import Snapshot
from core.text import clean
from tests.tui.scripted import NOW, OF_VERSION, Scripted
from tui.cells import Row, row_width
from tui.feeds import Feed
from tui.screens.pages import draw_page
from tui.screens.scene import PageName, Picture, Scene

PAGES: tuple[PageName, ...] = (
    "overview",
    "service",
    "version",
    "gpus",
    "changes",
    "help",
    "answer",
)
FLEET = ("services", "changes", "gpus")


def store_of(backend: Scripted, service: str, **more: object) -> dict[str, Feed[object]]:
    found = {}
    for kind, value in backend.reads.items():
        values = {kind if kind in FLEET else f"{kind}/{service}": value}
        if kind in OF_VERSION:
            each = value if isinstance(value, dict) else {value.version: value}
            values = {f"{kind}/{service}@{number}": one for number, one in each.items()}
        for key, one in values.items():
            found[key] = Feed(Snapshot(key, one, NOW, **more), 2.0)  # type: ignore[arg-type]
    return found


def picture(
    backend: Scripted,
    page: PageName = "overview",
    width: int = 120,
    height: int = 34,
    service: str = "chat",
    store: dict[str, Feed[object]] | None = None,
    **more: object,
) -> Picture:
    window = 48 * 3600.0 if page == "changes" else 900.0
    chosen = service if page in ("service", "version") else None
    scene = Scene(
        backend.facts, store_of(backend, service) if store is None else store, width, height, NOW,
        chosen, window=window, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return draw_page(page, scene, next((a for a in backend.proposals.values() if hasattr(a, "grids")), None))  # fmt: skip


def text(rows: Sequence[Row]) -> str:
    return "\n".join("".join(cell for cell, _ in row) for row in rows)


def assert_exact(rows: Sequence[Row], width: int, height: int) -> None:
    assert len(rows) == height
    for row in rows:
        assert row_width(row) == width
        for cell, _ in row:
            assert clean(cell) == cell
