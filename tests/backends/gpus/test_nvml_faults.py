"""A driver that is missing, broken or losing GPUs says so, and a lost GPU costs only its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.gpus.nvml import NvmlGpus
from core.status import State
from tests.backends.gpus.waiting import host_of, local, until, using
from tests.nvml_stub.state import LOST, MISMATCH, NEEDS_RESET, NOT_LOADED, Driver


def test_a_lost_gpu_costs_only_its_own_row(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await backend.sample()
        driver.state.gpu[3].error = LOST
        report = await until(backend, lambda report: report.gpus[3].state is State.CRITICAL)
        lost = report.gpus[3]
        assert lost.because == "lost: it fell off the bus"
        assert (lost.utilization, lost.power, lost.temperature) == (None, None, None)
        assert lost.uuid == "GPU-00000000-0000-0000-0000-000000000003"
        assert lost.name == "NVIDIA H100 80GB HBM3"
        assert report.worst_first()[0] == lost
        assert [gpu.state for gpu in report.gpus if gpu != lost] == [State.OK] * 7
        assert (report.count, report.state) == ("7/8", State.CRITICAL)
        host = host_of(report)
        assert "GPU 3 lost" in host.because
        assert "Xid" in host.hint

        driver.state.gpu[3].error = 0
        report = await until(backend, lambda report: report.state is State.OK)
        assert report.count == "8/8"

    using(local(), what)


def test_a_gpu_that_is_lost_from_the_start_is_missed(driver: Driver) -> None:
    driver.state.gpu[7].error = NEEDS_RESET

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert report.count == "7/8"
        assert report.gpus[7].because == "stopped: it needs a reset"

    using(local(), what)


def test_a_gpu_that_the_driver_no_longer_lists_keeps_its_row(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await backend.sample()
        driver.state.count = 7
        report = await until(backend, lambda report: report.count == "7/8")
        assert [gpu.index for gpu in report.gpus] == list(range(8))
        assert report.gpus[7].state is State.CRITICAL
        assert report.gpus[7].because.startswith("gone")
        assert report.gpus[7].uuid.endswith("7")

    using(local(), what)


@pytest.mark.usefixtures("driver")
def test_fewer_gpus_than_the_config_expects_are_critical() -> None:
    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert (report.count, report.state) == ("8/16", State.CRITICAL)
        assert host_of(report).because.startswith("8 of 16 GPUs missing")

    using(local(expected=16), what)


@pytest.mark.parametrize(
    ("error", "because", "hint"),
    [
        (MISMATCH, "the driver was upgraded under a loaded kernel module", "reboot"),
        (NOT_LOADED, "kernel module is not loaded", "modprobe nvidia"),
        (4, "may not talk to the NVIDIA driver", "/dev/nvidia"),
        (999, "unknown error", "container"),
        (17, "error 17 in nvmlInit", "dmesg"),
    ],
)
def test_a_driver_that_cannot_start_is_told_in_words(
    driver: Driver, error: int, because: str, hint: str
) -> None:
    driver.state.init_error = error

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        host = host_of(report)
        assert because in host.because
        assert hint in host.hint
        assert host.state in (State.CRITICAL, State.UNKNOWN)
        assert (report.gpus, report.count) == ((), "0")
        (line,) = await backend.check()
        assert line.ok is False
        assert because in line.detail

        driver.state.init_error = 0
        assert (await until(backend, lambda report: report.count == "8/8")).state is State.OK

    using(local(), what)


def test_a_driver_upgraded_meanwhile_is_told_at_once(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await backend.sample()
        driver.state.init_error = MISMATCH
        report = await until(backend, lambda report: "mismatch" in host_of(report).because)
        assert report.count == "0/8"
        assert {gpu.state for gpu in report.gpus} == {State.UNKNOWN}
        assert len(report.gpus) == 8

    using(local(), what)


def test_no_driver_at_all_is_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library, so that a real one is not found")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert report.state is State.NOT_CONFIGURED
        assert "no NVIDIA driver" in host_of(report).because
        assert all(line.ok is None for line in await backend.check())

    using(local(), what)

    async def missed(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert (report.state, report.count) == (State.CRITICAL, "0/8")

    using(local(expected=8), missed)
