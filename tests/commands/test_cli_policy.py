"""Approvals, freezes and the reason that never promotes, against a real fleet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backends.journal import stored
from backends.journal.sqlite import SqliteJournal
from commands.deck import Deck
from core.errors import ModeldeckError
from core.plan import Plan
from core.units import show_time
from demo.registry import API
from tests.commands.driving import DeckFleet, Ran, modeldeck
from tui.ask import carry_out_proposal, propose
from tui.seam import Answer, Proposal, Readiness

pytestmark = pytest.mark.live
PROMOTE = ("promote", "tumor", "3", "--to", "Production")
As = Callable[..., Ran]


@pytest.fixture
def asked_as(
    fleet: DeckFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[As, Path]]:
    """Command lines by a named person, with tumor's policy as `approved`."""
    config = fleet.config_with(
        tmp_path, old="[services.tumor]\n", new='[services.tumor]\npolicy = "approved"\n'
    )

    def run(actor: str, *words: str) -> Ran:
        monkeypatch.setenv("MODELDECK_ACTOR", actor)
        return modeldeck(*words, "-o", "json", config=config)

    yield run, config
    for words in (("unfreeze", "tumor"), ("unfreeze", "--all")):
        run("ana", *words)
    monkeypatch.undo()


def journal_clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """The journal's time for what expires, so far ahead."""
    late = staticmethod(lambda db: stored.now(db) + ahead.total_seconds())
    monkeypatch.setattr(SqliteJournal, "clock", late)


def test_a_promotion_needs_another_person_and_the_way_back_needs_nobody(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, _ = asked_as
    refused = run("ana", *PROMOTE, "--yes")
    assert refused.code == 3
    assert refused.data["state"] == "refused"
    assert "needs an approval" in refused.error["message"]
    assert "--request" in refused.error["hint"]
    asked = run("ana", *PROMOTE, "--request", "--reason", "better recall")
    assert asked.code == 0, asked.err
    name = asked.data["approval"]["approval"]
    assert asked.data["approval"]["state"] == "waiting"
    assert asked.data["change"] is None
    assert fleet.traffic("tumor") == {"2": 1.0}, "asking moves nothing"
    assert run("ana", *PROMOTE, "--request").data["approval"]["approval"] == name
    (waiting,) = run("cleo", "approvals").data["approvals"]
    assert (waiting["approval"], waiting["by"]) == (name, "ana")
    (status,) = run("cleo", "status", "tumor").data["services"]
    assert status["approvals"] == [name]
    own = run("ana", "approve", name)
    assert own.code == 3
    assert "another person" in own.error["message"]
    assert "waits for 1 approval" in run("ana", *PROMOTE, "--yes").error["message"]
    given = run("ben", "approve", name)
    assert given.code == 0, given.err
    assert given.data["state"] == "approved"
    assert run("ana", "cutover", "tumor", "3", "--yes").code == 3, "another command, another plan"
    done = run("ana", *PROMOTE, "--yes")
    assert done.code == 0, done.err
    assert done.data["evidence"]["approval"]["by"] == ["ben"]
    assert fleet.alias("tumor") == "3"
    back = run("ana", "rollback", "tumor", "--yes")
    assert back.code == 0, back.err
    fleet.reset_model("tumor")
    spent = run("ana", *PROMOTE, "--yes")
    assert spent.code == 3
    assert f"let change {done.data['change']} through" in spent.error["message"]
    said = [one for one in run("ana", "changes", "tumor").data["changes"] if name in one["what"]]
    assert {(one["state"], one["by"]) for one in said} == {
        ("approved", "ben"),
        ("requested", "ana"),
    }


def test_what_differs_from_the_approved_plan_is_refused(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, _ = asked_as
    name = run("ana", *PROMOTE, "--request").data["approval"]["approval"]
    assert run("ben", "approve", name).code == 0
    assert run("ana", *PROMOTE, "--dry-run").data["state"] == "planned"
    assert run("cleo", "canary", "tumor", "3", "--weight", "5", "--yes").code == 0
    ran = run("ana", *PROMOTE, "--yes")
    assert ran.code == 3
    assert f"{name} is for another plan: traffic:tumor was" in ran.error["message"]
    assert fleet.alias("tumor") == "2"
    assert run("ana", "abort", "tumor", "--yes").code == 0
    assert run("ana", *PROMOTE, "--dry-run").code == 0, "all is again as it was approved"


def test_an_approval_expires(asked_as: tuple[As, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = asked_as
    name = run("ana", *PROMOTE, "--request").data["approval"]["approval"]
    assert run("ben", "approve", name).code == 0
    with monkeypatch.context() as later:
        journal_clock(later, timedelta(hours=4, minutes=1))
        ran = run("ana", *PROMOTE, "--yes")
        assert ran.code == 3
        assert f"{name} expired" in ran.error["message"]
        late = run("ben", "approve", name)
        assert late.code == 3
        assert "--request" in late.error["hint"]
        assert run("ana", "approvals", "tumor").data["approvals"] == []
        (old,) = [
            one
            for one in run("ana", "approvals", "tumor", "--all").data["approvals"]
            if one["approval"] == name
        ]
        assert old["state"] == "expired"


def test_a_rejection_says_why(asked_as: tuple[As, Path]) -> None:
    run, _ = asked_as
    name = run("ana", *PROMOTE, "--request").data["approval"]["approval"]
    assert run("ben", "reject", name).code == 2, "without a reason"
    assert run("ben", "reject", name, "--reason", "too few labels").data["state"] == "rejected"
    assert "too few labels" in run("ana", *PROMOTE, "--yes").error["message"]
    waited = run("ana", *PROMOTE, "--request", "--wait", "10ms")
    assert waited.code == 3, "asked again, and nobody answered"
    assert waited.data["approval"]["approval"] != name
    assert waited.data["approval"]["state"] == "waiting"


def test_a_request_that_would_not_help_is_refused(asked_as: tuple[As, Path]) -> None:
    run, _ = asked_as
    failed = run("ana", "promote", "tumor", "4", "--to", "Production", "--request")
    assert failed.code == 3
    assert "gate" in failed.error["message"]
    assert run("ana", "promote", "digits", "3", "--to", "Production", "--request").code == 3
    assert run("ana", *PROMOTE, "--wait", "1h").code == 2


@contextlib.contextmanager
def tagged(fleet: DeckFleet, **tags: str) -> Iterator[None]:
    body = {"name": "tumor", "version": "3"}
    try:
        for key, value in tags.items():
            fleet._post("set-tag", {**body, "key": key, "value": value})
        yield
    finally:
        path = f"{fleet.address('mlflow')}{API}/model-versions/delete-tag"
        for key in tags:
            fleet.client.request("DELETE", path, json={**body, "key": key})


def test_drift_alone_never_promotes(fleet: DeckFleet) -> None:
    before = datetime.now(UTC) - timedelta(days=3)
    drift = {"trigger": "drift", "drift_detected_at": show_time(before)}
    with tagged(fleet, **drift):
        for words in (PROMOTE, ("cutover", "tumor", "3")):
            ran = fleet.json(*words, "--yes", "--override", "the board wants it")
            assert ran.code == 3
            assert "detection is not proof of improvement" in ran.error["message"]
        assert fleet.json("gate", "tumor", "3").code == 1
    with tagged(fleet, **drift, labelled_until=show_time(before - timedelta(hours=1))):
        assert fleet.json("gate", "tumor", "3").data["verdict"] == "failed"
    with tagged(fleet, **drift, labelled_until=show_time(before + timedelta(hours=1))):
        assert fleet.json("gate", "tumor", "3").data["verdict"] == "passed"
        assert fleet.json(*PROMOTE, "--dry-run").code == 0
    assert fleet.alias("tumor") == "2"


def test_a_freeze_holds_up_what_goes_forward_and_no_way_back(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, _ = asked_as
    assert run("ana", "canary", "tumor", "3", "--weight", "5", "--yes").code == 0
    assert run("ana", "freeze", "tumor", "--for", "1h", "--reason", "audit").code == 0
    ran = run("ben", "canary", "tumor", "3", "--weight", "10", "--yes")
    assert ran.code == 3
    assert "by ana: audit" in ran.error["message"]
    assert run("ben", "promote", "tumor", "5", "--to", "Staging", "--yes").code == 3
    assert run("ben", "canary", "digits", "3", "--weight", "5", "--dry-run").code == 0
    (status,) = run("ben", "status", "tumor").data["services"]
    assert "by ana: audit" in status["frozen"]["because"]
    assert run("ben", "abort", "tumor", "--yes").code == 0
    assert run("ben", "unfreeze", "tumor").code == 0
    assert run("ben", "freeze", "--all", "--for", "1h").code == 0
    assert run("ben", "canary", "digits", "3", "--weight", "5", "--dry-run").code == 3
    assert run("ben", "unfreeze", "tumor").code == 3, "the freeze is of every service"
    assert run("ben", "unfreeze", "--all").code == 0
    assert run("ben", "canary", "tumor", "3", "--weight", "5", "--dry-run").code == 0
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_a_rollback_to_what_was_left_goes_through_no_back_door(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, _ = asked_as
    made = run("ana", *PROMOTE, "--yes", "--override", "the test needs a release").data["release"]
    assert run("ana", "rollback", "tumor", "--yes").code == 0
    ran = run("ana", "rollback", "tumor", "--to", made, "--yes")
    assert ran.code == 3
    assert "v3 was left by a rollback" in ran.error["message"]
    assert run("ana", "rollback", "tumor", "--to", made, "--dry-run").code == 3
    assert fleet.alias("tumor") == "2"
    assert run("ana", "freeze", "tumor", "--for", "1h", "--reason", "audit").code == 0
    loud = run("ana", "rollback", "tumor", "--to", made, "--yes", "--override", "v2 loses data")
    assert loud.code == 0, loud.err
    against = " ".join(loud.data["evidence"]["override"]["against"])
    assert "v3 was left by a rollback" in against
    assert "by ana: audit" in against
    line = run("ben", "changes", "tumor").data["changes"][0]
    assert line["override"] == "v2 loses data"
    fleet.restore()


def test_an_alias_that_a_hand_moved_gets_no_traffic_without_gate_and_approval(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, _ = asked_as
    for version, why in (("4", "gate"), ("3", "needs an approval")):
        fleet.move("tumor", "champion", version)
        for words in (
            ("cutover", "tumor", version),
            ("promote", "tumor", version, "--to", "Production"),
        ):
            ran = run("ana", *words, "--yes")
            assert ran.code == 3
            assert why in ran.error["message"]
    assert fleet.traffic("tumor") == {"2": 1.0}
    most = run("ana", "canary", "tumor", "3", "--weight", "99", "--yes")
    assert most.code == 3
    assert run("ana", "rollback", "tumor", "--yes").code == 0
    assert fleet.alias("tumor") == "2"
    # Where an earlier rollback had left v3, this one leaves it archived again.
    fleet.reset_model("tumor")
    most = run("ana", "canary", "tumor", "3", "--weight", "99", "--yes")
    assert "needs an approval" in most.error["message"]
    assert run("ana", "canary", "tumor", "3", "--weight", "99", "--request").code == 0


def test_an_override_needs_a_reason_and_everybody_sees_it(
    asked_as: tuple[As, Path], fleet: DeckFleet
) -> None:
    run, config = asked_as
    assert run("ana", "freeze", "--all", "--for", "1h").code == 0
    assert run("ana", *PROMOTE, "--yes", "--override", " ").code == 2
    ran = run("ana", *PROMOTE, "--yes", "--override", "fraud wave")
    assert ran.code == 0, ran.err
    against = ran.data["evidence"]["override"]["against"]
    assert any("frozen" in one for one in against)
    assert any("needs an approval" in one for one in against)
    assert any("OVERRIDE by ana" in one["message"] for one in ran.data["findings"])
    line = next(
        one
        for one in run("ben", "changes", "tumor").data["changes"]
        if one["change"] == ran.data["change"]
    )
    assert line["override"] == "fraud wave"
    assert line["reason"].startswith("OVERRIDE: fraud wave")
    assert "OVERRIDE" in modeldeck("changes", "tumor", config=config).out
    assert run("ana", "rollback", "tumor", "--yes").code == 0, "a freeze stops no rollback"
    assert fleet.alias("tumor") == "2"


def test_a_freeze_window_of_the_config(
    asked_as: tuple[As, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config = asked_as
    text = config.read_text()
    window = "Fri 16:00/Mon 08:00 Europe/Berlin"
    config.write_text(text.replace("[environment]\n", f'[environment]\nfreeze = ["{window}"]\n', 1))
    words = ("canary", "tumor", "3", "--weight", "5", "--dry-run")
    friday = datetime(2026, 11, 20, 14, 59, 59, tzinfo=UTC)
    monkeypatch.setattr(Deck, "clock", staticmethod(lambda: friday))
    assert run("ana", *words).code == 0
    monkeypatch.setattr(Deck, "clock", staticmethod(lambda: friday + timedelta(seconds=1)))
    ran = run("ana", *words)
    assert ran.code == 3
    assert window in ran.error["message"]
    assert run("ana", "unfreeze", "tumor").code == 3


def test_the_console_says_and_does_the_same(
    asked_as: tuple[As, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config = asked_as

    async def no_notes(_service: str) -> tuple[str, ...]:
        return ()

    async def nothing_known(_service: str, version: str, _plan: Plan) -> Readiness:
        nobody = ModeldeckError("nobody was asked")
        return Readiness(version, nobody, nobody, nobody)

    async def typed(actor: str, line: str) -> Proposal | Answer:
        monkeypatch.setenv("MODELDECK_ACTOR", actor)
        async with Deck.open(str(config)) as deck:
            return await propose(deck, line, "tumor", no_notes, nothing_known)

    async def story() -> None:
        line = " ".join(PROMOTE)
        shown = await typed("ana", line)
        assert isinstance(shown, Proposal)
        assert any("needs an approval" in one.message for one in shown.plan.refused)
        asked = await typed("ana", f"{line} --request")
        assert isinstance(asked, Answer)
        text = str(asked.grids)
        assert "is waiting" in text
        (one,) = await _approvals(config)
        assert isinstance(await typed("ben", f"approve {one}"), Answer)
        let = await typed("ana", line)
        assert isinstance(let, Proposal)
        assert not let.plan.refused
        assert isinstance(await typed("ana", "freeze tumor --for 1h"), Answer)
        frozen = await typed("ana", line)
        assert isinstance(frozen, Proposal)
        assert frozen.plan.refused
        async with Deck.open(str(config)) as deck:
            late = await carry_out_proposal(deck, let, lambda _: None, asyncio.Event())
        assert late.exit_code == 3, "frozen after it was shown"
        loud = await typed("ana", f'{line} --override "a reason"')
        assert isinstance(loud, Proposal)
        assert not loud.plan.refused
        assert loud.line.endswith("--override 'a reason'")

    asyncio.run(story())
    assert run("ana", "status", "tumor").data["services"][0]["champion"] == "2"


async def _approvals(config: Path) -> list[str]:
    async with Deck.open(str(config)) as deck:
        found, now = await deck.journal.approvals("tumor")
        return [one.name for one in found if one.state(now) == "waiting"]
