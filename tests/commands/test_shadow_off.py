"""`shadow --off` is a way back: it does not wait for a registry that is down."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backends.base import Reading, RouterAbility
from commands import shadow
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.shadow import Args
from core.errors import BackendError
from core.plan import Plan
from core.refs import Ref
from core.split import Split

SHADOWED = Split.of({"blue": 10_000}, {"green": 1_000})
CONFIG = """
[registry]
kind = "mlflow"
url = "http://127.0.0.1:9"
timeout = "500ms"
[journal]
path = "{0}/j.db"
[services.fraud]
model = "fraud"
prompts = ["explainer@production"]
"""


class Router:
    ability = RouterAbility(True, 1, 1.0)
    guarded = True

    async def read(self, _ref: Ref) -> Reading:
        return Reading(SHADOWED, None)

    async def close(self) -> None:
        return


def planned(folder: Path, args: Args, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(Deck, "router", lambda _deck, _service: Router())

    async def run() -> Any:
        async with Deck(Loaded(parse(CONFIG.format(folder), "deck.toml"), None)) as deck:
            return await shadow.run(deck, args)

    return asyncio.run(run())  # type: ignore[no-any-return]


def test_a_shadow_ends_without_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(tmp_path, Args("fraud", off=True), monkeypatch)
    assert plan.goal == "back"
    (only,) = plan.sets
    assert (only.before, only.after) == (SHADOWED, Split.all_on("blue"))


def test_a_shadow_does_not_begin_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendError):
        planned(tmp_path, Args("fraud", "3"), monkeypatch)
