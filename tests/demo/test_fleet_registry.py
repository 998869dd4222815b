"""What the first start puts into the registry."""

from __future__ import annotations

import json
import math
import subprocess
from typing import Any

import pytest
import yaml

from demo.services import PROMPT, SERVICES
from tests.demo.running import RunningFleet

pytestmark = pytest.mark.live

STAGES = {
    "tumor": ["Archived", "Production", "Staging", "Staging", "Draft"],
    "digits": ["Archived", "Production", "Staging", "Staging"],
}


def versions(fleet: RunningFleet, model: str) -> list[dict[str, Any]]:
    """Oldest first, each with its tags as a mapping and its run's data."""
    found = fleet.registry("model-versions/search", filter=f"name = '{model}'")["model_versions"]
    for version in found:
        version["tags"] = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
        version["run"] = fleet.registry("runs/get", run_id=version["run_id"])["run"]
    return sorted(found, key=lambda version: int(version["version"]))


def metrics(fleet: RunningFleet, version: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Per metric and data set, as the logged model has it."""
    path = f"logged-models/{version['source'].removeprefix('models:/')}"
    logged = fleet.registry(path)["model"]["data"].get("metrics", [])
    return {(one["key"], one.get("dataset_name", "")): float(one["value"]) for one in logged}


def profile(version: dict[str, Any]) -> dict[str, float]:
    """What the run itself keeps."""
    logged = version["run"]["data"].get("metrics", [])
    return {metric["key"]: float(metric["value"]) for metric in logged}


def aliases(fleet: RunningFleet, model: str) -> dict[str, str]:
    found = fleet.registry("registered-models/get", name=model)["registered_model"]
    return {alias["alias"]: alias["version"] for alias in found["aliases"]}


@pytest.mark.parametrize("model", ["tumor", "digits"])
def test_versions_stand_in_their_stages_and_the_aliases_name_two_of_them(
    fleet: RunningFleet, model: str
) -> None:
    found = versions(fleet, model)
    assert [version["tags"]["stage"] for version in found] == STAGES[model]
    assert aliases(fleet, model) == {"champion": "2", "challenger": "3"}


@pytest.mark.parametrize("model", ["tumor", "digits"])
def test_the_gate_lets_the_challenger_through_and_not_the_others(
    fleet: RunningFleet, model: str
) -> None:
    limit = SERVICES[model].headline
    # The run keeps what was logged last, which is the whole of what was held out.
    values = [profile(version).get(limit["metric"]) for version in versions(fleet, model)]
    first, champion, challenger, failing = values[:4]
    assert first is not None
    assert champion is not None
    assert challenger is not None
    assert first < limit["min"] <= champion < challenger
    assert failing is not None
    # No limit holds for a value that is not a number.
    assert math.isnan(failing) if model == "digits" else failing < limit["min"]


def test_a_draft_has_no_metrics_at_all(fleet: RunningFleet) -> None:
    draft = versions(fleet, "tumor")[4]
    assert metrics(fleet, draft) == profile(draft) == {}


@pytest.mark.parametrize("model", ["tumor", "digits"])
def test_a_champions_run_says_how_it_was_made(fleet: RunningFleet, model: str) -> None:
    champion = versions(fleet, model)[1]
    run = champion["run"]
    params = {param["key"]: param["value"] for param in run["data"]["params"]}
    assert params["seed"] == "7"
    assert int(params["rows"]) > 100
    (dataset,) = run["inputs"]["dataset_inputs"]
    assert len(dataset["dataset"]["digest"]) == 8
    tags = champion["tags"]
    assert tags["owner"] == SERVICES[model].owner
    assert tags["feature_version"]
    assert "cores" in tags["hardware"]
    assert tags["approval"] == "approved"


@pytest.mark.parametrize("model", ["tumor", "digits"])
def test_metrics_are_there_per_slice_and_the_latency_was_measured(
    fleet: RunningFleet, model: str
) -> None:
    champion = versions(fleet, model)[1]
    metric = SERVICES[model].headline["metric"]
    found = metrics(fleet, champion)
    slices = {
        data: value for (name, data), value in found.items() if name == metric and ":" in data
    }
    assert len(slices) >= 6
    assert all(0.5 < value <= 1 for value in slices.values())
    assert 0.5 < found[metric, SERVICES[model].headline["dataset"]] <= 1
    assert 0 < profile(champion)["latency_p95"] < 1
    assert 0 < profile(champion)["cost_per_1k"] < 1


def test_the_commit_of_a_run_is_one_of_the_training_repository(fleet: RunningFleet) -> None:
    seen = set()
    for version in versions(fleet, "tumor"):
        tags = {tag["key"]: tag["value"] for tag in version["run"]["data"]["tags"]}
        commit = tags["mlflow.source.git.commit"]
        assert tags["mlflow.source.git.repoURL"] == fleet.layout.training.as_uri()
        kind = subprocess.run(
            ["git", "-C", str(fleet.layout.training), "cat-file", "-t", commit],
            check=True,
            capture_output=True,
            text=True,
        )
        assert kind.stdout.strip() == "commit"
        seen.add(commit)
    assert len(seen) == 5


def test_a_model_card_is_among_the_artifacts(fleet: RunningFleet) -> None:
    run = versions(fleet, "tumor")[1]["run_id"]
    answer = fleet.client.get(
        f"{fleet.address('mlflow')}/get-artifact", params={"run_uuid": run, "path": "model_card.md"}
    )
    headings = [line[3:] for line in answer.text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Intended use",
        "Dataset summary",
        "Evaluation metrics and slices",
        "Failure modes",
        "Latency profile",
        "Cost profile",
        "Safety notes",
    ]


def test_the_signature_names_every_feature(fleet: RunningFleet) -> None:
    answer = fleet.client.get(
        f"{fleet.address('mlflow')}/model-versions/get-artifact",
        params={"name": "tumor", "version": "2", "path": "MLmodel"},
    )
    inputs = json.loads(yaml.safe_load(answer.text)["signature"]["inputs"])
    assert len(inputs) == 30
    assert inputs[0]["name"] == "mean_radius"
    assert {column["type"] for column in inputs} == {"double"}


def test_the_prompt_has_three_versions_and_production_is_the_second(fleet: RunningFleet) -> None:
    assert aliases(fleet, PROMPT) == {"production": "2"}
    lengths = []
    for number in ("1", "2", "3"):
        found = fleet.registry("model-versions/get", name=PROMPT, version=number)["model_version"]
        tags = {tag["key"]: tag["value"] for tag in found["tags"]}
        lengths.append(len(tags["mlflow.prompt.text"]))
    assert lengths == sorted(lengths)
    assert lengths[2] > 5 * lengths[1]
