"""Two people approve at once, each in a program of their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.promotion import promote
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, seen
from tests.live.journals import Place

PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)


def approve(config: Path, actor: str) -> subprocess.Popen[str]:
    words = ["approve", "A-1", "-o", "json", "--config", str(config)]
    return subprocess.Popen(
        [sys.executable, "-m", "tui.launch", *words],
        env={**os.environ, "MODELDECK_ACTOR": actor},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize(("needed", "codes"), [(1, [0, 3]), (2, [0, 0])])
def test_two_programs_approve_at_once(
    tmp_path: Path, place: Place, needed: int, codes: list[int]
) -> None:
    config = tmp_path / "deck.toml"
    config.write_text(f'{place.config}[services.fraud]\npolicy = "approved"\n')

    async def asked() -> None:
        journal = place.open()
        await journal.ask_approval(
            PLAN, actor="ana", reason="", command="", needed=needed, lasts=3600
        )
        await journal.close()

    async def found() -> tuple[str, int]:
        journal = place.open(read_only=True)
        (one,), now = await journal.approvals(None)
        await journal.close()
        return one.state(now), len(one.answers)

    asyncio.run(asked())
    running = [approve(config, actor) for actor in ("ben", "cleo")]
    said = [json.loads(one.communicate(timeout=120)[0]) for one in running]
    assert sorted(one.returncode for one in running) == codes
    assert sorted(one["ok"] for one in said) == sorted(code == 0 for code in codes)
    assert asyncio.run(found()) == ("approved", needed)
