"""Starting, ending, dying, starting again, and sharing a machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.errors import Refused
from demo.fleet import Fleet
from demo.layout import write_json
from demo.pids import birth
from tests.demo.running import RunningFleet, alive, descendants, until

pytestmark = pytest.mark.live

END = 5.5
"""Seconds that an end may take, with what the test itself spends."""


@pytest.mark.slow
def test_a_second_start_is_quick_and_keeps_slots_routes_and_stages(fleet: RunningFleet) -> None:
    assert fleet.load_version("tumor-green", 4).status_code == 200
    fleet.move("tumor", "challenger", "4")
    routes = fleet.layout.routes("tumor")
    ours = routes.read_text()
    routes.write_text(ours.replace("tumor-blue", "tumor-green"))
    ports = fleet.ports
    fleet.stop()
    try:
        fleet.start()
        assert not any("training" in line for line in fleet.said)
        assert fleet.ports == ports
        assert fleet.held("tumor-green") == "4"
        assert fleet.infer("tumor").headers["x-model-version"] == "4"
        answer = fleet.registry("registered-models/alias", name="tumor", alias="challenger")
        assert answer["model_version"]["version"] == "4"
        assert fleet.load_version("tumor-green", 3).status_code == 200
        fleet.move("tumor", "challenger", "3")
    finally:
        # An ended fleet reads its routes anew.
        fleet.stop()
        routes.write_text(ours)


def test_an_end_leaves_nothing_running_and_the_answers_logged(fleet: RunningFleet) -> None:
    started = fleet.processes()
    below = descendants(fleet.supervisor)
    assert {pid for pid, _ in started} <= below
    until(lambda: fleet.load("tumor")["answered"] > 20, "some answers are to be logged")
    assert fleet.stop() < END
    assert alive(started) == []
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]
    assert not fleet.layout.pids.exists()
    rows = logged(fleet.layout.inference_log("tumor"))
    assert {row["version"] for row in rows} == {"2"}
    assert all(len(row["features"]) == 30 and row["request_id"] for row in rows)


def logged(folder: Path) -> list[dict[str, Any]]:
    """The champion's newest file of the log; a server writes what it has when it ends."""
    from pyarrow.parquet import read_table

    return list(read_table(max(folder.glob("*-blue.parquet"))).to_pylist())


def test_kill_nine_of_the_supervisor_leaves_nothing_running(fleet: RunningFleet) -> None:
    started = fleet.processes()
    below = descendants(fleet.supervisor)
    assert len(started) == 9
    fleet.stop(signal.SIGKILL)
    until(lambda: alive(started) == [], "everything has died with it", 10)
    assert not [pid for pid in below if birth(pid)]


@pytest.mark.slow
def test_what_an_earlier_fleet_left_running_is_ended_by_the_next(fleet: RunningFleet) -> None:
    fleet.stop()
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    left, other = subprocess.Popen(sleep), subprocess.Popen(sleep)
    try:
        entries = [
            {"name": "envoy", "pid": left.pid, "born": birth(left.pid)},
            # Its id was given to another process since: not the one in the list.
            {"name": "mlflow", "pid": other.pid, "born": "before/1"},
        ]
        write_json(fleet.layout.pids, entries)
        fleet.start()
        assert left.wait(1) == -signal.SIGKILL
        assert other.poll() is None
        assert any("envoy" in line and "left running" in line for line in fleet.said)
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_one_state_folder_has_one_fleet(fleet: RunningFleet) -> None:
    said: list[str] = []

    async def second() -> None:
        async with Fleet(fleet.layout.state, say=said.append):
            raise AssertionError("two fleets share a folder")

    with pytest.raises(Refused, match="already runs") as refused:
        asyncio.run(second())
    assert "--state" in (refused.value.hint or "")
    with pytest.raises(Refused, match="already runs"):
        Fleet.reset(fleet.layout.state)
    assert said == []
    assert fleet.infer("tumor").status_code == 200


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_started_again(fleet: RunningFleet) -> None:
    for name in ("tumor-green", "envoy", "load", "helpdesk-main", "prefork"):
        pid = fleet.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda n=name, p=pid: fleet.pid(n) not in (None, p), f"{name} is back", 60)
        assert any(line.startswith(f"{name} ended (killed by SIGKILL)") for line in fleet.said)
    # The slots die with the process they were forked from, and come back with it.
    until(lambda: answers(fleet, "tumor") and answers(fleet, "tumor-green"), "they answer", 90)
    assert fleet.held("tumor-green") == "3"


def answers(fleet: RunningFleet, name: str) -> bool:
    try:
        return fleet.infer(name).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_two_fleets_run_side_by_side(fleet: RunningFleet, tmp_path: Path) -> None:
    # The second one's folder is so deep that its admin socket cannot lie in it.
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 4)
    with RunningFleet(deep) as other:
        for word in ("training", "trained tumor 2", "MLflow on http://", "Envoy on http://"):
            assert any(word in line for line in other.said)
        assert not set(fleet.ports.values()) & set(other.ports.values())
        assert fleet.load_version("tumor-green", 1).status_code == 200
        assert other.held("tumor-green") == "3"
        assert fleet.load_version("tumor-green", 3).status_code == 200
        assert {fleet.infer("digits").status_code, other.infer("digits").status_code} == {200}
        socket = other.layout.admin_socket()
        assert not socket.is_relative_to(deep)
        assert other.stats()["cluster.tumor-blue.upstream_rq_total"] > 0
    assert not socket.parent.exists()
    Fleet.reset(deep)
    assert not deep.exists()
