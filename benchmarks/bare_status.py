"""The least that a Typer program with httpx can do for a status: ask, read, print.

`python -m benchmarks.bare_status RECORDED.json` makes the recorded requests at once on one
client, reads the recorded route files as YAML, and prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import typer
import yaml


async def ask(requests: list[list[str]]) -> list[Any]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answers = await asyncio.gather(*(client.request(how, url) for _, how, url in requests))
    return [answer.json() if answer.content else None for answer in answers]


def status(recorded: Path) -> None:
    """Ask for what was recorded."""
    wanted = json.loads(recorded.read_text())
    answers = asyncio.run(ask(wanted["requests"]))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    routes = [yaml.load(Path(name).read_text(), Loader=loader) for name in wanted["files"]]
    print(json.dumps({"requests": len(answers), "answers": answers, "routes": len(routes)}))


if __name__ == "__main__":
    typer.run(status)
