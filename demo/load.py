"""`python -m demo.load STATE`: a steady stream of real held-out rows through Envoy.

Open loop: a slow service does not slow the arrivals down, up to a bound on what is open at
once; what would go beyond it is left out and counted. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.inference_log import LabelLog
from demo.layout import Layout, read_json, write_json
from demo.prompts import QUESTIONS
from demo.services import SERVICES, DemoService

ANSWER_TIMEOUT = 10.0
REPORT_PERIOD = 1.0


@dataclass(slots=True)
class Counts:
    """Of one service since the load started. Each request sent ends as answered or failed."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    """Answers other than 200, and no answer."""
    skipped: int = 0
    """Not sent, because too many were open."""


class Stream:
    """The load of one service."""

    def __init__(self, service: DemoService, url: str, layout: Layout) -> None:
        self.counts = Counts()
        self._service = service
        self._open: set[asyncio.Task[None]] = set()
        self._labels = LabelLog(layout.labels(service.name))
        self._requests = self._rows(layout) if service.model else self._questions()
        bound = httpx.Limits(max_connections=service.in_flight, max_keepalive_connections=8)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=ANSWER_TIMEOUT, limits=bound, trust_env=False, verify=False
        )

    def _rows(self, layout: Layout) -> Iterator[tuple[str, bytes, int | None]]:
        """The held-out rows for ever, shuffled, each with its label."""
        kept = read_json(layout.heldout(self._service.name))
        path = f"/v2/models/{self._service.model}/infer"
        rows = list(zip(kept["rows"], kept["labels"], strict=True))
        random.shuffle(rows)
        for row, label in itertools.cycle(rows):
            entry = {"name": "features", "datatype": "FP64", "shape": [1, len(row)], "data": row}
            yield path, json.dumps({"inputs": [entry]}).encode(), label

    def _questions(self) -> Iterator[tuple[str, bytes, int | None]]:
        for question in itertools.cycle(QUESTIONS):
            body = {"messages": [{"role": "user", "content": question}], "max_tokens": 2048}
            yield "/v1/chat/completions", json.dumps(body).encode(), None

    async def run(self) -> None:
        """Until cancelled."""
        labels = asyncio.create_task(self._labels.follow())
        due = time.monotonic() + random.random() / self._service.rate
        try:
            while True:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                # After a pause of the machine the stream goes on; it does not catch up.
                due = max(due, time.monotonic() - 1.0)
                due += random.uniform(0.5, 1.5) / self._service.rate
                if len(self._open) >= self._service.in_flight:
                    self.counts.skipped += 1
                    continue
                task = asyncio.create_task(self._send(*next(self._requests)))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
        finally:
            labels.cancel()
            for task in self._open:
                task.cancel()
            await asyncio.gather(labels, *self._open, return_exceptions=True)
            await self._client.aclose()

    async def _send(self, path: str, body: bytes, label: int | None) -> None:
        request, at = uuid.uuid4().hex, time.time()
        headers = {"content-type": "application/json", "x-request-id": request}
        self.counts.sent += 1
        try:
            answer = await self._client.post(path, content=body, headers=headers)
        except httpx.HTTPError:
            self.counts.failed += 1
            return
        if answer.status_code != 200:
            self.counts.failed += 1
            return
        self.counts.answered += 1
        if label is not None:
            self._labels.add(request, at, label)


async def report(path: Path, streams: dict[str, Stream]) -> None:
    """Write the counts down every second, until cancelled."""
    while True:
        await asyncio.sleep(REPORT_PERIOD)
        counts: dict[str, Any] = {name: asdict(one.counts) for name, one in streams.items()}
        with contextlib.suppress(OSError):
            write_json(path, {"at": time.time(), "services": counts})


async def run(layout: Layout) -> None:
    ports = read_json(layout.ports)
    streams = {
        name: Stream(service, f"http://127.0.0.1:{ports[name]}", layout)
        for name, service in SERVICES.items()
    }
    async with asyncio.TaskGroup() as group:
        group.create_task(report(layout.load, streams))
        for stream in streams.values():
            group.create_task(stream.run())


def main() -> None:
    asyncio.run(run(Layout(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
