"""GPUs: how many answer, which need somebody, and every one with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.gpus import Gpu, GpuReport, HostStatus
from core.status import GLYPH, State
from core.text import clean
from core.units import show_bytes
from tui.cells import Cell, Row, fit, line, wrap
from tui.style import OF_STATE
from tui.words import plural

BAR = " ▏▎▍▌▋▊▉█"


def gpu_title(report: GpuReport) -> str:
    """ "GPUs 31/32, 4 hosts"; simulated ones say so."""
    hosts = f", {plural(len(report.hosts), 'host')}" if report.hosts else ""
    return f"GPUs {report.count}{hosts}{' SIMULATED' if report.simulated else ''}"


def gpus_summary(report: GpuReport, width: int, height: int, *, stale: bool = False) -> list[Row]:
    """Trouble one per row, then a count of the rest by state, at most `height` rows."""
    trouble = [gpu for gpu in report.worst_first() if gpu.state not in _CALM]
    hosts = [host for host in report.hosts.values() if host.state not in _CALM]
    told = {gpu.host for gpu in trouble}
    # A host whose GPUs already stand there as lost need not be said twice.
    hosts = [host for host in hosts if host.host not in told]
    rows = [_host_row(host, width) for host in hosts] + [_short(gpu, width) for gpu in trouble]
    calm = [gpu for gpu in report.gpus if gpu.state in _CALM]
    last: list[Cell] = []
    if calm:
        busy = [gpu.utilization for gpu in calm if gpu.utilization is not None]
        last.append((f"? {len(calm)} were ok", "unknown") if stale else (f"✔ {len(calm)} ok", "ok"))
        if busy:
            last.append((f"   {sum(busy) / len(busy) * 100:3.0f} % busy", ""))
        used = sum(gpu.memory_used or 0 for gpu in calm)
        total = sum(gpu.memory_total or 0 for gpu in calm)
        if total:
            last.append((f"   {show_bytes(used)} of {show_bytes(total)}", ""))
    elif not rows:
        why = "; ".join(host.because for host in report.hosts.values() if host.because)
        last.append((f"no GPU: {why}" if why else "no GPU", "dim"))
    if len(rows) + bool(last) > height:
        left = rows[max(0, height - 1) :]
        rows = rows[: max(0, height - 1)]
        last = [(f"… {len(left)} more in trouble: 3   ", "critical"), *last]
    if last:
        rows.append(line(width, last))
    return rows[: max(0, height)]


_CALM = (State.OK, State.NOT_CONFIGURED)


def _host_row(host: HostStatus, width: int) -> Row:
    text = f"{host.host} {host.count} {host.because}"
    return line(width, [(GLYPH[host.state] + " " + fit(text, width - 2), OF_STATE[host.state])])


def _short(gpu: Gpu, width: int) -> Row:
    service = clean(gpu.service) if gpu.service else ""
    taken = min(16, len(service)) + 1 if service else 0
    text = f"{GLYPH[gpu.state]} {fit(f'{gpu.label} {gpu.because}', width - 2 - taken)}"
    return line(width, [(text, OF_STATE[gpu.state]), (" " + fit(service, taken - 1), "bold")])


def gpu_table(
    gpus: Sequence[Gpu],
    width: int,
    height: int,
    *,
    cursor: str | None = None,
    top: int = 0,
    stale: bool = False,
) -> list[Row]:
    """A heading, then one GPU per row, at most `height` rows."""
    label = min(24, max(8, *(len(gpu.label) for gpu in gpus))) if gpus else 8
    rows = [_heading(width, label)]
    room = max(0, height - 1)
    rows += [_full(g, width, label, g.label == cursor, stale) for g in gpus[top : top + room]]
    return rows[: max(0, height)]


def _columns(width: int) -> tuple[int, bool, bool]:
    """The bar's width, and whether there is room for power and for the service."""
    return (10 if width >= 110 else 0), width >= 66, width >= 92


def _heading(width: int, label: int) -> Row:
    bar, power, service = _columns(width)
    text = f"  {fit('GPU', label)} {fit('use', 6 + bar, '>')} {fit('memory', 21, '>')}"
    text += f" {fit('temp', 6, '>')}"
    if power:
        text += f" {fit('power', 13, '>')}"
    if service:
        text += f"  {fit('service', 14)}"
    return line(width, [(text + "  what", "dim")])


def _full(gpu: Gpu, width: int, label: int, chosen: bool, stale: bool) -> Row:
    bar, power, service = _columns(width)
    state = State.UNKNOWN if stale else gpu.state
    style = OF_STATE[state]
    cells: list[Cell] = [
        (f"{GLYPH[state]} ", style),
        (fit(gpu.label, label), "cursor" if chosen else "bold"),
        (" ", ""),
    ]
    if bar:
        cells.append((meter(gpu.utilization, bar), "accent"))
    busy = "–" if gpu.utilization is None else f"{gpu.utilization * 100:.0f} %"
    cells.append((fit(busy, 6, ">") + " ", ""))
    cells.append((fit(_memory(gpu), 21, ">") + " ", ""))
    heat = "–" if gpu.temperature is None else f"{gpu.temperature:.0f} °C"
    cells.append((fit(heat, 6, ">"), ""))
    if power:
        cells.append((" " + fit(_power(gpu), 13, ">"), ""))
    if service:
        cells.append(("  " + fit(gpu.service or "–", 14), "" if gpu.service else "dim"))
    what = f"was {gpu.state}" if stale else f"{gpu.state}"
    if gpu.because:
        what += f": {gpu.because}"
    if gpu.simulated:
        what = "SIMULATED " + what
    used = sum(len(text) for text, _ in cells)
    cells.append(("  " + fit(what, max(0, width - used - 2)), style))
    return line(width, cells)


def meter(fraction: float | None, width: int) -> str:
    """A bar in eighths of a cell."""
    if fraction is None:
        return " " * width
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (BAR[rest] if rest else "")).ljust(width)


def _memory(gpu: Gpu) -> str:
    if gpu.memory_used is None or gpu.memory_total is None:
        return "–" if gpu.memory_total is None else f"– of {show_bytes(gpu.memory_total)}"
    return f"{show_bytes(gpu.memory_used)} of {show_bytes(gpu.memory_total)}"


def _power(gpu: Gpu) -> str:
    if gpu.power is None:
        return "–"
    limit = f" / {gpu.power_limit:.0f}" if gpu.power_limit is not None else ""
    return f"{gpu.power:.0f}{limit} W"


def hosts_rows(report: GpuReport, width: int, now: datetime, *, stale: bool = False) -> list[Row]:
    """One host per row: how many GPUs of how many, and what is wrong with it and to be done."""
    rows: list[Row] = []
    for host in sorted(report.hosts.values(), key=lambda h: h.host):
        driver = f"  driver {host.driver}" if host.driver else ""
        text = f"{host.host} {host.count} GPUs  {host.because}{driver}"
        state = State.UNKNOWN if stale else host.state
        rows.append(line(width, [(f"{GLYPH[state]} {fit(text, width - 2)}", OF_STATE[state])]))
        if host.state not in _CALM:
            rows += [line(width, [(f"  {text}", "dim")]) for text in wrap(host.hint, width - 2)]
            if host.next_try is not None:
                when = host.next_try.astimezone(now.tzinfo)
                rows.append(line(width, [(f"  next try {when:%H:%M:%S}", "dim")]))
    return rows


def processes_rows(gpu: Gpu, width: int, height: int) -> list[Row]:
    """Who holds memory of one GPU."""
    rows = [
        line(
            width,
            [
                (fit(process.pid, 9, ">") + "  ", "dim"),
                (fit("–" if process.memory is None else show_bytes(process.memory), 9, ">"), ""),
                ("  " + fit(process.name or "name not known", max(0, width - 22)), ""),
            ],
        )
        for process in gpu.processes
    ]
    return (rows or [line(width, [("no process", "dim")])])[: max(0, height)]
