"""Queries against a real fleet: what they say, the JSON that scripts depend on, exit codes."""

from __future__ import annotations

import pytest

from core.units import parse_time
from tests.commands.driving import DeckFleet
from tests.demo.running import until

pytestmark = pytest.mark.live


def test_status_has_the_documented_fields(fleet: DeckFleet) -> None:
    ran = fleet.json("status", "tumor")
    (status,) = ran.data["services"]
    assert set(status) >= {
        "service", "model", "environment", "champion", "traffic", "shadow", "layers", "release",
        "open_change", "open_incident", "astray", "as_of",
    }  # fmt: skip
    assert status["traffic"] == {"2": 1.0}
    assert status["champion"] == "2"
    assert status["shadow"] == {}
    assert status["astray"] is None
    assert set(status["layers"]) == {"system", "data", "model", "business"}
    assert all(set(layer) == {"state", "because"} for layer in status["layers"].values())
    assert parse_time(status["as_of"])


def test_a_layer_that_nothing_measures_is_unknown_and_the_exit_code_says_so(
    fleet: DeckFleet,
) -> None:
    def judged() -> bool:
        (status,) = fleet.json("status", "tumor").data["services"]
        return bool(status["layers"]["system"]["state"] == "ok")

    until(judged, "the headless demo judges the system layer", 60)
    ran = fleet.json("status", "tumor")
    (status,) = ran.data["services"]
    assert status["layers"]["model"]["state"] == "unknown"
    assert ran.code == 1
    assert ran.document["ok"] is False
    assert ran.error["code"] == "no"


def test_versions_stand_in_their_stages(fleet: DeckFleet) -> None:
    ran = fleet.json("versions", "tumor")
    assert ran.code == 0
    stages = {item["version"]: item["stage"] for item in ran.data["versions"]}
    assert stages == {
        "1": "Archived", "2": "Production", "3": "Staging", "4": "Staging", "5": "Draft",
    }  # fmt: skip
    champion = next(item for item in ran.data["versions"] if item["version"] == "2")
    assert champion["aliases"] == ["champion"]
    assert set(champion) >= {"version", "stage", "aliases", "created", "run_id"}


@pytest.mark.parametrize(
    ("service", "version", "verdict"),
    [
        ("tumor", None, "passed"), ("tumor", "2", "passed"), ("tumor", "1", "failed"),
        ("tumor", "4", "failed"), ("tumor", "5", "no_evidence"),
        ("digits", None, "passed"), ("digits", "4", "no_evidence"), ("digits", "1", "failed"),
    ],
)  # fmt: skip
def test_the_gate_passes_the_challenger_and_not_the_others(
    fleet: DeckFleet, service: str, version: str | None, verdict: str
) -> None:
    ran = fleet.json("gate", service, *([version] if version else []))
    assert (ran.data["verdict"], ran.code) == (verdict, 0 if verdict == "passed" else 1)
    kinds = {check["name"].split()[0] for check in ran.data["checks"]}
    assert kinds >= {"ready", "headline", "champion", "slice", "latency", "cost", "schema"}
    assert ran.data["champion"] == "2"


def test_metrics_come_per_version_only_where_traffic_is_split(fleet: DeckFleet) -> None:
    whole = fleet.json("metrics", "tumor")
    assert {figure["version"] for figure in whole.data["figures"]} == {None}
    rate = next(f for f in whole.data["figures"] if f["concept"] == "request_rate")
    assert 5 < rate["value"] < 40, "the demo sends fifteen requests a second"
    assert fleet.run("canary", "tumor", "3", "--weight", "30", "--yes").code == 0
    split = fleet.json("metrics", "tumor", "--window", "4s")
    assert {figure["version"] for figure in split.data["figures"]} == {None, "2", "3"}


def test_what_an_engine_cannot_tell_is_none_with_the_reason(fleet: DeckFleet) -> None:
    figures = fleet.json("metrics", "tumor").data["figures"]
    ttft = next(figure for figure in figures if figure["concept"] == "ttft_p95")
    assert ttft["value"] is None
    assert ttft["why"]


def test_slots_say_what_they_hold_and_what_they_carry(fleet: DeckFleet) -> None:
    rows = {row["slot"]: row for row in fleet.json("slots", "tumor").data["slots"]}
    assert rows["blue"]["version"] == "2"
    assert rows["blue"]["traffic"] == 1.0
    assert rows["blue"]["ready"] is True
    assert rows["green"]["version"] == "3"
    assert rows["green"]["traffic"] == 0.0


def test_doctor_finds_nothing_wrong_with_the_demo_but_the_missing_driver(fleet: DeckFleet) -> None:
    checks = fleet.json("doctor").data["checks"]
    failed = [check for check in checks if check["ok"] is False and check["backend"] != "gpus"]
    assert failed == []
    assert any("Envoy 1.40" in check["detail"] for check in checks)
    assert any("MLflow 3.17" in check["detail"] for check in checks)


def test_tables_are_for_people(fleet: DeckFleet) -> None:
    said = fleet.run("status").out
    assert "tumor" in said
    assert "v2 100 %" in said
    assert "{" not in said


def test_options_may_stand_before_the_command(fleet: DeckFleet) -> None:
    before = fleet.run("-o", "json", "versions", "digits")
    after = fleet.run("versions", "digits", "-o", "json")
    assert before.data == after.data


def test_watch_prints_one_document_a_line_until_a_signal(fleet: DeckFleet) -> None:
    import json
    import signal

    process = fleet.spawn("versions", "tumor", "-o", "json", "--watch", "0.2")
    assert process.stdout is not None
    try:
        documents = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert all(document["command"] == "versions" for document in documents)
    assert all(json.loads(line)["ok"] for line in rest.splitlines())
    assert process.returncode == 0
