"""The one place that decides how HTTP is spoken."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backends import http as client
from backends.http import Http
from core.errors import BackendError, BadAnswer, Denied, Timeout, Unreachable
from tests.live.faulty import faulty_server, http

OK = http(200, b'{"fine": true}')


def ask(
    url: str, call: Callable[[Http], Awaitable[Any]] | None = None, **options: Any
) -> tuple[Any, float]:
    """What the call gave or raised, and the seconds that it took."""

    async def body() -> tuple[Any, float]:
        one = Http("thing", url, **{"timeout": 1.0, **options})
        started = time.monotonic()
        try:
            result: Any = await (call(one) if call else one.json("GET", "/x", what="ask"))
        except BackendError as error:
            result = error
        took = time.monotonic() - started
        await one.close()
        return result, took

    return asyncio.run(body())


def test_reads_an_object() -> None:
    with faulty_server(OK) as url:
        assert ask(url)[0] == {"fine": True}


def test_a_proxy_of_the_environment_is_not_asked_for_this_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with faulty_server(OK) as url:
        assert ask(url)[0] == {"fine": True}


def test_a_get_is_asked_again_once_and_a_write_never() -> None:
    seen: list[str] = []

    def answer(line: str) -> bytes:
        seen.append(line.split()[0])
        return b"" if len(seen) == 1 else OK

    with faulty_server(answer) as url:
        assert ask(url)[0] == {"fine": True}
        assert seen == ["GET", "GET"]
        seen.clear()
        error, _ = ask(url, lambda one: one.json("POST", "/x", what="write"))
    assert seen == ["POST"]
    assert isinstance(error, Timeout), "it may have landed"


def test_the_second_try_is_inside_the_timeout() -> None:
    def answer(_: str) -> None:
        return None

    with faulty_server(answer) as url:
        error, took = ask(url, timeout=0.4)
    assert isinstance(error, Timeout)
    assert took < 1.0


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    async def drip() -> Any:
        async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                for _ in range(1000):
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            except ConnectionError:
                pass
            finally:
                writer.close()

        serving = await asyncio.start_server(handle, sock=server)
        one = Http("thing", f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.4)
        started = time.monotonic()
        with pytest.raises(Timeout):
            await one.json("GET", "/x", what="ask")
        took = time.monotonic() - started
        await one.close()
        serving.close()
        return took

    assert asyncio.run(drip()) < 1.0


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_answer_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER", 10_000)
    body = b'{"x": "' + b"a" * 100_000 + b'"}'
    answer = http(200, body)
    if packed:
        small = gzip.compress(body)
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(small)}\r\n\r\n"
        answer = head.encode() + small
    with faulty_server(answer) as url:
        error, _ = ask(url)
    assert isinstance(error, BadAnswer)
    assert "more than 10000 bytes" in error.message


def test_a_redirect_gets_no_credentials() -> None:
    seen: list[str] = []

    def elsewhere(line: str) -> bytes:
        seen.append(line)
        return OK

    with faulty_server(elsewhere) as other:
        moved = f"HTTP/1.1 302 Found\r\nlocation: {other}/x\r\ncontent-length: 0\r\n\r\n".encode()
        with faulty_server(moved) as url:
            error, _ = ask(url, token="secret-token")
    assert isinstance(error, BadAnswer)
    assert "redirects are not followed" in error.message
    assert seen == []


def test_a_password_in_the_url_is_in_no_message() -> None:
    error, _ = ask("http://ana:hunter2@127.0.0.1:1")
    assert isinstance(error, Unreachable)
    assert "hunter2" not in f"{error.message} {error.backend} {error.hint}"
    with faulty_server(http(401, b'{"message": "no"}')) as url:
        error, _ = ask(url.replace("//", "//ana:hunter2@"))
    assert isinstance(error, Denied)
    assert "hunter2" not in f"{error.message} {error.backend} {error.hint}"


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    with faulty_server(http(400, b'{"message": "\\u001b]0;gone\\u0007 \\u202e"}')) as url:
        error, _ = ask(url)
    assert isinstance(error, Denied)
    assert error.message.isprintable()
    assert "gone" in error.message


@pytest.mark.parametrize("url", ["http://", "nonsense", "ftp://127.0.0.1/", "http://127.0.0.1:x"])
def test_an_address_that_is_none_is_unreachable(url: str) -> None:
    error, _ = ask(url)
    assert isinstance(error, Unreachable), repr(error)


def test_what_no_request_can_carry_is_denied() -> None:
    with faulty_server(OK) as url:
        for more in ({"params": {"name": "\ud800"}}, {"json_body": {"name": "\ud800"}}):
            error, _ = ask(url, lambda one, m=more: one.json("GET", "/x", what="ask", **m))  # type: ignore[misc]
            assert isinstance(error, Denied)
