"""What lets a plan through the door: overrides and approvals, without any backend."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.door import check_allowed, needed_confirmation
from core.errors import Refused, UsageError
from core.plan import Plan
from core.promotion import promote
from core.releases import rollback
from core.strategies import canary
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, release, seen

PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
CANARY = canary(seen(), VERSIONS[1], 500, None)
BACK = rollback(seen(releases=(release(1, "11"),)), None, None, "")
_SHAKY = (release(3, "12"), release(2, "13", good=False), release(1, "11"))
TO_SHAKY = rollback(seen(releases=_SHAKY), _SHAKY[1], None, "")
_STRICT = '{ mode = "approved", approvals = 2 }'
_HASTY = '{ mode = "approved", expires = "1ms" }'
MOST = canary(seen(), VERSIONS[1], 9999, PASSED)


def through(
    folder: Path,
    plan: Plan,
    override: str | None = None,
    *,
    policy: str = '"approved"',
    frozen: bool = False,
    approved: bool = False,
) -> Plan:
    text = (
        f'[journal]\npath = "{folder}/j.db"\n[registry]\nkind = "mlflow"\nurl = "http://localhost"\n'
        f"[services.fraud]\npolicy = {policy}\n"
    )

    async def story() -> Plan:
        async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
            journal = deck.journal
            if frozen:
                until = datetime.now(UTC) + timedelta(hours=1)
                await journal.freeze("fraud", until=until, actor="ana", reason="audit")
            if approved:
                one = await journal.ask_approval(
                    plan, actor="ana", reason="", command="", needed=1, lasts=3600
                )
                await journal.answer_approval(
                    one.number, actor="ben", verdict="approved", reason=""
                )
            return await check_allowed(deck, plan, override)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("plan", "how", "code"),
    [
        (PLAN, {}, 3),
        (PLAN, {"policy": '"automatic"'}, 0),
        (PLAN, {"approved": True}, 0),
        (PLAN, {"approved": True, "policy": _STRICT}, 3),
        (PLAN, {"approved": True, "policy": _HASTY}, 3),
        (PLAN, {"approved": True, "frozen": True}, 3),
        (PLAN, {"policy": '"automatic"', "frozen": True}, 3),
        (PLAN, {"override": "fire"}, 0),
        (PLAN, {"override": "fire", "frozen": True}, 0),
        (PLAN, {"override": " "}, 2),
        (CANARY, {}, 0),
        (CANARY, {"frozen": True}, 3),
        (CANARY, {"frozen": True, "override": "fire"}, 0),
        (MOST, {}, 3),
        (MOST, {"policy": '"automatic"'}, 0),
        (MOST, {"approved": True}, 0),
        (BACK, {"frozen": True}, 0),
        (TO_SHAKY, {}, 3),
        (TO_SHAKY, {"policy": '"automatic"'}, 3),
        (TO_SHAKY, {"override": "v12 loses data"}, 0),
        (TO_SHAKY, {"override": " "}, 2),
        (BACK, {"frozen": True, "override": " "}, 0),
        (replace(PLAN, sets=()), {"frozen": True}, 0),
    ],
)
def test_the_door(tmp_path: Path, plan: Plan, how: Mapping[str, Any], code: int) -> None:
    if code == 0:
        through(tmp_path, plan, **how)
        return
    with pytest.raises((Refused, UsageError)) as caught:
        through(tmp_path, plan, **how)
    assert caught.value.exit_code == code
    assert caught.value.hint


def test_what_was_overridden_is_kept_as_evidence_and_shown(tmp_path: Path) -> None:
    let = through(tmp_path, PLAN, "fire", frozen=True)
    kept = let.evidence["override"]
    assert (kept["reason"], kept["freeze"], len(kept["against"])) == ("fire", True, 2)
    assert let.findings[0].level == "warning"
    assert let.findings[0].message.startswith("OVERRIDE by ")
    assert let.hash == PLAN.hash, "what lets it through is no part of the plan"


def test_an_override_that_nothing_needed_is_none(tmp_path: Path) -> None:
    let = through(tmp_path, PLAN, "fire", approved=True)
    assert "override" not in let.evidence
    assert let.evidence["approval"]["by"] == ["ben"]


def test_a_refused_way_back_names_the_one_that_is_open(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        through(tmp_path, TO_SHAKY)
    assert caught.value.message.startswith("r2 has not proved good")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(
        "modeldeck rollback fraud goes to r1 (v11, good) at once; --override REASON goes to r2"
    )
    kept = through(tmp_path, TO_SHAKY, "fire", frozen=True).evidence["override"]
    assert kept["freeze"] is True
    assert "has not proved good" in kept["against"][0]


@pytest.mark.parametrize(("plan", "asks"), [(BACK, "yes"), (TO_SHAKY, "name"), (PLAN, "name")])
def test_in_production_only_a_free_way_back_is_one_key(plan: Plan, asks: str) -> None:
    config = parse('[environment]\nname = "prod"\nproduction = true\n', "deck.toml")
    assert needed_confirmation(Deck(Loaded(config, None)), plan) == asks


def test_an_override_opens_no_gate(tmp_path: Path) -> None:
    failed = promote(seen(), VERSIONS[1], Stage.PRODUCTION, None)
    with pytest.raises(Refused, match="gate"):
        through(tmp_path, failed, "fire", approved=True)


def test_evidence_that_a_plan_brought_along_counts_for_nothing(tmp_path: Path) -> None:
    forged = {"approval": {"number": 1, "by": ["ben"]}, "override": {"freeze": True}}
    with pytest.raises(Refused):
        through(tmp_path, replace(PLAN, evidence=forged))


def test_asked_twice_it_says_the_same_once(tmp_path: Path) -> None:
    once = through(tmp_path, PLAN, "fire")
    assert through(tmp_path, once, "fire").findings == once.findings
