"""The panel of figures: each judged as the service's state is."""

from __future__ import annotations

from core.config import Threshold
from core.figures import Figure
from tests.tui.scripted import NOW
from tui.panels.figures import figure_rows
from tui.seam import Instruments


def test_a_rate_that_is_high_where_low_is_bad_is_ok_in_the_panel() -> None:
    low = Threshold(warning=5, critical=1, layer="business", below=True)

    def row(rate: float) -> str:
        figure = Figure("request_rate", "requests", "system", "per_second", rate, threshold=low)
        rows = figure_rows(Instruments((figure,)), 60, 5, NOW)
        return "".join(text for text, _ in rows[1])

    assert row(100.0).startswith("✔ ")
    assert row(4.0).startswith("▲ ")
    assert row(0.5).startswith("✖ ")
    assert "< 1 /s" in row(100.0)
