"""Requests through Envoy, loading a version, and what the servers tell of themselves."""

from __future__ import annotations

import json
import stat
import threading
import tomllib
from collections import Counter

import pytest

from backends.catalog import kinds_of, options_of
from core.config import read_config
from demo.services import SERVICES
from tests.demo.running import RunningFleet, heldout, until

pytestmark = pytest.mark.live


@pytest.mark.parametrize("service", ["tumor", "digits"])
def test_the_champion_answers_real_rows_and_is_mostly_right(
    fleet: RunningFleet, service: str
) -> None:
    kept = heldout(fleet.layout, service)
    answers = [fleet.infer(service, row) for row in kept["rows"][:40]]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-model-version"] for answer in answers} == {"2"}
    given = [answer.json()["outputs"][0]["data"][0] for answer in answers]
    right = sum(one == label for one, label in zip(given, kept["labels"], strict=False))
    assert right >= 34


def test_traffic_is_counted_on_the_slot_that_the_route_names(fleet: RunningFleet) -> None:
    before = fleet.stats()
    for _ in range(10):
        fleet.infer("tumor")
    name = "cluster.tumor-blue.upstream_rq_total"
    after = until(lambda: (now := fleet.stats())[name] >= before[name] + 10 and now, "it counts")
    green = "cluster.tumor-green.upstream_rq_total"
    assert after.get(green, 0) == before.get(green, 0)
    assert (
        after["cluster.tumor-blue.upstream_rq_2xx"] > before["cluster.tumor-blue.upstream_rq_2xx"]
    )


def test_each_slot_answers_with_the_version_it_holds(fleet: RunningFleet) -> None:
    assert fleet.infer("tumor-blue").headers["x-model-version"] == "2"
    assert fleet.infer("tumor-green").headers["x-model-version"] == "3"
    assert fleet.infer("digits-green").json()["model_version"] == "3"


def test_a_request_id_reaches_the_server_as_it_was_sent(fleet: RunningFleet) -> None:
    row = heldout(fleet.layout, "tumor")["rows"][0]
    body = {"inputs": [{"name": "features", "shape": [1, 30], "data": row}]}
    path = f"{fleet.address('tumor')}/v2/models/tumor/infer"
    sent = "0123456789abcdef-not-a-uuid"
    answer = fleet.client.post(path, json=body, headers={"x-request-id": sent})
    assert answer.json()["id"] == sent


def test_a_version_is_loaded_while_the_slot_goes_on_serving(fleet: RunningFleet) -> None:
    seen: Counter[tuple[int, str]] = Counter()
    stop = threading.Event()

    def knock() -> None:
        while not stop.is_set():
            answer = fleet.infer("tumor-green")
            seen[answer.status_code, answer.headers.get("x-model-version", "")] += 1

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        until(lambda: seen[200, "3"] > 5, "the old version answers")
        assert fleet.load_version("tumor-green", 1).status_code == 200
        until(lambda: seen[200, "1"] > 5, "the new version answers")
        assert fleet.load_version("tumor-green", 3).status_code == 200
    finally:
        stop.set()
        knocking.join()
    assert {status for status, _ in seen} == {200}
    assert fleet.held("tumor-green") == "3"


def test_a_version_that_does_not_exist_leaves_the_old_one(fleet: RunningFleet) -> None:
    answer = fleet.load_version("digits-green", 99)
    assert answer.status_code == 400
    assert "99" in answer.json()["error"]
    assert fleet.held("digits-green") == "3"
    assert fleet.infer("digits-green").headers["x-model-version"] == "3"


def test_a_load_without_a_version_says_how_one_is_named(fleet: RunningFleet) -> None:
    path = f"{fleet.address('digits-green')}/v2/repository/models/digits/load"
    answer = fleet.client.post(path, json={"parameters": {}})
    assert answer.status_code == 400
    assert "version_policy" in answer.json()["error"]


def test_an_unloaded_slot_is_not_ready_until_it_is_loaded_again(fleet: RunningFleet) -> None:
    at = fleet.address("digits-green")
    fleet.client.post(f"{at}/v2/repository/models/digits/unload")
    try:
        assert fleet.client.get(f"{at}/v2/health/ready").status_code == 400
        assert fleet.client.get(f"{at}/v2/health/live").status_code == 200
        (entry,) = fleet.client.post(f"{at}/v2/repository/index").json()
        assert entry["state"] == "UNAVAILABLE"
        assert fleet.infer("digits-green").status_code == 404
    finally:
        assert fleet.load_version("digits-green", 3).status_code == 200
    assert fleet.client.get(f"{at}/v2/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<html>", "JSON"),
        (b"[]", "object"),
        (b'{"inputs": []}', "input"),
        (json.dumps({"inputs": [{"shape": [1, 2], "data": [1, 2]}]}).encode(), "30 features"),
        (json.dumps({"inputs": [{"shape": [1, 30], "data": ["x"] * 30}]}).encode(), "input"),
    ],
)
def test_a_request_that_does_not_fit_is_told_why(
    fleet: RunningFleet, body: bytes, word: str
) -> None:
    path = f"{fleet.address('tumor-green')}/v2/models/tumor/infer"
    answer = fleet.client.post(path, content=body)
    assert answer.status_code == 400
    assert word in answer.json()["error"]


def test_another_version_than_the_one_held_is_not_found(fleet: RunningFleet) -> None:
    at = f"{fleet.address('tumor-green')}/v2/models/tumor"
    assert fleet.client.get(f"{at}/versions/3/ready").status_code == 200
    assert fleet.client.get(f"{at}/versions/2/ready").status_code == 404
    assert fleet.client.get(f"{at}/ready").json() == {"name": "tumor", "ready": True}
    assert fleet.client.get(at).json()["inputs"][0]["shape"] == [-1, 30]


def test_servers_export_mlservers_names(fleet: RunningFleet) -> None:
    fleet.infer("tumor-green")
    page = fleet.metrics("tumor-green")
    assert 'model_infer_request_success_total{model="tumor",version="3"}' in page
    assert "rest_server_request_duration_seconds_bucket" in page
    assert "rest_server_requests_in_progress" in page


def test_the_load_arrives_steadily_and_nothing_is_lost(fleet: RunningFleet) -> None:
    before = {name: fleet.load(name) for name in SERVICES}
    for name, service in SERVICES.items():
        wanted = before[name]["answered"] + 2 * service.rate
        until(lambda n=name, w=wanted: fleet.load(n)["answered"] >= w, f"load on {name}", 30)
        now = fleet.load(name)
        assert now["failed"] == before[name]["failed"]
        assert now["sent"] - now["answered"] - now["failed"] <= service.in_flight


def test_the_config_is_one_that_every_command_reads(fleet: RunningFleet) -> None:
    path = fleet.layout.config
    assert fleet.config_line == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(fleet.layout.state.stat().st_mode) == 0o700
    assert stat.S_IMODE(fleet.layout.admin_socket().stat().st_mode) == 0o600
    config, problems = read_config(tomllib.loads(path.read_text()), options_of, kinds_of)
    assert problems == []
    assert config is not None
    assert set(config.services) == {"tumor", "digits", "helpdesk"}
    assert config.demo == str(fleet.layout.state)
    assert config.services["helpdesk"].prompts == ("helpdesk-system@production",)
    gate = config.services["tumor"].gate.headline
    assert gate is not None
    assert (gate.metric, gate.min) == ("auc", 0.97)
