"""The language model's stand-in: OpenAI's chat protocol, vLLM's metric names, and no model.

It says in every answer that it is a stand-in. Its system prompt is the registry's, its token
counts are those of the texts that it really got and gave, and its time is made of the tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.errors import BackendError
from demo.layout import read_json, write_json
from demo.measures import EngineMeasures
from demo.registry import RegistryCalls

MODEL = "helpdesk-stand-in"
PROMPT_PERIOD = 2.0
"""Seconds between two looks at the prompt's alias."""
PREFILL = 0.0006
"""Seconds per token that is read."""
DECODE = 0.004
"""Seconds per token that is written."""
BATCH = 8
"""Requests that are worked on at once; more wait."""
CONTEXT = 8192
_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Words and punctuation, a plain stand-in for a tokenizer."""
    return _TOKEN.findall(text)


def answer(prompt: str, question: str) -> str:
    """What the stand-in says: the longer the prompt's list of rules, the more it says."""
    rules = [line.removeprefix("- ") for line in prompt.splitlines() if line.startswith("- ")]
    asked = " ".join(question.split())[:200]
    lines = [f"This is a stand-in, not a language model. You asked: {asked}"]
    for rule in rules:
        # An answer follows the rules that it is given; here it names them, shortened.
        lines.append(f"I was told: {' '.join(rule.split()[:4])}.")
    return "\n".join(lines)


@dataclass(slots=True)
class Prompt:
    version: str = ""
    text: str = ""


class StandIn:
    """The server; `disk` is where the last prompt outlives it."""

    def __init__(self, registry: str, disk: Path) -> None:
        self.prompt = Prompt()
        self.measures = EngineMeasures(MODEL)
        self._calls = RegistryCalls(registry)
        self._disk = disk
        self._slots = asyncio.Semaphore(BATCH)
        kept = read_json(disk)
        if isinstance(kept, dict):
            self.prompt = Prompt(str(kept.get("version", "")), str(kept.get("text", "")))

    async def follow_prompt(self) -> None:
        """Read the prompt again and again; without the registry the last one stays."""
        while True:
            with contextlib.suppress(BackendError, OSError):
                version, text = await self._calls.prompt()
                if (version, text) != (self.prompt.version, self.prompt.text):
                    self.prompt = Prompt(version, text)
                    write_json(self._disk, {"version": version, "text": text})
            await asyncio.sleep(PROMPT_PERIOD)

    async def generate(self, prompt: str, question: str, limit: int) -> AsyncIterator[str]:
        """The answer token by token, in the time that its tokens take."""
        measures, arrived = self.measures, time.perf_counter()
        read = len(tokens(prompt)) + len(tokens(question))
        written = re.findall(r"\s*(?:\w+|[^\w\s])", answer(prompt, question))
        reason = "length" if len(written) > limit else "stop"
        measures.waiting.inc()
        try:
            await self._slots.acquire()
        finally:
            measures.waiting.dec()
        measures.running.inc()
        measures.cache.inc(read / (BATCH * CONTEXT))
        try:
            measures.queued.observe(time.perf_counter() - arrived)
            await asyncio.sleep(read * PREFILL)
            measures.prompt_tokens.inc(read)
            measures.first_token.observe(time.perf_counter() - arrived)
            began, paid = time.perf_counter(), 0.0
            for number, token in enumerate(written[:limit], 1):
                # Sleeping for each token would cost more than it says; eight at a time do.
                if number % 8 == 0:
                    await asyncio.sleep(max(0.0, began + number * DECODE - time.perf_counter()))
                    measures.between.observe((time.perf_counter() - began - paid) / 8)
                    paid = time.perf_counter() - began
                measures.generation_tokens.inc()
                yield token
            measures.latency.observe(time.perf_counter() - arrived)
            measures.prompt_length.observe(read)
            measures.answer_length.observe(min(len(written), limit))
            measures.finished[reason].inc()
        except (asyncio.CancelledError, GeneratorExit):
            measures.finished["abort"].inc()
            raise
        finally:
            measures.cache.dec(read / (BATCH * CONTEXT))
            measures.running.dec()
            self._slots.release()

    async def chat(self, request: Request) -> Response:
        handler = "/v1/chat/completions"
        try:
            body = json.loads(await request.body())
            question = question_of(body["messages"])
            limit = int(body.get("max_tokens") or body.get("max_completion_tokens") or CONTEXT)
            stream = bool(body.get("stream"))
        except (ValueError, KeyError, TypeError):
            self.measures.answered(handler, 400)
            return failure(400, "the request needs messages with a user's content")
        prompt = self.prompt
        if not prompt.version:
            self.measures.answered(handler, 503)
            return failure(503, "no prompt yet: the registry has not answered")
        identity = {
            "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
            "created": int(time.time()),
            "model": MODEL,
            "system_fingerprint": f"stand-in-prompt-{prompt.version}",
        }
        headers = {"x-prompt-version": prompt.version, "x-stand-in": "true"}
        self.measures.answered(handler, 200)
        if stream:
            events = self._events(identity, prompt.text, question, limit)
            return StreamingResponse(events, media_type="text/event-stream", headers=headers)
        said = [token async for token in self.generate(prompt.text, question, limit)]
        read = len(tokens(prompt.text)) + len(tokens(question))
        full = len(answer_tokens(prompt.text, question)) <= limit
        answered = {
            **identity,
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "".join(said)},
                    "finish_reason": "stop" if full else "length",
                }
            ],
            "usage": {
                "prompt_tokens": read,
                "completion_tokens": len(said),
                "total_tokens": read + len(said),
            },
        }
        return JSONResponse(answered, headers=headers)

    async def _events(
        self, identity: Mapping[str, Any], prompt: str, question: str, limit: int
    ) -> AsyncIterator[str]:
        def event(delta: Mapping[str, str], reason: str | None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {**identity, "object": "chat.completion.chunk", "choices": [choice]}
            return f"data: {json.dumps(chunk)}\n\n"

        yield event({"role": "assistant", "content": ""}, None)
        async for token in self.generate(prompt, question, limit):
            yield event({"content": token}, None)
        full = len(answer_tokens(prompt, question)) <= limit
        yield event({}, "stop" if full else "length")
        yield "data: [DONE]\n\n"

    async def models(self, _: Request) -> Response:
        entry = {"id": MODEL, "object": "model", "created": 0, "owned_by": "modeldeck demo"}
        return JSONResponse({"object": "list", "data": [{**entry, "stand_in": True}]})

    async def health(self, _: Request) -> Response:
        return Response(status_code=200 if self.prompt.version else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(self.measures.exposition(), media_type=self.measures.media_type)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        follower = asyncio.create_task(self.follow_prompt())
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await self._calls.close()

    def app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/health", self.health),
            Route("/metrics", self.metrics),
        ]
        return Starlette(routes=routes, lifespan=self.lifespan)


def answer_tokens(prompt: str, question: str) -> list[str]:
    return tokens(answer(prompt, question))


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user asked last. Raises ValueError where nobody asked."""
    for message in reversed(messages):
        if message["role"] == "user":
            return str(message["content"])
    raise ValueError("no user message")


def failure(status: int, message: str) -> Response:
    kind = "BadRequestError" if status < 500 else "ServiceUnavailableError"
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status)


def main() -> None:
    """Arguments: the port, the registry's URL, the file that keeps the prompt."""
    import uvicorn

    port, registry, disk = sys.argv[1:]
    Path(disk).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    uvicorn.run(
        StandIn(registry, Path(disk)).app(),
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
