"""The language model's stand-in: its protocol, its prompt, its metrics."""

from __future__ import annotations

import json
import re

import pytest

from demo.services import PROMPT, PROMPT_ALIAS
from tests.demo.running import RunningFleet, until

pytestmark = pytest.mark.live


def figure(page: str, name: str) -> float:
    """The sum of a metric over its labels."""
    found = re.findall(rf"^{re.escape(name)}\{{[^}}]*\}} (\S+)$", page, re.MULTILINE)
    assert found, name
    return sum(float(value) for value in found)


def test_it_answers_as_openais_protocol_has_it_and_says_what_it_is(fleet: RunningFleet) -> None:
    answer = fleet.ask()
    assert answer.status_code == 200
    body = answer.json()
    (choice,) = body["choices"]
    assert "stand-in" in choice["message"]["content"]
    assert "stand-in" in body["model"]
    assert choice["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == sum(
        body["usage"][part] for part in ("prompt_tokens", "completion_tokens")
    )
    (model,) = fleet.client.get(f"{fleet.address('helpdesk')}/v1/models").json()["data"]
    assert model["id"] == body["model"]
    assert model["stand_in"] is True


def test_a_stream_brings_the_same_words_piece_by_piece(fleet: RunningFleet) -> None:
    whole = fleet.ask().json()["choices"][0]["message"]["content"]
    lines = fleet.ask(stream=True).text.split("\n\n")
    events = [line.removeprefix("data: ") for line in lines if line]
    assert events[-1] == "[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == whole
    assert choices[-1]["finish_reason"] == "stop"
    assert len(choices) > 10


def test_max_tokens_cuts_it_short(fleet: RunningFleet) -> None:
    body = fleet.ask(max_tokens=5).json()
    assert body["usage"]["completion_tokens"] == 5
    assert body["choices"][0]["finish_reason"] == "length"


def test_a_request_without_a_question_is_refused(fleet: RunningFleet) -> None:
    path = f"{fleet.address('helpdesk')}/v1/chat/completions"
    for body in (b"{", b"{}", b'{"messages": []}', b"[1]"):
        answer = fleet.client.post(path, content=body)
        assert answer.status_code == 400
        assert "messages" in answer.json()["error"]["message"]


def test_its_counters_add_up_to_what_it_answered(fleet: RunningFleet) -> None:
    before = fleet.metrics("helpdesk-main")
    usage = fleet.ask().json()["usage"]
    after = fleet.metrics("helpdesk-main")
    for name, part in (
        ("vllm:prompt_tokens_total", "prompt_tokens"),
        ("vllm:generation_tokens_total", "completion_tokens"),
    ):
        # The load asks too, meanwhile.
        assert figure(after, name) - figure(before, name) >= usage[part]
    for name in (
        "vllm:time_to_first_token_seconds_count",
        "vllm:e2e_request_latency_seconds_count",
        "vllm:request_success_total",
    ):
        assert figure(after, name) > figure(before, name)
    figure(after, "vllm:num_requests_running")
    figure(after, "vllm:num_requests_waiting")


def test_it_follows_the_prompts_alias(fleet: RunningFleet) -> None:
    try:
        fleet.move(PROMPT, PROMPT_ALIAS, "1")
        until(lambda: fleet.ask().headers["x-prompt-version"] == "1", "it has the first prompt")
        short = fleet.ask().json()["usage"]
    finally:
        fleet.move(PROMPT, PROMPT_ALIAS, "2")
    until(lambda: fleet.ask().headers["x-prompt-version"] == "2", "it has the second prompt")
    usual = fleet.ask().json()["usage"]
    assert short["prompt_tokens"] < usual["prompt_tokens"]
    assert short["completion_tokens"] < usual["completion_tokens"]
