"""A client of the service, in a process of its own: what it asked and who answered.

`python -m benchmarks.observer STATE SERVICE RATE SECONDS` sends real held-out rows through
Envoy's listener on kept connections, never a request twice, and prints one line of JSON: per
request when it was sent and answered (seconds of the monotonic clock, which all processes of a
host share), the status (0 where no answer came) and the version that answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import ROOT
from demo.layout import Layout, read_json

MOST_RATE = 200.0
"""Requests a second: the fleet is for trying things out, on a person's machine. A busy one
answers fewer, since a connection asks nothing new before its answer is there."""
CONNECTIONS = 16
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: both times in seconds."""

    sent: float
    answered: float
    status: int
    version: str


class Connection:
    """HTTP/1.1 on one connection, without a library that would retry on its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        sent = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, version = await self._ask(request)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            self.close()
            status, version = 0, ""
        return Answer(sent, time.monotonic(), status, version)

    async def _ask(self, request: bytes) -> tuple[int, str]:
        if self._pipe is None:
            self._pipe = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._pipe
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), fields.get("x-model-version", "")

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe[1].close()
            self._pipe = None


async def observe(state: Path, service: str, rate: float, seconds: float) -> list[Answer]:
    """Ask at that rate, for that time or until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print("asking", flush=True)
    layout = Layout(state)
    port = read_json(layout.ports)[service]
    requests = [_request(service, row) for row in read_json(layout.heldout(service))["rows"]]
    rate = min(rate, MOST_RATE)
    period, began = CONNECTIONS / rate, time.monotonic()
    answers: list[Answer] = []

    async def ask(number: int) -> None:
        connection = Connection(port)
        due = began + number / rate
        while due < began + seconds and not stopped.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            answers.append(await connection.ask(requests[len(answers) % len(requests)]))
            due = max(due + period, time.monotonic() - period)
        connection.close()

    await asyncio.gather(*(ask(number) for number in range(CONNECTIONS)))
    return sorted(answers, key=lambda answer: answer.sent)


def _request(service: str, row: Sequence[float]) -> bytes:
    tensor = {"name": "features", "datatype": "FP64", "shape": [1, len(row)], "data": row}
    body = json.dumps({"inputs": [tensor]}).encode()
    head = f"POST /v2/models/{service}/infer HTTP/1.1\r\nhost: {service}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Observer:
    """The observer as a process; `answers` waits for its end."""

    def __init__(self, state: Path, service: str, rate: float, seconds: float) -> None:
        words = [str(state), service, str(rate), str(seconds)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.observer", *words],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "asking":
            raise RuntimeError("the observer did not start")

    async def answers(self) -> list[Answer]:
        out, _ = await asyncio.to_thread(self._process.communicate)
        return [Answer(*item) for item in json.loads(out)]

    def stop(self) -> None:
        """Ask nothing more; what was asked is still answered."""
        self._process.terminate()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def observer(state: Path, service: str, rate: float, seconds: float) -> Iterator[Observer]:
    """Asks while the context is open, at the longest for that time."""
    running = Observer(state, service, rate, seconds)
    try:
        yield running
    finally:
        running.end()


def main() -> None:
    state, service, rate, seconds = sys.argv[1:]
    answers = asyncio.run(observe(Path(state), service, float(rate), float(seconds)))
    print(json.dumps([[a.sent, a.answered, a.status, a.version] for a in answers]))


if __name__ == "__main__":
    main()
