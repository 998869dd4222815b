"""What other people and other machines do, seen in a console on the real fleet, and answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.driving import DeckFleet, modeldeck
from tests.sessions.person import Person

pytestmark = pytest.mark.live
PROMOTE = ("promote", "tumor", "3", "--to", "production")


@pytest.fixture
def approved(fleet: DeckFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    config = fleet.config_with(
        tmp_path, old="[services.tumor]\n", new='[services.tumor]\npolicy = "approved"\n'
    )
    # The console takes it over; command lines of this process are another person's.
    monkeypatch.setenv("MODELDECK_ACTOR", "ana")
    yield config
    monkeypatch.setenv("MODELDECK_ACTOR", "cleo")
    modeldeck("unfreeze", "tumor", config=config)


def test_a_request_and_a_freeze_are_announced_marked_and_answered(
    approved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Person(approved) as person:
        # The age of what changed: only what comes after the first look at it is announced.
        person.sees("tumor", "v2 100", "ago ┬")
        monkeypatch.setenv("MODELDECK_ACTOR", "ben")
        asked = modeldeck(*PROMOTE, "--request", "-o", "json", config=approved)
        name = asked.data["approval"]["approval"]
        person.sees(f"ben asks for an approval: {name}", "approvals 1", f"✎ {name} WAITS")
        assert modeldeck("freeze", "tumor", "--for", "2h", config=approved).code == 0
        person.sees("❄ tumor frozen until", "❄ FROZEN")
        person.types(f'approve {name} --reason "seen"')
        person.sees(f"{name} was approved by ana")
        person.press("esc")
        person.sees("❄ FROZEN", gone=f"✎ {name}")
        person.press("5")
        person.sees(f"{name}: v3 becomes the champion of tumor", "REQUESTED", "approved", "FROZEN")
        person.leaves()


def test_a_move_of_another_machine_is_told_and_one_past_the_ledger_is_marked(
    fleet: DeckFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = fleet.config.read_text().partition("[journal]\npath = ")[2].splitlines()[0]
    other = fleet.config_with(tmp_path, old=journal, new=f'"{tmp_path}/other.db"')
    monkeypatch.setenv("MODELDECK_ACTOR", "ben")
    with Person(fleet.config, lines=60) as person:
        person.sees("tumor", "v2 100")
        try:
            done = modeldeck(*PROMOTE, "--yes", "--reason", "retrained", config=other)
            assert done.code == 0, done.out + done.err
            person.press("5")
            person.sees("ben@", "alias:tumor@champion 2 → 3", "retrained ledger")
            fleet.move("tumor", "champion", "4")
            person.sees("alias:tumor@champion 3 → 4", "OUTSIDE")
            person.press("1")
            person.sees("champion v4 serves nothing")
            person.press("2")
            person.sees("@champion ▲ OUTSIDE", "moved past the ledger: ben@", within=60)
            person.leaves()
        finally:
            back = modeldeck("rollback", "tumor", "--yes", config=other)
            assert back.code == 0, back.out + back.err
            fleet.reset_model("tumor")
