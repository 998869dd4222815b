"""The gate asks a real registry for complete lineage and a complete model card."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.card import FIELDS
from core.evidence import DatasetInput, Key, Metric, RunRecord
from tests.commands.driving import Ran, modeldeck
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live

MADE = RunRecord(
    tags={
        "mlflow.source.git.commit": "c" * 40,
        "feature_version": "fs-3",
        "hardware": "8 cores",
        "owner": "risk-ml",
        "approval": "approved",
    },
    params={"seed": "7", "depth": "3"},
    datasets=(DatasetInput("fraud-train", "abcd1234", "training", "s3://bucket/train.parquet"),),
    metrics=(Metric("auc", 0.93, "fraud-test", "11112222"),),
)
CARD = Key("artifacts", "model_card.md")
FILES = {
    Key("model", "MLmodel"): "flavors: {}\n",
    CARD: "\n".join(f"## {title}\nSomething is said.\n" for title in FIELDS.values()),
}
BOTH = "lineage = 'complete'\ncard = 'complete'\n"
Gate = Callable[..., Ran]


@pytest.fixture
def gate(mlflow_url: str, tmp_path: Path) -> Gate:
    def ask(
        model: str, asks: str = BOTH, *, command: tuple[str, ...] = ("gate", "fraud", "1")
    ) -> Ran:
        config = tmp_path / "deck.toml"
        config.write_text(
            f'[registry]\nkind = "mlflow"\nurl = "{mlflow_url}"\ntimeout = "20s"\n'
            f'[journal]\npath = "{tmp_path}/journal.db"\n'
            f"[services.fraud]\nmodel = '{model}'\n[services.fraud.gate]\n{asks}"
        )
        return modeldeck(*command, "-o", "json", config=config)

    return ask


def made(seeds: Seeds, record: RunRecord = MADE, files: Mapping[Key, str] = FILES) -> str:
    """A model with one version; its name."""
    name = f"made {uuid.uuid4().hex[:12]}"
    seeds.recorded(name, record, files)
    return name


def checks(ran: Ran) -> dict[str, tuple[str, str, str]]:
    """Verdict, value and evidence of each check."""
    return {
        check["name"]: (check["verdict"], check["value"], check["evidence"])
        for check in ran.data["checks"]
    }


def test_a_version_that_says_all_of_itself_passes(gate: Gate, seeds: Seeds) -> None:
    ran = gate(made(seeds))
    assert ran.code == 0, ran.out
    found = checks(ran)
    assert found["lineage"][:2] == ("passed", "10 of 10 items")
    assert "the config names no clone" in found["lineage"][2]
    assert found["card"] == (
        "passed", "7 of 7 fields", "every field is filled, from run artifact model_card.md",
    )  # fmt: skip


def test_only_what_the_config_asks_for_is_checked(gate: Gate, seeds: Seeds) -> None:
    name = made(seeds)
    assert set(checks(gate(name, "lineage = 'complete'\n"))) == {"ready", "lineage"}
    assert set(checks(gate(name, "card = 'complete'\n"))) == {"ready", "card"}
    assert set(checks(gate(name, ""))) == {"ready", "configured"}


def test_what_is_missing_broken_or_empty_fails_and_is_named(gate: Gate, seeds: Seeds) -> None:
    nan = Metric("auc", float("nan"), "fraud-test", "11112222")
    record = replace(MADE, params={"depth": "3"}, metrics=(nan,))
    card = {
        CARD: FILES[CARD].replace("## Cost profile\nSomething is said.", "## Cost profile\nTODO")
    }
    name = made(seeds, record, {**FILES, **card})
    ran = gate(name)
    assert (ran.code, ran.data["verdict"], ran.error["code"]) == (1, "failed", "no")
    assert "lineage, card failed" in ran.error["message"]
    found = checks(ran)
    assert found["lineage"][:2] == ("failed", "8 of 10 items")
    assert "seeds missing: nothing is logged as params.seed" in found["lineage"][2]
    assert "metrics broken: not a number: auc" in found["lineage"][2]
    assert found["card"][:2] == ("failed", "6 of 7 fields")
    assert "Cost profile empty" in found["card"][2]
    assert "owner" not in found["lineage"][2]


def test_what_could_not_be_asked_for_is_no_evidence(
    gate: Gate, seeds: Seeds, tmp_path: Path
) -> None:
    clone = f'[services.fraud.lineage]\nclone = "{tmp_path}/gone"\n'
    ran = gate(made(seeds), BOTH + clone)
    assert (ran.code, ran.data["verdict"]) == (1, "no_evidence")
    found = checks(ran)
    assert found["lineage"][:2] == ("no_evidence", "9 of 10 items")
    assert "commit SHA unreachable" in found["lineage"][2]
    assert found["card"][0] == "passed"
    bucket = seeds.model(f"in a bucket {uuid.uuid4().hex[:12]}", 1)
    found = checks(gate(bucket, "card = 'complete'\n"))
    assert found["card"][:2] == ("no_evidence", "0 of 7 fields")
    assert "Intended use, Dataset summary" in found["card"][2]
    assert "unreachable" in found["card"][2]


def test_what_is_not_complete_does_not_go_to_production(gate: Gate, seeds: Seeds) -> None:
    name = made(seeds, replace(MADE, params={"depth": "3"}))
    seeds.tag(name, "1", "stage", "Staging")
    promote = ("promote", "fraud", "1", "--to", "Production", "--dry-run")
    ran = gate(name, command=promote)
    assert ran.code == 3, ran.out
    refused = [one["message"] for one in ran.data["findings"] if one["level"] == "refused"]
    assert len(refused) == 1
    assert "gate: lineage failed: 9 of 10 items against complete (seeds missing" in refused[0]
