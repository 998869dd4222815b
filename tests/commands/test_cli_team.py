"""A change on the real fleet with a journal that a team shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.driving import DeckFleet, modeldeck
from tests.live.postgres import Postgres

pytestmark = pytest.mark.live


def test_a_change_begun_by_one_is_ended_by_another(
    fleet: DeckFleet, postgres: Postgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = f'path = "{fleet.layout.journal}"'
    config = fleet.config_with(folder, old=old, new=f'url = "{postgres.create()}"')
    monkeypatch.setenv("MODELDECK_ACTOR", "ana")
    words = ("canary", "tumor", "3", "--weight", "10", "--yes", "-o", "json")
    ran = modeldeck(*words, config=config)
    assert ran.code == 0, ran.err
    assert ran.data["state"] == "done"
    assert fleet.traffic("tumor") == {"2": 0.9, "3": 0.1}
    postgres.restart()
    monkeypatch.setenv("MODELDECK_ACTOR", "ben")
    ran = modeldeck("abort", "tumor", "--yes", "-o", "json", config=config)
    assert ran.code == 0, ran.err
    assert fleet.traffic("tumor") == {"2": 1.0}
    told = modeldeck("changes", "tumor", "-o", "json", config=config).data["changes"]
    ours = [(one["by"], one["kind"]) for one in told if one["change"] is not None]
    assert ours[:2] == [("ben", "abort"), ("ana", "canary")]


def test_without_the_database_nothing_is_changed_and_the_rest_is_still_read(
    fleet: DeckFleet, folder: Path
) -> None:
    old = f'path = "{fleet.layout.journal}"'
    new = 'url = "postgresql://ana@127.0.0.1:1/deck"'
    config = fleet.config_with(folder, old=old, new=new)
    words = ("canary", "tumor", "3", "--weight", "10", "--yes", "-o", "json")
    ran = modeldeck(*words, config=config)
    assert ran.code == 5
    assert "nothing was changed" in ran.error["message"]
    assert "in [journal] url" in ran.error["hint"]
    assert fleet.traffic("tumor") == {"2": 1.0}
    status = modeldeck("status", "tumor", "-o", "json", config=config)
    assert status.data["services"][0]["traffic"] == {"2": 1.0}
