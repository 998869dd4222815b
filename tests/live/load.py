"""A bounded load of HTTP requests over keep-alive connections, which counts what came back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlparse


class Load:
    """`answers` counts bodies of 200, and "lost" for anything else. A lost request is not retried,
    and its connection is opened anew."""

    def __init__(self, url: str, rate: float, connections: int = 16) -> None:
        address = urlparse(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._pause = connections / rate
        self.connections = connections
        self.answers: Counter[str] = Counter()
        self.reasons: list[str] = []
        self._stopping = False

    @property
    def sent(self) -> int:
        return self.answers.total()

    async def _one(self, index: int) -> None:
        await asyncio.sleep(self._pause * index / self.connections)
        due = time.monotonic()
        streams = None
        while not self._stopping:
            try:
                if streams is None:
                    streams = await asyncio.open_connection(self._host, self._port)
                self.answers[await self._ask(*streams)] += 1
            except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
                self.answers["lost"] += 1
                self.reasons.append(repr(error))
                if streams:
                    streams[1].close()
                streams = None
            due = max(due + self._pause, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if streams:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(f"GET / HTTP/1.1\r\nhost: {self._host}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200"), head[:80]
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        return (await reader.readexactly(int(length))).decode()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Load]:
        tasks = [asyncio.create_task(self._one(index)) for index in range(self.connections)]
        try:
            yield self
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)
