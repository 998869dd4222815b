"""What a shell shows beside a plan that raises a version's stage, on the fleet."""

from __future__ import annotations

import pytest

from tests.commands.driving import DeckFleet, modeldeck

pytestmark = pytest.mark.live
DRY = ("--to", "Production", "--dry-run")


def test_gate_lineage_card_and_policy_stand_below_the_sets(fleet: DeckFleet) -> None:
    ran = modeldeck("promote", "tumor", "3", *DRY, config=fleet.config)
    assert ran.code == 0, ran.err
    for line in (
        "gate     ✔ passed, 14 of 14 checks",
        "lineage  ✔ 10 of 10 present",
        "card     ✔ 7 of 7 present",
        "policy   no approval is needed",
    ):
        assert line in ran.out
    document = fleet.json("promote", "tumor", "3", *DRY)
    assert document.data["readiness"] == {
        "version": "3",
        "gate": "passed",
        "lineage": True,
        "card": True,
    }


def test_what_is_missing_is_named_once_and_the_refusal_is_short(fleet: DeckFleet) -> None:
    words = ("promote", "tumor", "5", "--to", "Production", "--yes")
    ran = modeldeck(*words, config=fleet.config)
    assert ran.code == 3
    assert "lineage  ✖ 9 of 10 present; missing: metrics" in ran.out
    assert "card     ✖ 0 of 7 present; empty: Intended use" in ran.out
    assert "gate: headline has no evidence" in ran.out
    assert ran.err.count("gate:") == 0
    assert "more, named in the plan)" in ran.err


def test_a_stage_that_nothing_goes_up_to_is_not_judged(fleet: DeckFleet) -> None:
    ran = modeldeck("promote", "tumor", "4", "--to", "Archived", "--dry-run", config=fleet.config)
    assert ran.code == 0
    assert "lineage" not in ran.out
    up = modeldeck("promote", "tumor", "5", "--to", "Staging", "--dry-run", config=fleet.config)
    assert "lineage  ✖ 9 of 10 present; missing: metrics" in up.out
