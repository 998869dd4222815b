"""Tiny HTTP servers in a thread of the tests, for Envoy to send to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Upstream:
    """Answers every request with its own name, as its fields say."""

    name: str
    port: int = 0
    status: int = 200
    delay: float = 0.0
    reset: bool = False
    """Break the connection off instead of answering; health checks are answered."""
    seen: Counter[str] = field(default_factory=Counter)
    """Requests by Host header."""
    shut: Callable[[], None] = lambda: None
    """Stop listening, and drop every connection: as if killed."""


class _Answerer(asyncio.Protocol):
    def __init__(self, upstream: Upstream, open_ones: set[asyncio.Transport]) -> None:
        self._upstream, self._open, self._rest = upstream, open_ones, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        upstream = self._upstream
        if head.startswith(b"GET /health"):
            self._send(200)
            return
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"host:"):
                upstream.seen[line[5:].strip().decode()] += 1
        if upstream.reset:
            self._transport.abort()
        elif upstream.delay:
            asyncio.get_running_loop().call_later(upstream.delay, self._send, upstream.status)
        else:
            self._send(upstream.status)

    def _send(self, status: int) -> None:
        body = self._upstream.name.encode()
        head = f"HTTP/1.1 {status} So\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        if not self._transport.is_closing():
            self._transport.write(head + body)


@contextlib.contextmanager
def upstreams(*names: str) -> Iterator[dict[str, Upstream]]:
    """One server per name, on free ports, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def call(coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)  # type: ignore[arg-type]

    async def serve(upstream: Upstream) -> None:
        connections: set[asyncio.Transport] = set()
        server = await loop.create_server(
            lambda: _Answerer(upstream, connections), "127.0.0.1", upstream.port
        )
        upstream.port = server.sockets[0].getsockname()[1]

        async def shut() -> None:
            server.close()
            for transport in list(connections):
                transport.abort()

        upstream.shut = lambda: (call(shut()), None)[1]

    made = {name: Upstream(name) for name in names}
    try:
        for one in made.values():
            call(serve(one))
        yield made
    finally:
        for one in made.values():
            one.shut()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
