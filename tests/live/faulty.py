"""A server that answers wrongly, on a real socket: what a backend does on its worst day."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator

HTML = b"<!doctype html><html><body>Sign in to continue</body></html>"
Answer = bytes | None
"""What is sent, raw; None never answers."""


def http(
    status: int, body: bytes, kind: str = "application/json", length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    # Said, so that nobody sends the next request on a connection that is just being closed.
    head = f"HTTP/1.1 {status} So\r\nconnection: close\r\ncontent-type: {kind}\r\n"
    return f"{head}content-length: {size}\r\n\r\n".encode() + body


WRONG: dict[str, Answer] = {
    "html": http(200, HTML, "text/html"),
    "html 404": http(404, HTML, "text/html"),
    "html 302": b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/login\r\ncontent-length: 0\r\n\r\n",
    "empty": http(200, b""),
    "half an answer": http(200, b'{"registered_model": {"name": "fra'),
    "half a body": http(200, b'{"a": 1', length=4096),
    "a list": http(200, b"[1, 2, 3]"),
    "a number": http(200, b"42"),
    "null": http(200, b"null"),
    "nested": http(200, b"[" * 100_000),
    "not utf-8": http(200, b"\xff\xfe\x00{}"),
    "500": http(500, b'{"message": "\\u001b[31mout of memory"}'),
    "503": http(503, HTML, "text/html"),
    "404 of somebody else": http(404, b'{"detail": "Not Found"}'),
    "401": http(401, b'{"message": "no"}'),
    "418": http(418, b""),
    "closes at once": b"",
    "closes in the head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "no http": b"SSH-2.0-OpenSSH_9.7\r\n",
    "never answers": None,
}
"""Answers that no backend gives on purpose, whatever it is asked."""


@contextlib.contextmanager
def faulty_server(answer: Callable[[str], Answer] | Answer) -> Iterator[str]:
    """Gives this answer to every request, or what it makes of the request's head; its URL.

    After each answer the connection is closed.
    """
    loop = asyncio.new_event_loop()
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            # What is left unread when the connection is closed resets it, and the answer is lost.
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            said = answer(head.decode("latin-1")) if callable(answer) else answer
            if said is None:
                await asyncio.Event().wait()
            else:
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # Python 3.11's streams log a handler that ends cancelled as a failure.
            pass
        finally:
            writer.close()
            handlers.discard(task)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(handle, "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections that were closed just now

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
