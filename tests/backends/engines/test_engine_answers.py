"""Engines that behave otherwise than the ones at hand: what the adapters make of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backends.base import Context, SlotState
from backends.engines import openai, v2
from core.errors import BadAnswer, Denied, Timeout
from core.refs import slot_ref
from tests.live.faulty import faulty_server, http

REF = slot_ref("fraud", "green")


def json_answer(status: int, body: Any) -> bytes:
    return http(status, json.dumps(body).encode())


def ask_v2(
    answer: Callable[[str], bytes | None], call: Callable[[v2.V2Slot], Awaitable[Any]], **more: Any
) -> Any:
    async def body(url: str) -> Any:
        given = {"load": True, "timeout": 2.0, "load_timeout": 1.0, **more}
        options = v2.Options(url, **given)
        slot = v2.open_backend(options, Context("fraud", "fraud", "green"))
        try:
            return await call(slot)
        finally:
            await slot.close()

    with faulty_server(answer) as url:
        return asyncio.run(body(url))


def held(versions: list[str], ready: int = 200) -> Callable[[str], bytes]:
    def answer(head: str) -> bytes:
        path = head.split()[1]
        if path.endswith("/ready"):
            return http(ready, b"")
        return json_answer(200, {"name": "fraud", "versions": versions, "platform": "x"})

    return answer


def test_of_several_versions_the_newest_serves() -> None:
    state = ask_v2(held(["9", "10"]), lambda slot: slot.state())
    assert state == SlotState("10", True, "holds 9, 10")


@pytest.mark.parametrize("status", [400, 404, 503])
def test_a_version_that_is_loading_is_not_ready(status: int) -> None:
    assert ask_v2(held(["9"], status), lambda slot: slot.state()) == SlotState("9", False)


def test_a_server_without_versions_says_so() -> None:
    state = ask_v2(held([]), lambda slot: slot.state())
    assert state.version is None
    assert "does not say" in state.detail


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_model_is_an_empty_slot_only_on_a_live_v2_server(status: int) -> None:
    def answer(live: int) -> Callable[[str], bytes]:
        def reply(head: str) -> bytes:
            if "/v2/health/live" in head:
                return http(live, b"")
            return json_answer(status, {"error": "Request for unknown model: 'fraud'"})

        return reply

    state = ask_v2(answer(200), lambda slot: slot.state())
    assert (state.version, state.ready) == (None, False)
    assert "unknown model" in state.detail
    with pytest.raises((BadAnswer, Denied)):
        ask_v2(answer(404), lambda slot: slot.state())


def test_a_server_that_loads_something_else_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(v2, "_CERTAIN", 0.1)
    # Not Denied: the order was taken, so nobody may rely on its having had no effect.
    with pytest.raises(BadAnswer, match="serves 12"):
        ask_v2(held(["12"]), lambda slot: slot.write(REF, "13", before="12", revision=""))


def test_a_version_that_never_gets_ready_is_given_up() -> None:
    with pytest.raises(Timeout, match=r"13 is not there after 0\.4 s: it holds 13, not ready"):
        ask_v2(
            held(["13"], 503),
            lambda slot: slot.write(REF, "13", before="13", revision=""),
            load_timeout=0.4,
        )


def test_a_slot_that_may_not_load_says_what_would_allow_it() -> None:
    async def write(slot: v2.V2Slot) -> None:
        assert not slot.can_load
        with pytest.raises(Denied, match="load = true"):
            await slot.write(REF, "13", before="12", revision="")

    ask_v2(held(["12"]), write, load=False)


def test_a_model_name_stays_inside_its_part_of_the_path() -> None:
    paths: list[str] = []

    def answer(head: str) -> bytes:
        paths.append(head.split()[1])
        return json_answer(200, {"name": "a/../b?c", "versions": ["1"]})

    ask_v2(answer, lambda slot: slot.state(), model="a/../b?c")
    assert paths[0] == "/v2/models/a%2F..%2Fb%3Fc"


def ask_openai(models: Any, **more: Any) -> SlotState:
    async def body(url: str) -> SlotState:
        slot = openai.open_backend(openai.Options(url, **more), Context("chat", "", "only"))
        try:
            return await slot.state()
        finally:
            await slot.close()

    with faulty_server(json_answer(200, {"object": "list", "data": models})) as url:
        return asyncio.run(body(url))


def test_the_base_model_comes_before_its_adapters() -> None:
    models = [{"id": "lora-1", "parent": "base"}, {"id": "base", "parent": None}]
    assert ask_openai(models) == SlotState("base", True)
    assert ask_openai(models, model="lora-1") == SlotState("lora-1", True)


def test_a_server_of_another_model_is_not_the_slot() -> None:
    state = ask_openai([{"id": "llama"}], model="mistral")
    assert (state.version, state.ready) == (None, False)
    assert state.detail == "serves llama, not mistral"
    assert not ask_openai([]).ready


def test_metrics_on_another_port_get_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.schema import Secret

    monkeypatch.setenv("ENGINE_TOKEN", "tok-456")
    heads: list[str] = []

    def metrics(head: str) -> bytes:
        heads.append(head)
        return http(200, b"# TYPE up gauge\nup 1\n", "text/plain")

    async def body(url: str) -> Any:
        options = openai.Options(
            "http://127.0.0.1:1", token=Secret(env="ENGINE_TOKEN"), metrics=f"{url}/metrics"
        )
        slot = openai.open_backend(options, Context("chat", "", "only"))
        try:
            return await slot.pages(frozenset({"up"}))
        finally:
            await slot.close()

    with faulty_server(metrics) as url:
        (page,) = asyncio.run(body(url))
    assert page.series["up"][0].value == 1
    assert heads[0].startswith("GET /metrics ")
    assert "tok-456" not in heads[0]
