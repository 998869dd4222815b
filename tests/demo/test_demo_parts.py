"""The parts of the fleet that need no server: artifacts, effects, logs, processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import pytest

from demo.artifact import Loaded, LoadError, open_model
from demo.effects import NONE, Watcher, effect_for
from demo.inference_log import LABEL_DELAY, InferenceLog, LabelLog, file_name, prune
from demo.layout import write_json
from demo.processes import Keeper, Running, execute
from tests.demo.running import alive, birth, until


def saved(folder: Path, model: object) -> Path:
    """A folder as a slot's disk is after a version was fetched."""
    import skops.io

    folder.mkdir()
    (folder / "model.skops").write_bytes(skops.io.dumps(model))
    write_json(folder / "version.json", {"model": "m", "version": "7", "features": ["a", "b"]})
    return folder


def fitted() -> object:
    import numpy
    from sklearn.linear_model import LogisticRegression

    rows = numpy.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return LogisticRegression().fit(rows, [0, 0, 1, 1])


def test_a_model_is_opened_with_its_version_and_scores_rows(tmp_path: Path) -> None:
    import numpy

    loaded = open_model(saved(tmp_path / "m", fitted()))
    assert (loaded.version, loaded.features) == ("7", ("a", "b"))
    classes, scores = loaded.score(numpy.array([[0.0, 0.5], [1.0, 0.5]]))
    assert classes == [0, 1]
    assert scores[0] < 0.5 < scores[1]
    with pytest.raises(ValueError, match="2 features"):
        loaded.score(numpy.array([[1.0, 2.0, 3.0]]))


class Custom:
    """A type that no model of the fleet has."""


def test_a_model_of_untrusted_types_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot be opened"):
        open_model(saved(tmp_path / "m", Custom()))


def test_a_damaged_model_is_not_opened(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", fitted())
    (folder / "model.skops").write_bytes(b"half")
    with pytest.raises(LoadError):
        open_model(folder)


def test_a_slot_comes_up_empty_when_its_disk_is_damaged(tmp_path: Path) -> None:
    from demo.model_server import ModelServer
    from demo.settings import SlotSettings

    folder = saved(tmp_path / "m", fitted())
    paths = {name: str(tmp_path / name) for name in ("effects", "log")}
    settings = SlotSettings("m", "blue", "m", 0, "http://127.0.0.1:9", str(folder), **paths)
    whole = ModelServer(settings)
    whole.restore()
    assert isinstance(whole.loaded, Loaded)
    (folder / "version.json").write_text("{")
    broken = ModelServer(settings)
    broken.restore()
    assert broken.loaded is None


def test_an_effect_strikes_the_named_slot_or_all_but_the_spared_version() -> None:
    by_slot = {"rules": [{"service": "tumor", "slot": "blue", "delay": [0.3, 0.6]}]}
    assert effect_for(by_slot, "tumor", "blue", "2").delay == (0.3, 0.6)
    assert effect_for(by_slot, "tumor", "green", "2") is NONE
    assert effect_for(by_slot, "digits", "blue", "2") is NONE
    spared = {"rules": [{"service": "tumor", "spared": "2", "delay": [0, 0.1], "errors": 1.0}]}
    assert effect_for(spared, "tumor", "green", "2") is NONE
    assert effect_for(spared, "tumor", "blue", "3").strikes()
    for nothing in (None, [], {}, {"rules": []}):
        assert effect_for(nothing, "tumor", "blue", "2") is NONE


def test_a_watcher_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "effects.json"
    watcher = Watcher(path)
    watcher.look()
    assert watcher.staged is None
    for rules in ([1], [2]):
        write_json(path, {"rules": rules})
        watcher.look()
        assert watcher.staged == {"rules": rules}
    path.unlink()
    watcher.look()
    assert watcher.staged is None


def test_the_inference_log_keeps_what_went_in_and_came_out(tmp_path: Path) -> None:
    import numpy
    from pyarrow.parquet import read_table

    log = InferenceLog(tmp_path / "log", "blue")
    rows = numpy.array([[1.0, 2.0]])
    log.add("r1", 1_700_000_000.25, "3", False, ("a", "b"), rows, [1], [0.75])
    log.add("r2", 1_700_000_001.0, "3", True, ("a", "b"), rows, [0], [0.25])
    asyncio.run(log.close())
    (path,) = (tmp_path / "log").iterdir()
    first, second = read_table(path).to_pylist()
    assert first["ts"].isoformat() == "2023-11-14T22:13:20.250000+00:00"
    del first["ts"]
    assert first == {
        "request_id": "r1",
        "version": "3",
        "slot": "blue",
        "shadow": False,
        "features": {"a": 1.0, "b": 2.0},
        "prediction": 1,
        "score": 0.75,
    }
    assert second["shadow"] is True


def test_old_files_of_a_writer_are_removed_and_others_stay(tmp_path: Path) -> None:
    for number in range(6):
        for writer in ("blue", "green"):
            (tmp_path / file_name(number * 120.0, writer)).touch()
    prune(tmp_path, "blue", keep=2)
    left = sorted(path.name for path in tmp_path.glob("*-blue.parquet"))
    assert left == [file_name(480.0, "blue"), file_name(600.0, "blue")]
    assert len(list(tmp_path.glob("*-green.parquet"))) == 6


def test_labels_come_late_and_once(tmp_path: Path) -> None:
    labels = LabelLog(tmp_path)
    labels.add("r1", 1000.0, 1)
    labels.add("r2", 1030.0, 0)
    assert labels.due(1000.0 + LABEL_DELAY - 1) == []
    assert labels.due(1000.0 + LABEL_DELAY) == [("r1", 1000.0 + LABEL_DELAY, 1)]
    assert labels.due(1030.0 + LABEL_DELAY) == [("r2", 1030.0 + LABEL_DELAY, 0)]
    assert labels.due(9999.0) == []


class Kept:
    """A keeper over a real process, with what it says and starts."""

    def __init__(self, folder: Path, code: str) -> None:
        self.said: list[str] = []
        self.started: list[int] = []
        self._folder = folder
        self._code = code

    async def __aenter__(self) -> Keeper:
        self.keeper = Keeper("one", self._start, self.said.append, self._note, lambda _: None)
        self.keeper.begin()
        return self.keeper

    async def __aexit__(self, *_: object) -> None:
        await self.keeper.stop(0.2)

    def _note(self, _: str, pid: int) -> None:
        self.started.append(pid)

    async def _start(self) -> Running:
        command = [sys.executable, "-c", self._code]
        return await execute(command, log=self._folder / "one.log", folder=self._folder)


async def wait_for(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


SLEEP = "import time; time.sleep(600)"


def test_a_process_is_started_again_until_it_is_held(tmp_path: Path) -> None:
    async def scene() -> None:
        kept = Kept(tmp_path, SLEEP)
        async with kept as keeper:
            await wait_for(lambda: keeper.running)
            assert keeper.running
            keeper.running.signal(signal.SIGKILL)
            await wait_for(lambda: len(kept.started) == 2)
            assert "killed by SIGKILL" in kept.said[0]
            keeper.hold()
            await wait_for(lambda: keeper.running is None)
            assert len(kept.said) == 1
            keeper.release()
            await wait_for(lambda: len(kept.started) == 3)

    asyncio.run(scene())


def test_a_process_that_will_not_end_is_killed(tmp_path: Path) -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); {SLEEP}"

    async def scene() -> int:
        kept = Kept(tmp_path, stubborn)
        async with kept:
            await wait_for(lambda: (tmp_path / "one.log").exists())
            await wait_for(lambda: (tmp_path / "one.log").read_text() == "1\n")
        return kept.started[0]

    pid = asyncio.run(scene())
    assert birth(pid) is None


def test_children_die_with_whoever_started_them(tmp_path: Path) -> None:
    import subprocess

    code = f"""
import asyncio, pathlib, sys
from demo.processes import execute
async def main():
    folder = pathlib.Path({str(tmp_path)!r})
    command = [sys.executable, "-c", "print('up', flush=True); {SLEEP}"]
    child = await execute(command, log=folder / "c.log", folder=folder)
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        until(lambda: (tmp_path / "c.log").read_text() == "up\n", "the child is up")
        born = birth(child)
        assert born
        parent.kill()
    until(lambda: alive([(child, born)]) == [], "the child is gone", 5)


def test_the_fleet_ends_in_order_when_its_console_is_killed(tmp_path: Path) -> None:
    import subprocess

    ended = tmp_path / "ended"
    fleet = f"""
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path({str(ended)!r}).write_text("in order")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
{SLEEP}
"""
    code = f"""
import os, subprocess, sys
words = [sys.executable, "-m", "demo.child", "--gently", str(os.getpid())]
subprocess.Popen([*words, sys.executable, "-c", {fleet!r}], start_new_session=True).wait()
"""
    console = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with console:
        assert console.stdout
        assert console.stdout.readline() == "up\n"
        console.kill()
    until(ended.exists, "the fleet was told", 5)


def test_nothing_outside_points_the_fleets_mlflow_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from demo.processes import environment

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://xyzzy")
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", "xyzzy")
    monkeypatch.setenv("HTTPS_PROXY", "http://xyzzy")
    kept = environment({"MLFLOW_DISABLE_TELEMETRY": "true"})
    assert not any("xyzzy" in value for value in kept.values())
    assert kept["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_first_routes_stay_once_they_are_changed(tmp_path: Path) -> None:
    import yaml

    from demo.envoy import write_first_routes
    from demo.layout import Layout

    layout = Layout(tmp_path)
    layout.make()
    assert write_first_routes(layout, "tumor", "green")
    (routes,) = yaml.safe_load(layout.routes("tumor").read_text())["resources"]
    (host,) = routes["virtual_hosts"]
    clusters = host["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert clusters == [{"name": "tumor-green", "weight": 10_000}]
    assert routes["validate_clusters"] is True
    layout.routes("tumor").write_text("changed")
    assert not write_first_routes(layout, "tumor", "blue")
    assert layout.routes("tumor").read_text() == "changed"


def test_a_stand_in_says_more_where_it_was_told_more() -> None:
    from demo.llm import answer, tokens
    from demo.prompts import PROMPTS

    said = [len(tokens(answer(prompt, "How?"))) for prompt in PROMPTS]
    assert said == sorted(said)
    assert said[2] > 5 * said[1]
    assert json.dumps(answer(PROMPTS[0], "one\ntwo")).count("\\n") == 0
