"""Which calls the MLflow adapter makes: their number, their pages, their credentials."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from backends.base import Context
from backends.registry.mlflow import MlflowRegistry, Options, open_backend
from core.errors import BackendError, UsageError
from core.schema import Secret
from tests.live.faulty import faulty_server, http


class Server:
    """A registry of `count` models that pages by `size`, and remembers what it was asked."""

    def __init__(self, count: int, size: int = 1000, *, lists: bool = True) -> None:
        self.names = [f"model-{number}" for number in range(count)]
        self.size, self.lists = size, lists
        self.heads: list[str] = []
        self.filters: list[str] = []

    def __call__(self, head: str) -> bytes:
        self.heads.append(head)
        url = urlparse(head.split()[1])
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        wanted = asked.get("filter", "")
        self.filters.append(wanted)
        if "IN (" in wanted and not self.lists:
            return http(400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no IN"}')
        if "is_prompt" in wanted:
            return http(200, b"{}")
        there = [name for name in self.names if "IN (" not in wanted or f"'{name}'" in wanted]
        start = int(asked.get("page_token", "0"))
        models = [
            {"name": name, "aliases": [{"alias": "champion", "version": "3"}]}
            for name in there[start : start + self.size]
        ]
        answer: dict[str, Any] = {"registered_models": models}
        if start + self.size < len(there):
            answer["next_page_token"] = str(start + self.size)
        return http(200, json.dumps(answer).encode())


def ask(
    server: Callable[[str], bytes], call: Callable[[MlflowRegistry], Awaitable[Any]], **more: Any
) -> Any:
    async def body(url: str) -> Any:
        registry = open_backend(Options(url, **more), Context())
        try:
            return await call(registry)
        finally:
            await registry.close()

    with faulty_server(server) as url:
        return asyncio.run(body(url))


def test_a_fleet_costs_one_call() -> None:
    server = Server(50)
    found = ask(server, lambda registry: registry.aliases(server.names))
    assert found == {name: {"champion": "3"} for name in server.names}
    assert len(server.heads) == 1


def test_every_page_is_read() -> None:
    server = Server(25, size=10)
    assert ask(server, lambda registry: registry.names()) == server.names
    assert len(server.heads) == 3


def test_a_server_that_knows_no_lists_is_searched_whole_from_then_on() -> None:
    server = Server(30, size=20, lists=False)

    async def call(registry: MlflowRegistry) -> Any:
        first = await registry.aliases(["model-1", "model-29"])
        server.heads.clear()
        assert await registry.aliases(["model-1", "model-29"]) == first
        return first

    assert ask(server, call) == {"model-1": {"champion": "3"}, "model-29": {"champion": "3"}}
    assert len(server.heads) == 2


def test_a_fleet_whose_names_no_list_can_hold_is_searched_whole() -> None:
    server = Server(3)
    server.names[0] = "it's"
    found = ask(server, lambda registry: registry.aliases(["it's", "model-1"]))
    assert set(found) == {"it's", "model-1"}
    assert server.filters == [""]


@pytest.mark.parametrize("token", ["same", "new"])
def test_pages_without_an_end_are_given_up(token: str) -> None:
    asked: list[str] = []

    def server(head: str) -> bytes:
        asked.append(head)
        following = token if token == "same" else str(len(asked))
        return http(200, json.dumps({"next_page_token": following}).encode())

    async def call(registry: MlflowRegistry) -> None:
        with pytest.raises(BackendError, match=r"again and again|more than \d+ pages"):
            await registry.names()

    ask(server, call)
    assert len(asked) <= 201


def secret(folder: Path, value: str) -> Secret:
    path = folder / "secret"
    path.write_text(value + "\n")
    path.chmod(0o600)
    return Secret(file=str(path))


def authorization(server: Server) -> str:
    (line,) = [one for one in server.heads[0].splitlines() if one.lower().startswith("authoriz")]
    return line.partition(": ")[2]


def test_a_token_is_sent_as_bearer(tmp_path: Path) -> None:
    server = Server(1)
    ask(server, lambda registry: registry.names(), token=secret(tmp_path, "tok-123"))
    assert authorization(server) == "Bearer tok-123"


def test_user_and_password_come_before_a_token(tmp_path: Path) -> None:
    server = Server(1)
    both = {"username": "ana", "password": secret(tmp_path, "pass-word"), "token": Secret(env="X")}
    ask(server, lambda registry: registry.names(), **both)
    assert authorization(server) == "Basic " + base64.b64encode(b"ana:pass-word").decode()


def test_a_secret_that_is_missing_is_said_before_anything_is_asked() -> None:
    assert "NO_SUCH_TOKEN" not in os.environ
    with pytest.raises(UsageError, match="NO_SUCH_TOKEN"):
        open_backend(Options("http://127.0.0.1:1", token=Secret(env="NO_SUCH_TOKEN")), Context())
