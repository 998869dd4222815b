"""The table of `metrics`: what is bad is coloured by the config's own thresholds."""

from __future__ import annotations

from commands.metrics import MetricsReport
from core.config import Threshold
from core.figures import Figure


def test_a_rate_that_is_high_where_low_is_bad_is_not_coloured() -> None:
    low = Threshold(warning=5, critical=1, layer="business", below=True)

    def cells(rate: float) -> list[object]:
        figure = Figure("request_rate", "requests", "system", "per_second", rate, threshold=low)
        return list(MetricsReport("fraud", 2.0, (figure,), (), {}).grids()[0].rows[0])

    assert cells(100.0)[1] == "100 /s"
    assert cells(4.0)[1] == ("4 /s", "warning")
    assert cells(0.5)[1] == ("0.5 /s", "critical")
    assert "< 1 /s" in cells(100.0)
