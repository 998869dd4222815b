"""Changes against a real fleet: plans, confirmation, effects on live traffic, the way back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.commands.driving import DeckFleet, modeldeck
from tests.demo.running import until

pytestmark = pytest.mark.live


def test_a_dry_run_shows_the_plan_and_changes_nothing(fleet: DeckFleet) -> None:
    ran = fleet.json("canary", "tumor", "3", "--weight", "5", "--dry-run")
    assert ran.code == 0
    assert ran.data["state"] == "planned"
    assert ran.data["change"] is None
    (item,) = ran.data["sets"]
    assert item["ref"] == "traffic:tumor"
    assert item["before"]["live"] == {"blue": 1.0}
    assert item["after"]["live"] == {"blue": 0.95, "green": 0.05}
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_without_confirmation_a_script_gets_an_error_that_names_the_flag(fleet: DeckFleet) -> None:
    ran = fleet.run("canary", "tumor", "3")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_a_canary_reaches_users_and_abort_takes_it_back(fleet: DeckFleet) -> None:
    ran = fleet.json("canary", "tumor", "@challenger", "--weight", "40", "--yes")
    assert ran.code == 0
    assert ran.data["state"] == "done"
    assert ran.data["verified"] is True
    seen = fleet.answered_by("tumor", 60)
    assert set(seen) == {"2", "3"}
    assert 8 <= seen["3"] <= 42, "40 % of 60, within five standard errors"
    back = fleet.json("abort", "tumor", "--yes")
    assert back.code == 0
    assert back.data["release"], "what serves again is a release"
    assert fleet.answered_by("tumor", 20) == {"2": 20}
    again = fleet.json("abort", "tumor", "--yes")
    assert again.code == 3
    assert "nothing to abort" in again.error["message"]


def test_a_shadow_mirrors_and_no_user_sees_it(fleet: DeckFleet) -> None:
    before = fleet.stats().get("cluster.tumor-green-shadow.upstream_rq_total", 0)
    assert fleet.run("shadow", "tumor", "3", "--percent", "50", "--yes").code == 0
    assert fleet.answered_by("tumor", 30) == {"2": 30}
    (status,) = fleet.json("status", "tumor").data["services"]
    assert status["shadow"] == {"3": 0.5}
    mirrored = fleet.stats()["cluster.tumor-green-shadow.upstream_rq_total"] - before
    assert mirrored > 3
    assert fleet.run("shadow", "tumor", "--off", "--yes").code == 0
    (status,) = fleet.json("status", "tumor").data["services"]
    assert status["shadow"] == {}


def test_a_canary_of_the_shadowed_version_ends_the_shadow(fleet: DeckFleet) -> None:
    assert fleet.run("shadow", "tumor", "3", "--percent", "10", "--yes").code == 0
    ran = fleet.json("canary", "tumor", "3", "--weight", "10", "--yes")
    assert ran.code == 0
    assert ran.data["sets"][0]["after"]["shadow"] == {}
    assert fleet.run("abort", "tumor", "--yes").code == 0
    assert fleet.traffic("tumor") == {"2": 1.0}


@pytest.mark.parametrize(
    ("service", "version", "why"),
    [
        ("tumor", "4", "headline failed"),
        ("digits", "4", "headline has no evidence"),
        ("tumor", "5", "Draft"),
        ("tumor", "1", "Archived"),
    ],
)
def test_promotion_to_production_goes_through_the_gate(
    fleet: DeckFleet, service: str, version: str, why: str
) -> None:
    ran = fleet.json("promote", service, version, "--to", "Production", "--yes")
    assert ran.code == 3
    assert ran.data["state"] == "refused"
    assert why in ran.error["message"]
    assert fleet.alias(service) == "2"
    assert fleet.traffic(service) == {"2": 1.0}


def test_promote_moves_traffic_alias_and_stages_and_rollback_brings_all_of_it_back(
    fleet: DeckFleet,
) -> None:
    ran = fleet.json("promote", "tumor", "3", "--to", "production", "--yes", "--reason", "better")
    assert ran.code == 0
    assert [item["state"] for item in ran.data["sets"]] == ["done"] * 4
    assert ran.data["findings"][0]["message"].startswith("100 % now; gradually:")
    assert ran.data["evidence"]["gate"]["verdict"] == "passed"
    assert ran.data["release"] is not None
    assert fleet.answered_by("tumor", 20) == {"3": 20}
    assert fleet.alias("tumor") == "3"
    assert fleet.tags("tumor", "3")["stage"] == "Production"
    assert fleet.tags("tumor", "2")["stage"] == "Archived"

    back = fleet.json("rollback", "tumor", "--to", "r1", "--yes")
    assert back.code == 0
    assert back.data["verified"] is True
    assert fleet.answered_by("tumor", 20) == {"2": 20}
    assert fleet.alias("tumor") == "2"
    assert fleet.tags("tumor", "2")["stage"] == "Production"
    assert fleet.tags("tumor", "3")["stage"] == "Archived"
    assert "r1" in fleet.tags("tumor", "3")["modeldeck.blocked"]
    blocked = next(
        v for v in fleet.json("versions", "tumor").data["versions"] if v["version"] == "3"
    )
    assert blocked["blocked"]


def test_a_version_in_no_slot_is_loaded_into_the_idle_one_first(fleet: DeckFleet) -> None:
    ran = fleet.json("canary", "digits", "4", "--weight", "20", "--yes")
    assert ran.code == 0
    assert [item["ref"] for item in ran.data["sets"]] == ["slot:digits/green", "traffic:digits"]
    assert fleet.held("digits-green") == "4"
    assert set(fleet.answered_by("digits", 40)) == {"2", "4"}
    assert fleet.run("abort", "digits", "--yes").code == 0


def test_a_prompt_moved_from_outside_is_told_and_rolled_back(fleet: DeckFleet) -> None:
    assert fleet.run("status", "helpdesk").code in (0, 1)
    until(lambda: fleet.json("releases", "helpdesk").data["releases"], "helpdesk has a release")
    fleet.run("changes", "helpdesk")
    fleet.move("helpdesk-system", "production", "3")
    (outside, *_) = fleet.json("changes", "helpdesk", "--since", "1m").data["changes"]
    assert outside["origin"] == "outside"
    assert "prompt:helpdesk-system@production 2 → 3" in outside["what"]
    assert outside["after"] <= outside["at"]
    ran = fleet.json("rollback", "helpdesk", "--yes", "--reason", "slow answers")
    assert ran.code == 0, ran.out
    assert [item["ref"] for item in ran.data["sets"]] == ["prompt:helpdesk-system@production"]
    assert fleet.alias("helpdesk-system", "production") == "2"


def test_the_same_key_is_one_change_and_another_plan_under_it_an_error(fleet: DeckFleet) -> None:
    line = ("canary", "tumor", "3", "--weight", "7", "--yes", "--key", "deploy-77")
    first = fleet.json(*line)
    assert first.code == 0
    assert fleet.run("abort", "tumor", "--yes").code == 0
    again = fleet.json(*line)
    assert again.data["change"] == first.data["change"]
    assert fleet.traffic("tumor") == {"2": 1.0}, "the change was not made a second time"
    other = fleet.json("canary", "tumor", "3", "--weight", "8", "--yes", "--key", "deploy-77")
    assert other.code == 2
    assert "deploy-77" in other.error["message"]


@pytest.mark.slow
def test_a_change_that_is_asked_for_again_with_its_key_is_answered_as_it_ended(
    fleet: DeckFleet,
) -> None:
    assert fleet.run("canary", "tumor", "3", "--weight", "7", "--yes").code == 0
    line = ("abort", "tumor", "--yes", "--key", "abort-78")
    first = fleet.json(*line)
    again = fleet.json(*line)
    assert (first.code, again.code) == (0, 0), "there is nothing to abort any more, and it is done"
    assert again.data["change"] == first.data["change"]
    assert again.data["state"] == "done"


def test_a_candidate_that_does_not_answer_gets_no_traffic(fleet: DeckFleet) -> None:
    pid = fleet.pid("tumor-green")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        ran = fleet.json("canary", "tumor", "3", "--weight", "50", "--yes")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ran.code == 3
    assert "no answer" in ran.error["message"]
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_production_wants_the_service_named_for_the_way_in_and_not_for_the_way_back(
    fleet: DeckFleet, folder: Path
) -> None:
    config = fleet.config_with(folder, old='name = "demo"', new='name = "demo"\nproduction = true')
    line = ("canary", "tumor", "3", "--weight", "10", "-o", "json")
    bare = modeldeck(*line, "--yes", config=config)
    assert bare.code == 3
    assert "--confirm tumor" in bare.error["hint"]
    assert modeldeck(*line, "--confirm", "digits", config=config).code == 2
    assert fleet.traffic("tumor") == {"2": 1.0}
    assert modeldeck(*line, "--confirm", "tumor", config=config).code == 0
    assert modeldeck("abort", "tumor", "--yes", config=config).code == 0


def test_read_only_refuses_every_change(fleet: DeckFleet) -> None:
    for line in (
        ("canary", "tumor", "3"),
        ("shadow", "tumor", "3"),
        ("cutover", "tumor", "3"),
        ("promote", "tumor", "5", "--to", "Staging"),
    ):
        ran = fleet.json(*line, "--yes", "--read-only")
        assert ran.code == 3, line
        assert "read-only" in ran.error["message"]
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_an_interrupt_leaves_everything_as_it_was(fleet: DeckFleet) -> None:
    process = fleet.spawn("canary", "digits", "3", "--weight", "1", "--yes")
    until(lambda: fleet.traffic("digits") != {"2": 1.0}, "the canary has begun")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert fleet.traffic("digits") == {"2": 1.0}
    assert fleet.json("status", "digits").data["services"][0]["open_change"] is None


def test_a_command_that_is_killed_leaves_a_change_to_recover(fleet: DeckFleet) -> None:
    process = fleet.spawn("canary", "digits", "3", "--weight", "1", "--yes")
    until(lambda: fleet.traffic("digits") != {"2": 1.0}, "the canary has begun")
    process.kill()
    process.communicate(timeout=30)

    def cut_off() -> bool:
        (status,) = fleet.json("status", "digits").data["services"]
        return status["open_change"] is not None and not status["open_change"]["running"]

    until(cut_off, "the lease of the killed command runs out", 30)
    assert fleet.run("status", "digits").code == 6
    blocked = fleet.json("canary", "digits", "3", "--yes")
    assert blocked.code == 4
    assert "recover" in blocked.error["hint"]
    assert fleet.run("recover", "--yes").code in (0, 1)
    (status,) = fleet.json("status", "digits").data["services"]
    assert status["open_change"] is None
    assert set(status["traffic"]) in ({"2"}, {"2", "3"})
    assert fleet.run("recover", "--yes").code == 3
