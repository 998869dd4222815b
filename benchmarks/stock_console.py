"""The figures of the console on Textual's own DataTable and Sparkline, as a first draft would.

`python -m benchmarks.stock_console moving|still`, in a terminal of its own.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Sparkline, Static

from tests.tui.pty_console import Moving


class StockConsole(App[None]):
    """Fifty services and eight GPUs in two tables, six figures with a sparkline each, a clock."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "quit")]
    CSS = """
    #services { width: 3fr; }
    #gpus { height: 10; }
    Sparkline { height: 1; }
    """

    def __init__(self, moving: Moving) -> None:
        super().__init__()
        self.moving = moving

    def compose(self) -> ComposeResult:
        yield Static(id="clock")
        with Horizontal():
            yield DataTable[str](id="services")
            with Vertical():
                yield DataTable[str](id="gpus")
                for figure in self.moving.figures().figures:
                    name = figure.concept.replace(" ", "-")
                    yield Static(id=f"label-{name}")
                    yield Sparkline(id=f"line-{name}")

    def on_mount(self) -> None:
        services, gpus = self.query_one("#services", DataTable), self.query_one("#gpus", DataTable)
        for key in ("state", "service", "traffic", "because"):
            services.add_column(key, key=key)
        for key in ("gpu", "use", "memory", "power", "temperature"):
            gpus.add_column(key, key=key)
        self.refresh_figures()
        self.set_interval(1.0, self.refresh_figures)

    def refresh_figures(self) -> None:
        """Everything that a poll brings, once a second."""
        now = datetime.now(UTC)
        self.query_one("#clock", Static).update(f"{now:%H:%M:%S} UTC")
        services = {}
        for view in self.moving.services():
            status = view.status
            traffic = " ".join(f"v{v} {share:.0%}" for v, share in status.traffic.items())
            because = status.layers["system"].because
            cells = {"state": status.state.value, "service": status.service}
            services[status.service] = {**cells, "traffic": traffic, "because": because}
        self._fill("#services", services)
        gpus = {}
        for gpu in self.moving.gpus().gpus:
            gpus[str(gpu.index)] = {
                "gpu": gpu.name,
                "use": f"{gpu.utilization or 0:.0%}",
                "memory": f"{(gpu.memory_used or 0) / 1e9:.1f} GB",
                "power": f"{gpu.power or 0:.0f} W",
                "temperature": f"{gpu.temperature or 0:.0f} °C",
            }
        self._fill("#gpus", gpus)
        for figure in self.moving.figures().figures:
            name = figure.concept.replace(" ", "-")
            self.query_one(f"#label-{name}", Static).update(f"{figure.title} {figure.value:.4g}")
            line = self.query_one(f"#line-{name}", Sparkline)
            line.data = [value for _, value in figure.history]

    def _fill(self, selector: str, rows: dict[str, dict[str, str]]) -> None:
        table: DataTable[Any] = self.query_one(selector, DataTable)
        for key, cells in rows.items():
            if key not in table.rows:
                table.add_row(*cells.values(), key=key)
                continue
            for column, text in cells.items():
                if table.get_cell(key, column) != text:
                    table.update_cell(key, column, text)


if __name__ == "__main__":
    StockConsole(Moving(sys.argv[1] == "still")).run()
