"""Every GPU; also the first screen of a console that has no config."""

from __future__ import annotations

from typing import Any

from core.gpus import GpuReport
from tui.cells import Row, fill
from tui.feeds import Feed
from tui.frame import Line, Rule, bottom, boxed, plain
from tui.panels.gpus import gpu_table, gpu_title, hosts_rows, processes_rows
from tui.panels.services import Window
from tui.screens.scene import Picture, Scene, list_hits


def gpus(scene: Scene) -> Picture:
    """The hosts, the table, and who uses the GPU under the cursor."""
    feed: Feed[GpuReport] = scene.feed("gpus")
    width = scene.width - (4 if scene.wide else 2)
    note = feed.note(scene.now)
    complaint = feed.complaint(width)
    report = feed.value
    if report is None:
        rows: list[Row] = complaint or [(feed.waiting,)]
        return Picture(_framed(scene, [Rule((("GPUs", "title"),), note), *rows]))
    stale = feed.stale(scene.now)
    found = [gpu for gpu in report.worst_first() if scene.filter.lower() in _words(gpu)]
    labels = tuple(gpu.label for gpu in found)
    cursor = scene.cursor if scene.cursor in labels else (labels[0] if labels else None)
    hosts = [*complaint, *hosts_rows(report, width, scene.now, stale=stale)]
    hosts = hosts[: max(2, scene.height // 3)]
    chosen = next((gpu for gpu in found if gpu.label == cursor), None)
    processes = processes_rows(chosen, width, 5) if chosen else []
    lines: list[Line] = [Rule(((gpu_title(report), "title"),), note), *hosts]
    edges = 1 if scene.wide else 0
    room = scene.height - len(lines) - edges - 1 - (1 + len(processes) if processes else 0)
    rows_of_list = max(1, room - 1)
    at = labels.index(cursor) if cursor in labels else None
    window = Window.around(at, len(labels), rows_of_list, scene.top)
    first = len(lines) + 2
    title = f"use, memory, heat{f'  filter: {scene.filter}' if scene.filter else ''}"
    table = gpu_table(
        found, width, max(2, min(room, 1 + len(found))), cursor=cursor, top=window.top, stale=stale
    )
    lines += [Rule(((title, "dim"),)), *fill(table, width, max(2, room))]
    if chosen is not None:
        lines += [Rule(((f"Processes on {chosen.label} {chosen.name}", "title"),)), *processes]
    shown = labels[window.top : window.top + rows_of_list]
    return Picture(
        _framed(scene, lines),
        labels,
        cursor,
        window.top,
        list_hits(first, shown),
        chosen.service if chosen else None,
        rows_of_list,
    )


def _words(gpu: Any) -> str:
    return f"{gpu.label} {gpu.name} {gpu.service or ''} {gpu.state}".lower()


def _framed(scene: Scene, lines: list[Line]) -> list[Row]:
    if not scene.wide:
        return fill(plain(lines, scene.width), scene.width, scene.height)
    inner = scene.width - 4
    space = scene.height - 1 - len(lines)
    padded = [*lines, *fill([], inner, space)][: scene.height - 1]
    return [*boxed(padded, scene.width), bottom(scene.width)]
