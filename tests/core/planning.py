"""A service as it is seen before a plan is made: blue has v12, the champion, green v13."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.config import Service
from core.gate import Check, GateReport
from core.history import Release
from core.observed import Observed, RouterView, SlotView
from core.refs import Ref, Value
from core.split import Split
from core.versions import Model, Version

PASSED = GateReport("13", (Check("ready", "passed", "READY", "READY", "registry"),))
BLUE, GREEN = Split.all_on("blue"), Split.all_on("green")
CANARY = Split.of({"blue": 9500, "green": 500})
TAKEN = datetime(2026, 11, 20, tzinfo=UTC)


def version(number: str, stage: str | None = None, **more: Any) -> Version:
    aliases = ("champion",) if number == "12" else ()
    return Version("fraud", number, tag_stage=stage, aliases=aliases, **more)


VERSIONS = (
    version("14", "Draft"),
    version("13", "Staging"),
    version("12", "Production"),
    version("11", "Archived"),
)


def release(number: int, of: str, *, good: bool = True, **prompts: str) -> Release:
    watched = 3600.0 if good else 0.0
    return Release(number, "fraud", TAKEN, of, prompts, watched_ok=watched)


def seen(*versions: Version, **more: Any) -> Observed:
    """These versions stand in for those of the same number."""
    known = {one.number: one for one in (*VERSIONS, *versions)}
    model = Model("fraud", tuple(known.values()), {"champion": "12"})
    slots = {"blue": SlotView("12", can_load=True), "green": SlotView("13", can_load=True)}
    start = Observed(
        Service("fraud", model="fraud"), model, RouterView(shadow=True), BLUE, BLUE, slots
    )
    return replace(start, **more)


def values(sets: Any) -> Mapping[Ref, Value]:
    return {item.ref: item.after for item in sets}
