"""Shifting under load: nothing is lost, and what was written is what arrives."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from pathlib import Path

import pytest

from core.split import WHOLE, Split
from tests.backends.traffic.envoy_harness import harnessed
from tests.live.load import Load

pytestmark = pytest.mark.live

RATE = 300.0
"""Requests a second."""


def any_split(dice: random.Random) -> Split:
    green = dice.choice([0, 100, 500, 2500, 5000, WHOLE, dice.randrange(WHOLE)])
    shadow = {"green": dice.choice([0, 1000, 5000])}
    return Split.of({"blue": WHOLE - green, "green": green}, shadow)


def shifts(folder: Path, count: int) -> dict[str, float]:
    """That many random shifts one after another; what they cost, in requests and seconds."""

    async def body() -> dict[str, float]:
        dice, took = random.Random(count), []
        router = harness.open()
        async with Load(harness.envoy.url, RATE).running() as load:
            for _ in range(count):
                now = await router.read(harness.ref)
                split = any_split(dice)
                started = time.perf_counter()
                await router.write(harness.ref, split, before=now.value, revision=now.revision)
                took.append(time.perf_counter() - started)
                assert (await router.read(harness.ref)).value == split
                await asyncio.sleep(0.01)
        counts = await router.counts()
        await router.close()
        assert load.answers["lost"] == 0, load.reasons[:5]
        assert sum(one.requests for one in counts.values()) == load.sent
        for slot, one in counts.items():
            assert (one.requests, one.errors) == (load.answers[slot], 0)
        return {
            "requests": load.sent,
            "lost": load.answers["lost"],
            "median ms": statistics.median(took) * 1000,
            "p95 ms": sorted(took)[int(0.95 * count)] * 1000,
            "max ms": max(took) * 1000,
        }

    with harnessed(folder) as harness:
        return asyncio.run(body())


def test_shifting_loses_no_request(tmp_path: Path) -> None:
    shifts(tmp_path, 30)


@pytest.mark.slow
def test_three_hundred_shifts_lose_no_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = shifts(tmp_path, 300)
    with capsys.disabled():
        print("\n300 shifts:", ", ".join(f"{key} {value:.1f}" for key, value in figures.items()))


def test_after_a_cutover_live_traffic_is_on_the_new_side_alone(tmp_path: Path) -> None:
    async def body() -> None:
        router = harness.open()
        async with Load(harness.envoy.url, RATE).running() as load:
            for slot in ("green", "blue", "green", "blue"):
                now = await router.read(harness.ref)
                await router.write(
                    harness.ref, Split.all_on(slot), before=now.value, revision=now.revision
                )
                other = "blue" if slot == "green" else "green"
                # At most the requests under way when Envoy confirmed still come from there.
                left = load.answers[other] + load.connections
                seen = load.answers[slot]
                deadline = time.monotonic() + 20
                while load.answers[slot] < seen + 100:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.01)
                assert load.answers[other] <= left
        await router.close()
        assert load.answers["lost"] == 0

    with harnessed(tmp_path) as harness:
        asyncio.run(body())
