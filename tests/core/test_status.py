"""What a service's status makes of its parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.config import LAYERS
from core.status import LayerState, OpenChange, ServiceStatus, State

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FINE = ServiceStatus(
    "fraud", "fraud", "prod", "12", {"12": 1.0}, {},
    {layer: LayerState(State.OK, "fine") for layer in LAYERS}, "r1", None, None, NOW,
)  # fmt: skip
CHANGE = OpenChange(3, "cutover", "running", "ops", NOW, running=True)


@pytest.mark.parametrize(
    ("champion", "traffic", "astray"),
    [
        ("12", {"12": 1.0}, False),
        ("12", {"12": 0.95, "13": 0.05}, False),
        ("12", {"13": 1.0}, True),
        ("12", {"13": 0.5, "14": 0.5}, True),
        ("12", {"?green": 1.0}, False),
        ("12", {}, False),
        (None, {"13": 1.0}, False),
    ],
)
def test_a_champion_that_serves_nothing_is_a_warning(
    champion: str | None, traffic: dict[str, float], astray: bool
) -> None:
    status = replace(FINE, champion=champion, traffic=traffic)
    assert (status.astray is not None) is astray
    assert status.state is (State.WARNING if astray else State.OK)
    assert replace(status, open_change=CHANGE).state is State.OK
    down = status.layers | {"system": LayerState(State.CRITICAL, "errors 9 %")}
    assert replace(status, layers=down).state is State.CRITICAL
