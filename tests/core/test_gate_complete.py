"""Complete lineage and a complete card as checks: only a whole one passes, and the rest is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.card import FIELDS, Card, CardField, FieldVerdict
from core.evidence import Evidence as Found
from core.evidence import Unasked
from core.gate import Check
from core.gate.complete import check_card, check_lineage
from core.gate.evidence import Evidence, Side
from core.gate.judge import judge
from core.gate.limits import GateConfig
from core.lineage import Item, Lineage, Verdict
from core.lineage import judge as judge_lineage
from core.lineage_keys import TITLES, keys_of
from core.versions import Version
from tests.core.values import quick

ITEM_VERDICTS: tuple[Verdict, ...] = ("present", "missing", "broken", "unreachable")
FIELD_VERDICTS: tuple[FieldVerdict, ...] = ("present", "empty", "unreachable")


def lineage(because: str = "so it is", **verdicts: Verdict) -> Lineage:
    def one(name: str) -> Item:
        verdict = verdicts.get(name, "present")
        return Item(name, verdict, because="" if verdict == "present" else because)

    return Lineage("13", "r1", tuple(one(name) for name in TITLES))


def card(**verdicts: FieldVerdict) -> Card:
    def one(name: str) -> CardField:
        verdict = verdicts.get(name, "present")
        source = "run artifact model_card.md" if verdict == "present" else None
        return CardField(name, verdict, "text", source, "" if source else f"{name} is not said")

    return Card("13", tuple(one(name) for name in FIELDS))


def test_a_whole_lineage_and_a_whole_card_pass() -> None:
    check = check_lineage(lineage())
    assert (check.verdict, check.value, check.limit) == ("passed", "10 of 10 items", "complete")
    assert (check.evidence, check.run_id) == ("every item is present", "r1")
    check = check_card(card())
    assert (check.verdict, check.value) == ("passed", "7 of 7 fields")
    assert check.evidence == "every field is filled, from run artifact model_card.md"


def test_what_was_not_checked_of_a_whole_lineage_is_said() -> None:
    items = (
        Item("commit", "present", "c0ffee1", because="not checked: the config names no clone"),
    )
    check = check_lineage(Lineage("13", "r1", items))
    assert check.verdict == "passed"
    assert "commit SHA present: not checked" in check.evidence


@pytest.mark.parametrize(
    ("verdicts", "verdict", "says"),
    [
        ({"seeds": "missing"}, "failed", "seeds missing: so it is"),
        ({"commit": "broken"}, "failed", "commit SHA broken: so it is"),
        ({"metrics": "unreachable"}, "no_evidence", "metrics unreachable: so it is"),
        (
            {"seeds": "unreachable", "owner": "unreachable"},
            "no_evidence",
            "seeds, owner unreachable: so it is",
        ),
        (
            {"seeds": "missing", "owner": "unreachable"},
            "failed",
            "seeds missing: so it is; owner unreachable: so it is",
        ),
    ],
)
def test_what_a_lineage_lacks_is_named(
    verdicts: dict[str, Verdict], verdict: str, says: str
) -> None:
    check = check_lineage(lineage(**verdicts))
    assert (check.verdict, check.evidence) == (verdict, says)
    assert check.value == f"{10 - len(verdicts)} of 10 items"


def test_a_run_that_nobody_could_be_asked_about_is_no_evidence_and_no_failure() -> None:
    keys = keys_of()
    silent = Unasked("MLflow: no answer within 3 s")
    found = Found(Version("fraud", "13", run_id="r1"), silent, {}, {keys["artifacts"][0]: silent})
    check = check_lineage(judge_lineage(found, keys))
    assert (check.verdict, check.value, check.run_id) == ("no_evidence", "0 of 10 items", "r1")
    assert all(title in check.evidence for title in TITLES.values())
    assert check.evidence.count("commit SHA, dataset snapshot, feature version") == 1


def test_what_a_card_lacks_is_named() -> None:
    check = check_card(card(cost_profile="empty", safety_notes="unreachable"))
    assert (check.verdict, check.value) == ("failed", "5 of 7 fields")
    assert "Cost profile empty: cost_profile is not said" in check.evidence
    assert "Safety notes unreachable" in check.evidence
    assert check_card(card(safety_notes="unreachable")).verdict == "no_evidence"


@quick
@given(
    st.dictionaries(st.sampled_from(list(TITLES)), st.sampled_from(ITEM_VERDICTS)),
    st.dictionaries(st.sampled_from(list(FIELDS)), st.sampled_from(FIELD_VERDICTS)),
)
def test_only_what_is_complete_passes_and_everything_else_is_named(
    items: dict[str, Verdict], fields: dict[str, FieldVerdict]
) -> None:
    made, written = lineage(**items), card(**fields)
    one, other = check_lineage(made), check_card(written)
    assert (one.verdict == "passed") == made.complete
    assert (other.verdict == "passed") == written.complete
    assert (one.verdict == "failed") == bool({"missing", "broken"} & set(items.values()))
    assert (other.verdict == "failed") == ("empty" in fields.values())
    assert all(TITLES[name] in one.evidence for name, said in items.items() if said != "present")
    assert all(FIELDS[name] in other.evidence for name, said in fields.items() if said != "present")


def test_a_reason_from_outside_is_harmless_and_short() -> None:
    check = check_lineage(lineage("gone \x1b[31m" + "x" * 9999, seeds="broken", owner="broken"))
    assert "\x1b" not in check.evidence
    assert "seeds, owner broken: gone \\x1b[31m" in check.evidence
    assert len(check.evidence) < 1000
    assert json.dumps(check.to_json(), allow_nan=False)


def test_a_check_that_nobody_made_has_no_evidence() -> None:
    asked = GateConfig(lineage="complete", card="complete")

    def verdicts(*supplied: Check) -> dict[str, str]:
        evidence = Evidence(
            Side(Version("fraud", "13")), datetime(2026, 11, 23, tzinfo=UTC), supplied=supplied
        )
        return {check.name: check.verdict for check in judge(asked, evidence).checks}

    assert verdicts() == {"ready": "passed", "lineage": "no_evidence", "card": "no_evidence"}
    assert verdicts(check_lineage(lineage())) == {
        "ready": "passed", "lineage": "passed", "card": "no_evidence",
    }  # fmt: skip
