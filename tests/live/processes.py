"""Real servers as child processes of the tests: started, waited for, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

DEADLINE = 120.0
"""Seconds that a server may take to start; a loaded machine takes most of a minute for MLflow."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def until(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait for a condition. Raises AssertionError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


def answers(url: str, socket_path: str | None = None) -> bool:
    """Whether a GET is answered with 200."""
    import httpx

    transport = None
    if socket_path:
        # httpx leaves a socket open that it could not connect.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(socket_path):
                return False
        transport = httpx.HTTPTransport(uds=socket_path)
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=5) as client:
            return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False


class Server:
    """A process that dies with the tests; its output is kept for the failure message."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._command, self._log, self._stop_with = command, log, stop_with
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        child = [sys.executable, "-m", "demo.child", str(os.getpid()), *self._command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                child,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def wait(self, ready: Callable[[], bool], seconds: float = DEADLINE) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-3000:]
                why = "ended" if ended else f"is not ready after {seconds:g} s"
                raise AssertionError(f"{self._command[0]} {why}:\n{tail}")
            time.sleep(0.02)

    def kill(self) -> None:
        """As a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(self._stop_with)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def running(server: Server, ready: Callable[[], bool]) -> Iterator[Server]:
    server.start()
    try:
        server.wait(ready)
        yield server
    finally:
        server.stop()
