"""A fleet as a process of its own, as anybody would start one, and what can be seen of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import httpx

from demo import faults
from demo.config import url
from demo.layout import Layout, read_json
from demo.pids import birth
from demo.registry import API

START_TIMEOUT = 400.0
"""Seconds; the machine may be busy with other things."""


def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Wait for something to hold; its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


class RunningFleet:
    """`modeldeck demo --headless --state DIR`, up once `start` has returned."""

    def __init__(self, state: Path) -> None:
        self.layout = Layout(state)
        self.said: list[str] = []
        self.seconds = 0.0
        self.config_line = ""
        self.client = httpx.Client(trust_env=False, timeout=20)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def supervisor(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, unless it runs, and wait for its last word: the config's path."""
        if self._process:
            return
        began = time.monotonic()
        self._begin()
        assert self._process
        assert self._process.stdout
        watchdog = threading.Timer(START_TIMEOUT, self._process.kill)
        watchdog.start()
        self.config_line = self._process.stdout.readline().strip()
        watchdog.cancel()
        self.seconds = time.monotonic() - began
        if not self.config_line:
            self.stop()
            raise AssertionError("the fleet did not start:\n" + "\n".join(self.said))

    def command(self) -> list[str]:
        """What starts it."""
        words = ["demo", "--headless", "--state", str(self.layout.state)]
        return [sys.executable, "-m", "tui.launch", *words]

    def _begin(self) -> None:
        self.said = []
        self._process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        listening = (self._process.stderr, self.said)
        self._listener = threading.Thread(target=_listen, args=listening, daemon=True)
        self._listener.start()

    def stop(self, number: int = signal.SIGINT, patience: float = 30.0) -> float:
        """Send it a signal and wait until it has ended; how long that took in seconds."""
        process, self._process = self._process, None
        if process is None:
            return 0.0
        began = time.monotonic()
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._listener.join(5)
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return time.monotonic() - began

    # -- what can be seen

    @property
    def ports(self) -> Mapping[str, int]:
        return dict(read_json(self.layout.ports))

    def address(self, name: str) -> str:
        return url(self.ports[name])

    def processes(self) -> list[tuple[int, str]]:
        """Id and moment of birth of each process in the fleet's own list."""
        entries = read_json(self.layout.pids) or []
        return [(entry["pid"], entry["born"]) for entry in entries]

    def pid(self, name: str) -> int | None:
        entries = read_json(self.layout.pids) or []
        return next((entry["pid"] for entry in entries if entry["name"] == name), None)

    def infer(self, name: str, row: Sequence[float] | None = None) -> httpx.Response:
        """One prediction from a listener (`tumor`) or straight from a slot (`tumor-blue`)."""
        service = name.partition("-")[0]
        row = row or heldout(self.layout, service)["rows"][0]
        body = {"inputs": [{"name": "features", "shape": [1, len(row)], "data": row}]}
        return self.client.post(f"{self.address(name)}/v2/models/{service}/infer", json=body)

    def load_version(self, slot: str, version: int) -> httpx.Response:
        """Triton's load request, to a slot such as `tumor-green`."""
        service = slot.partition("-")[0]
        config = f'{{"version_policy": {{"specific": {{"versions": [{version}]}}}}}}'
        path = f"{self.address(slot)}/v2/repository/models/{service}/load"
        return self.client.post(path, json={"parameters": {"config": config}})

    def held(self, slot: str) -> str:
        """The version that a slot says it holds."""
        (entry,) = self.client.post(f"{self.address(slot)}/v2/repository/index").json()
        return str(entry["version"])

    def ask(self, question: str = "How do I reset my password?", **more: Any) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": question}], **more}
        return self.client.post(f"{self.address('helpdesk')}/v1/chat/completions", json=body)

    def registry(self, path: str, **params: str) -> dict[str, Any]:
        answer = self.client.get(f"{self.address('mlflow')}{API}/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def move(self, name: str, alias: str, version: str) -> None:
        body = {"name": name, "alias": alias, "version": version}
        path = f"{self.address('mlflow')}{API}/registered-models/alias"
        assert self.client.post(path, json=body).status_code == 200

    def metrics(self, name: str) -> str:
        return self.client.get(f"{self.address(name)}/metrics").text

    def stats(self) -> dict[str, int]:
        """Envoy's counters, from its admin socket."""
        transport = httpx.HTTPTransport(uds=str(self.layout.admin_socket()))
        with httpx.Client(transport=transport) as client:
            lines = client.get("http://envoy/stats?usedonly").text.splitlines()
        pairs = (line.split(": ", 1) for line in lines if ": " in line)
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def load(self, service: str) -> Mapping[str, int]:
        """What the load has counted."""
        counted = until(lambda: read_json(self.layout.load), "the load has begun")
        return dict(counted["services"][service])

    def stage(self, fault: str) -> float:
        """Switch a fault on and wait until it is staged; how long that took in seconds."""
        began = time.monotonic()
        faults.switch(self.layout.state, fault)
        until(lambda: faults.staged(self.layout.state) == fault, f"{fault} is staged", 90)
        return time.monotonic() - began


def _listen(pipe: IO[str], said: list[str]) -> None:
    for line in pipe:
        said.append(line.rstrip())


def heldout(layout: Layout, service: str) -> Any:
    return read_json(layout.heldout(service))


def alive(processes: Sequence[tuple[int, str]]) -> list[int]:
    """Which of these processes still run."""
    return [pid for pid, born in processes if birth(pid) == born]


def descendants(pid: int) -> set[int]:
    """Every process under one, as /proc tells."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat[stat.rindex(")") + 2 :].split()[1])
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more
