"""Simulated GPUs are marked as such everywhere, move slowly, and can be lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends.base import Context
from backends.gpus.simulated import Options, SimulatedGpus, lose, open_backend
from core.errors import BadAnswer
from core.gpus import GpuReport
from core.status import State


def sample(options: Options, at: float = 1_800_000_000.0) -> GpuReport:
    return asyncio.run(SimulatedGpus(options, clock=lambda: at).sample())


def test_four_hosts_of_eight_all_marked_as_simulated() -> None:
    report = asyncio.run(open_backend(Options(), Context()).sample())
    assert (report.count, report.state) == ("32/32", State.OK)
    assert list(report.hosts) == ["gpu-a", "gpu-b", "gpu-c", "gpu-d"]
    assert report.simulated
    assert all(row["simulated"] for row in report.to_json()["gpus"])
    assert all("imulated" in gpu.name for gpu in report.gpus)


def test_the_same_time_gives_the_same_values_and_they_move_slowly() -> None:
    now, again, later = sample(Options()), sample(Options()), sample(Options(), 1_800_000_001.0)
    assert now.gpus == again.gpus
    moved = [
        abs((one.utilization or 0) - (two.utilization or 0))
        for one, two in zip(now.gpus, later.gpus, strict=True)
    ]
    assert 0 < max(moved) < 0.05


def test_values_stay_plausible_through_a_day() -> None:
    for at in range(0, 86_400, 977):
        for gpu in sample(Options(), float(at)).gpus:
            assert gpu.utilization is not None
            assert 0 <= gpu.utilization <= 1
            assert gpu.power is not None
            assert gpu.power_limit is not None
            assert 0 < gpu.power <= gpu.power_limit
            assert gpu.memory_used is not None
            assert gpu.memory_total is not None
            assert gpu.memory_used < gpu.memory_total


def test_a_lost_gpu_and_its_service_stand_out(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    options = Options(faults=str(faults), services=("chat", "fraud"))
    assert sample(options).count == "32/32"
    lose(faults, "gpu-c", 3)
    lose(faults, "gpu-d", 0)
    report = sample(options)
    assert (report.count, report.state) == ("30/32", State.CRITICAL)
    worst = report.worst_first()[0]
    assert (worst.label, worst.because) == ("gpu-c:3", "lost: it fell off the bus")
    assert worst.service in {"chat", "fraud"}
    assert worst.utilization is None
    assert worst.simulated
    assert report.only("gpu-c").count == "7/8"
    faults.unlink()
    assert sample(options).count == "32/32"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"lost": 3}'])
def test_a_broken_file_of_faults_is_named(tmp_path: Path, content: str) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(content)
    with pytest.raises(BadAnswer, match=r"faults\.json"):
        sample(Options(faults=str(faults)))
    (line,) = asyncio.run(SimulatedGpus(Options(faults=str(faults))).check())
    assert line.ok is False
