"""The catalog as data, and that it names what real servers expose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.concepts import CATALOG, START_TIME, Concept, Pick, Rule, picks, rules, wanted

EXPOSITIONS = Path(__file__).parents[1] / "fixtures" / "expositions"
ENGINES = {"envoy": "envoy-1.40.0", "mlserver": "mlserver-1.7.1", "vllm": "vllm-0.32.0-cpu"}
LATENCIES = ("latency_p50", "latency_p95", "latency_p99")


def shown(engine: str) -> set[str]:
    text = (EXPOSITIONS / f"{ENGINES[engine]}.prom").read_text()
    return set(re.findall(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)", text, re.M))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_wanted_name_is_one_that_the_real_server_exposes(engine: str) -> None:
    # Envoy is not a Python process and shows no such start time.
    assert wanted(engine) - {START_TIME} <= shown(engine)


def test_every_concept_has_the_engines_that_it_was_promised_for() -> None:
    promised = {
        "envoy": {"request_rate", "error_share", *LATENCIES, "active"},
        "v2": {"request_rate", "error_share", *LATENCIES, "active", "running"},
        "vllm": set(CATALOG),
    }
    for engine, names in promised.items():
        told = {name for name, concept in CATALOG.items() if any(rules(concept, engine))}
        assert names <= told


def test_what_users_meet_is_seen_from_the_proxy_and_the_rest_from_the_engine() -> None:
    for name in ("request_rate", "error_share", *LATENCIES, "active"):
        assert CATALOG[name].vantages[0] == "proxy"
    for name in ("ttft_p95", "tokens_in", "tokens_out", "queue_depth", "running"):
        assert CATALOG[name].vantages[0] == "engine"


def test_every_rule_is_whole() -> None:
    for concept in CATALOG.values():
        assert concept.name in CATALOG
        for engine in ENGINES:
            for rule in rules(concept, engine):
                assert rule.vantage in concept.vantages
                assert bool(rule.per) == (rule.kind == "ratio")
                assert (0 < rule.q < 1) == (rule.kind == "quantile")
                assert rule.kind != "quantile" or rule.of[0].name.endswith("_bucket")


def test_an_unknown_engine_is_asked_for_nothing() -> None:
    assert wanted("abacus") == frozenset()


def test_a_pick_matches_whole_label_values_and_takes_a_missing_label_for_empty() -> None:
    pick = Pick("requests", {"status": "5..", "path": ".*/infer|"})
    assert pick.matches({"status": "503", "path": "/v2/models/fraud/infer", "other": "x"})
    assert pick.matches({"status": "503"})
    assert not pick.matches({"status": "200"})
    assert not pick.matches({"status": "5030"})
    assert not pick.matches({"status": "503", "path": "/v2/health/ready"})


def test_a_catalog_of_ones_own_is_asked_for_its_own_names() -> None:
    spend = Pick("spend_total")
    own = Concept(
        "cost", "cost", "business", "count", "lower", ("engine",),
        {"till": (Rule("rate", "engine", (spend,)),)},
    )  # fmt: skip
    assert wanted("till", {"cost": own}) == {"spend_total", START_TIME}
    assert picks("till", {"cost": own}) == {spend: "rate"}
