"""Runs `modeldeck` in this process and prints, as JSON, what it asked of the network and of disk.

`python -m benchmarks.recorded ARG ...`
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any
from unittest import mock


def record(words: list[str]) -> dict[str, Any]:
    """The requests, each as socket (or None), method and URL, and the route files, each once."""
    import httpx

    from backends.traffic import route_swap
    from tui.launch import main

    requests: list[tuple[str | None, str, str]] = []
    files: list[str] = []
    sockets: dict[int, str] = {}
    make = httpx.AsyncHTTPTransport.__init__
    send = httpx.AsyncHTTPTransport.handle_async_request
    read = route_swap.read

    def made(self: Any, *args: Any, **more: Any) -> None:
        if more.get("uds"):
            sockets[id(self)] = more["uds"]
        make(self, *args, **more)

    async def sent(self: Any, request: httpx.Request) -> httpx.Response:
        requests.append((sockets.get(id(self)), request.method, str(request.url)))
        return await send(self, request)

    def opened(path: Any) -> bytes:
        text = read(path)
        # The guard beside a route file is ours: a plain program would know of none.
        if not str(path).endswith(".lock"):
            files.append(str(path))
        return text

    transport, out = httpx.AsyncHTTPTransport, io.StringIO()
    with (
        mock.patch.object(transport, "__init__", made),
        mock.patch.object(transport, "handle_async_request", sent),
        mock.patch.object(route_swap, "read", opened),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        code = main(words)
    return {"code": code, "requests": requests, "files": files, "answer": out.getvalue()}


if __name__ == "__main__":
    print(json.dumps(record(sys.argv[1:])))
