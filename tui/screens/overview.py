"""Is production healthy? What changed? What can I do about it? All without a key pressed."""

from __future__ import annotations

from typing import Any

from commands.changes import ChangesReport
from core.gpus import GpuReport
from core.text import clean
from tui.cells import Row, clipped, fill, line
from tui.feeds import Feed
from tui.frame import Line, Rule, Section, bottom, boxed, columns, plain, stack
from tui.panels.changed import changed, recent
from tui.panels.feed import section
from tui.panels.figures import figure_rows, figures_title
from tui.panels.gpus import gpu_title, gpus_summary
from tui.panels.services import Window, counts, ranked, services
from tui.panels.ways import ways_back
from tui.screens.scene import Picture, Scene, list_hits
from tui.seam import ServiceView

CHANGED_SECONDS = 48 * 3600.0


def overview(scene: Scene) -> Picture:
    """The services above; below, the story of the worst one, or of the one under the cursor."""
    feed: Feed[tuple[ServiceView, ...]] = scene.feed("services")
    views = ranked(feed.value or (), scene.filter)
    names = tuple(view.status.service for view in views)
    chosen = scene.cursor if scene.cursor in names else None
    follows = chosen or (names[0] if names else scene.service)
    room = services_height(scene, len(views), feed)
    # The last row counts what is not shown, so it can never hold the cursor.
    list_rows = room if len(views) <= room else room - 1
    at = names.index(chosen) if chosen else None
    window = Window.around(at, len(views), max(1, list_rows), scene.top)
    top = _services(scene, feed, views, room, follows, window)
    used = room + 1
    rows = (
        _wide_lower(scene, follows, scene.height - used, top)
        if scene.wide
        else [*plain(top, scene.width), *_narrow_lower(scene, follows, scene.height - used)]
    )
    first = 1 + len(feed.complaint(scene.width))
    shown = names[window.top : window.top + list_rows]
    hits = list_hits(first, shown[: max(0, room + 1 - first)])
    return Picture(
        fill(rows, scene.width, scene.height),
        names,
        follows,
        window.top,
        hits,
        follows,
        max(1, list_rows),
    )


def services_height(scene: Scene, count: int, feed: Feed[Any]) -> int:
    """Rows for the services: all of them where they fit beside the least that the rest needs."""
    rest = 18 if scene.wide else 12
    most = max(3, scene.height - rest) if scene.height < 40 else scene.height * 6 // 10
    return max(1, min(count + len(feed.complaint(scene.width)), most))


def _services(
    scene: Scene,
    feed: Feed[tuple[ServiceView, ...]],
    views: list[ServiceView],
    height: int,
    follows: str | None,
    window: Window,
) -> list[Line]:
    width = scene.width - (4 if scene.wide else 2)
    complaint = feed.complaint(width)
    rows: list[Row] = [*complaint]
    if feed.value is not None:
        stale = feed.stale(scene.now)
        drawn = services(
            views,
            width,
            height - len(complaint),
            scene.now,
            cursor=follows,
            top=window.top,
            stale=stale,
        )
        if not views and scene.filter:
            drawn = [line(width, [("no service's name holds this", "dim")])]
        rows += drawn
    elif not complaint:
        rows += [
            line(width, [(f"{clean(name)}  ", "dim"), feed.waiting])
            for name in scene.facts.services
        ]
    heading = f"Services: {counts(views)}" if feed.value is not None else "Services"
    if scene.filter:
        heading += f"  filter: {clean(scene.filter)}"
    return [Rule(((heading, "title"),), feed.note(scene.now)), *fill(rows, width, height)]


def _lower(scene: Scene, service: str | None, narrow: bool, widths: tuple[int, int]) -> list[Section]:  # fmt: skip
    """Changed, ways back, figures and GPUs, each for its column's width."""
    now = scene.now
    left, right = widths
    name = service or ""
    shown = clean(name) or "no service"
    many = scene.height

    def changes(report: ChangesReport, _stale: bool) -> list[Row]:
        return changed(recent(report.events, now, CHANGED_SECONDS, name), left, many, now)

    def ways(value: Any, _stale: bool) -> list[Row]:
        return ways_back(value, left, 8, canary=canary_of(scene, name))

    def figures(value: Any, stale: bool) -> list[Row]:
        return figure_rows(value, right, many, now, window=scene.window, stale=stale)

    def gpus(value: GpuReport, stale: bool) -> list[Row]:
        return gpus_summary(value, right, 2 if narrow else 6, stale=stale)

    gpu_feed = scene.feed("gpus")
    gpu_heading = gpu_title(gpu_feed.value) if gpu_feed.value is not None else "GPUs"
    figure_feed = scene.feed("figures", name)
    return [
        section(f"{shown}: changed, 48h", scene.feed("changes"), now, left, changes, least=3),
        section("Ways back", scene.feed("ways", name), now, left, ways, least=2),
        section(
            f"{shown}: {figures_title(figure_feed, scene.window)}",
            figure_feed,
            now,
            right,
            figures,
            least=3,
        ),
        section(gpu_heading, gpu_feed, now, right, gpus, least=1),
    ]


def canary_of(scene: Scene, name: str) -> str:
    """What is known of the service's canary; its row has little room for it."""
    views: tuple[ServiceView, ...] = scene.feed("services").value or ()
    return next((view.canary for view in views if view.status.service == name), "")


def _wide_lower(scene: Scene, service: str | None, height: int, top: list[Line]) -> list[Row]:
    width = scene.width
    left_width = (width - 3) // 2
    right_width = width - 3 - left_width
    changes, ways, figures, gpus = _lower(scene, service, False, (left_width - 2, right_width - 2))
    # The two lower panels are as high as the longer one needs, so that their titles line up.
    low = max(len(ways.rows), len(gpus.rows), 2)
    low = min(low, max(2, (height - 3) // 3))
    high = max(0, height - 3 - low)
    left: list[Line] = [changes.rule, *clipped(changes.rows, left_width - 2, high)]
    left += [ways.rule, *clipped(ways.rows, left_width - 2, low)]
    right: list[Line] = [figures.rule, *clipped(figures.rows, right_width - 2, high)]
    right += [gpus.rule, *clipped(gpus.rows, right_width - 2, low)]
    return [
        *boxed(top, width),
        *columns(left, right, width, left_width),
        bottom(width, left_width),
    ]


def _narrow_lower(scene: Scene, service: str | None, height: int) -> list[Row]:
    inner = scene.width - 2
    changes, ways, figures, gpus = _lower(scene, service, True, (inner, inner))
    order = [ways, figures, changes, gpus]
    lines = stack(order, inner, height)
    return plain(lines, scene.width)
