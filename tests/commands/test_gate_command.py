"""`modeldeck gate` on a real registry: the verdict as exit code, each line as JSON and as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.driving import Ran, modeldeck
from tests.live.evaluated import Logged, evaluated
from tests.live.processes import free_ports
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live

GATE = """
headline = { metric = "auc", min = 0.9, dataset = "test" }
champion = [{ metric = "auc", max_drop = 0.01, dataset = "test" }]
slices = [{ name = "region:*", metric = "auc", min = 0.8 }]
cost = { tag = "cost", max = "0.5 USD" }
safety = [{ metric = "toxicity", max = 0.1, dataset = "test" }]
schema = "compatible"
max_age = "7d"
"""
GOOD = [
    Logged("auc", 0.95, "test", "d1"),
    Logged("auc", 0.85, "region:eu", "d2"),
    Logged("toxicity", 0.0, "test", "d1"),
]
Gate = Callable[..., Ran]


@pytest.fixture
def model(seeds: Seeds, request: pytest.FixtureRequest) -> str:
    """A model whose champion, version 1, was evaluated."""
    name = seeds.model(f"gated {request.node.name}")
    evaluated(seeds, name, GOOD)
    seeds.alias(name, "champion", "1")
    return name


@pytest.fixture
def gate(mlflow_url: str, tmp_path: Path, model: str) -> Gate:
    def ask(*words: str, asks: str = GATE, url: str = mlflow_url) -> Ran:
        config = tmp_path / "deck.toml"
        config.write_text(
            f'[registry]\nkind = "mlflow"\nurl = "{url}"\ntimeout = "20s"\n'
            f'[journal]\npath = "{tmp_path}/journal.db"\n'
            f"[services.fraud]\nmodel = '{model}'\n[services.fraud.gate]\n{asks}"
        )
        return modeldeck("gate", "fraud", *words, config=config)

    return ask


def verdicts(ran: Ran) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in ran.data["checks"]}


def test_a_good_challenger_passes_with_the_evidence_on_each_line(
    gate: Gate, seeds: Seeds, model: str
) -> None:
    evaluated(seeds, model, GOOD, tags={"cost": "0.4 USD"})
    seeds.alias(model, "challenger", "2")
    ran = gate("-o", "json")
    assert ran.code == 0, ran.err
    assert ran.document["ok"] is True
    data = ran.data
    assert (data["service"], data["version"], data["champion"]) == ("fraud", "2", "1")
    assert (data["verdict"], data["chosen"]) == ("passed", "@challenger")
    assert set(verdicts(ran)) == {
        "ready", "headline", "champion auc on test", "slice region:eu auc", "cost",
        "safety toxicity on test", "schema",
    }  # fmt: skip
    line = data["checks"][2]
    assert (line["value"], line["champion"], line["digest"]) == (0.95, 0.95, "d1")
    assert line["dataset"] == "test"
    assert len(line["run_id"]) == 32
    assert 0 <= line["age_seconds"] < 600
    said = gate()
    assert said.code == 0
    assert "✔ passed" in said.out
    assert "region:eu (d2)" in said.out


def test_what_fails_is_exit_code_1_and_named(gate: Gate, seeds: Seeds, model: str) -> None:
    worse = [
        Logged("auc", 0.89, "test", "d1"),
        Logged("auc", 0.7, "region:eu", "d2"),
        Logged("toxicity", 0.2, "test", "d1"),
    ]
    columns = [{"name": "amount", "type": "string"}]
    evaluated(seeds, model, worse, inputs=columns, tags={"cost": "0.6 USD"})
    ran = gate("2", "-o", "json")
    assert ran.code == 1
    assert ran.data["verdict"] == "failed"
    assert {v for n, v in verdicts(ran).items() if n != "ready"} == {"failed"}
    assert ran.error["code"] == "no"
    assert "headline" in ran.error["message"]


def test_nan_stale_or_another_data_set_is_no_evidence_and_exit_code_1(
    gate: Gate, seeds: Seeds, model: str
) -> None:
    nan = [Logged("auc", "NaN", "test", "d1"), Logged("toxicity", "NaN", "test", "d1")]
    evaluated(seeds, model, nan, inputs=None)
    ran = gate("2", "-o", "json")
    assert ran.code == 1
    assert ran.data["verdict"] == "no_evidence"
    assert {v for n, v in verdicts(ran).items() if n != "ready"} == {"no_evidence"}
    evaluated(seeds, model, GOOD, at=1.7e9, tags={"cost": "0.4 USD"})
    old = verdicts(gate("3", "-o", "json"))
    assert old["headline"] == old["champion auc on test"] == "no_evidence"
    evaluated(seeds, model, [Logged("auc", 0.99, "test", "other")])
    assert verdicts(gate("4", "-o", "json"))["champion auc on test"] == "no_evidence"


def test_without_a_named_version_the_newest_in_staging_is_asked(
    gate: Gate, seeds: Seeds, model: str
) -> None:
    none = gate("-o", "json")
    assert none.code == 2
    assert "no candidate" in none.error["message"]
    for _ in range(3):
        evaluated(seeds, model, GOOD, tags={"cost": "0.4 USD"})
    seeds.tag(model, "2", "stage", "Staging")
    seeds.tag(model, "3", "stage", "Staging")
    seeds.alias(model, "challenger", "1")
    ran = gate("-o", "json")
    assert (ran.data["version"], ran.data["chosen"]) == ("3", "the newest in Staging")


def test_a_gate_that_asks_for_nothing_does_not_pass(gate: Gate) -> None:
    ran = gate("1", "-o", "json", asks="")
    assert ran.code == 1
    assert verdicts(ran) == {"ready": "passed", "configured": "no_evidence"}


def test_a_latency_on_traffic_that_nothing_has_is_no_evidence(gate: Gate) -> None:
    ran = gate("1", "-o", "json", asks='latency = { max = "60ms", source = "traffic" }\n')
    assert ran.code == 1
    assert verdicts(ran)["latency"] == "no_evidence"


def test_a_registry_that_is_not_there_is_exit_code_5(gate: Gate) -> None:
    (port,) = free_ports(1)
    ran = gate("1", "-o", "json", url=f"http://127.0.0.1:{port}")
    assert ran.code == 5
    assert ran.error["code"] != "no"


def test_the_signature_is_compared_with_what_callers_send(
    gate: Gate, seeds: Seeds, model: str, tmp_path: Path
) -> None:
    columns = [{"name": "amount", "type": "double"}, {"name": "city", "type": "string"}]
    evaluated(seeds, model, GOOD, inputs=columns)
    asks = (
        f'schema = "compatible"\n[services.fraud.inference_log]\npath = "{tmp_path}/log/*.jsonl"\n'
    )

    def requests(ran: Ran) -> tuple[str, str]:
        (found,) = [c for c in ran.data["checks"] if c["name"] == "schema of requests"]
        return found["verdict"], found["evidence"]

    verdict, why = requests(gate("2", "-o", "json", asks=asks))
    assert verdict == "no_evidence", "nothing was ever logged"
    assert "no file is named" in why
    (tmp_path / "log").mkdir()
    log = tmp_path / "log" / "today.jsonl"
    log.write_text('{"amount": 3.5}\n')
    verdict, why = requests(gate("2", "-o", "json", asks=asks))
    assert verdict == "failed"
    assert "city (string) is not sent; today.jsonl" in why
    log.write_text('{"amount": 3, "city": "Bonn"}\n')
    assert requests(gate("2", "-o", "json", asks=asks))[0] == "passed"
