"""Each fault, on and off, as it is met from outside."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from demo.services import PROMPT, PROMPT_ALIAS
from tests.demo.running import RunningFleet, alive, until

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def healthy(fleet: RunningFleet) -> Iterator[None]:
    """Every fault is ended after its test, and what it broke is seen to work."""
    yield
    fleet.stage("none")
    until(lambda: listens(fleet, "mlflow"), "the registry is back", 90)
    fleet.move(PROMPT, PROMPT_ALIAS, "2")
    until(lambda: status(fleet, "tumor") == 200, "the service answers", 30)


def listens(fleet: RunningFleet, name: str) -> bool:
    import httpx

    try:
        fleet.client.get(f"{fleet.address(name)}/health")
    except httpx.HTTPError:
        return False
    return True


def status(fleet: RunningFleet, name: str) -> int:
    """Of one prediction; 0 where nothing listens."""
    import httpx

    try:
        return fleet.infer(name).status_code
    except httpx.HTTPError:
        return 0


def fastest(fleet: RunningFleet, name: str, tries: int = 8) -> float:
    """Seconds of the quickest of several predictions: what the server takes at least."""

    def once() -> float:
        began = time.perf_counter()
        fleet.infer(name)
        return time.perf_counter() - began

    return min(once() for _ in range(tries))


def test_bad_candidate_makes_all_but_the_champion_slow_and_err(fleet: RunningFleet) -> None:
    fleet.stage("bad-candidate")
    until(lambda: fastest(fleet, "tumor-green", 3) > 0.14, "the candidate is slow", 10)
    answers: Counter[int] = Counter()

    def erred() -> bool:
        answers[status(fleet, "tumor-green")] += 1
        return answers[500] > 1

    until(erred, "the candidate errs", 60)
    assert set(answers) == {200, 500}
    assert {status(fleet, "tumor-blue") for _ in range(30)} == {200}
    assert fastest(fleet, "tumor-blue") < 0.14
    fleet.stage("none")
    until(lambda: fastest(fleet, "tumor-green", 3) < 0.14, "the candidate is quick again", 10)
    assert {status(fleet, "tumor-green") for _ in range(30)} == {200}


@pytest.mark.slow
def test_bad_candidate_follows_the_version_into_another_slot(fleet: RunningFleet) -> None:
    fleet.stage("bad-candidate")
    try:
        assert fleet.load_version("tumor-green", 2).status_code == 200
        until(lambda: fastest(fleet, "tumor-green", 3) < 0.14, "the champion is quick there", 10)
    finally:
        assert fleet.load_version("tumor-green", 3).status_code == 200
    until(lambda: fastest(fleet, "tumor-green", 3) > 0.14, "the candidate is slow again", 10)


def test_slow_server_is_slow_on_users_and_nowhere_else(fleet: RunningFleet) -> None:
    fleet.stage("slow-server")
    until(lambda: fastest(fleet, "tumor", 2) > 0.29, "users wait", 10)
    assert fastest(fleet, "tumor-green") < 0.29
    assert fastest(fleet, "digits") < 0.29
    fleet.stage("none")
    until(lambda: fastest(fleet, "tumor", 2) < 0.29, "users no longer wait", 10)


def test_dead_backend_stays_dead_until_it_is_ended(fleet: RunningFleet) -> None:
    doomed = [entry for entry in fleet.processes() if entry[0] == fleet.pid("tumor-blue")]
    failed = fleet.load("tumor")["failed"]
    fleet.stage("dead-backend")
    until(lambda: not alive(doomed), "it is dead")
    until(lambda: fleet.load("tumor")["failed"] > failed + 5, "users meet errors")
    assert status(fleet, "tumor-blue") == 0
    assert fleet.pid("tumor-blue") is None
    assert status(fleet, "tumor-green") == 200
    fleet.stage("none")
    until(lambda: status(fleet, "tumor-blue") == 200, "it is back")
    # It took up again what it held, from its own disk.
    assert fleet.infer("tumor-blue").headers["x-model-version"] == "2"


def test_prompt_change_comes_from_outside_and_stays_until_rolled_back(
    fleet: RunningFleet,
) -> None:
    usual = fleet.ask()
    fleet.stage("prompt-change")
    until(lambda: fleet.ask().headers["x-prompt-version"] == "3", "the long prompt is in use")
    slow = fleet.ask()
    assert slow.json()["usage"]["prompt_tokens"] > 5 * usual.json()["usage"]["prompt_tokens"]
    assert slow.elapsed > 3 * usual.elapsed
    fleet.stage("none")
    found = fleet.registry("registered-models/alias", name=PROMPT, alias=PROMPT_ALIAS)
    assert found["model_version"]["version"] == "3"


@pytest.mark.slow
def test_registry_down_leaves_the_services_up(fleet: RunningFleet) -> None:
    fleet.stage("registry-down")
    until(lambda: not listens(fleet, "mlflow"), "the registry is gone")
    assert status(fleet, "tumor") == 200
    assert fleet.ask().status_code == 200
    refused = fleet.load_version("tumor-green", 1)
    assert refused.status_code == 400
    assert "registry" in refused.json()["error"]
    assert fleet.held("tumor-green") == "3"
    fleet.stage("none")
    until(lambda: listens(fleet, "mlflow"), "the registry is back", 90)
    assert fleet.load_version("tumor-green", 3).status_code == 200


def test_a_fault_is_staged_within_half_a_second(fleet: RunningFleet) -> None:
    # The best of a few: another test run on the same cores is no fault of the fleet.
    assert min(fleet.stage(name) for name in ("slow-server", "none", "slow-server", "none")) < 0.5
