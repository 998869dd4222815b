"""What the driver says arrives in the units that the report promises."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pynvml
import pytest

from backends.gpus.nvml import NvmlGpus
from core.gpus import Throttle
from core.status import State
from tests.backends.gpus.waiting import host_of, local, until, using
from tests.nvml_stub.state import GIB, Driver
from tests.nvml_stub.state import State as StubState


def test_the_stand_in_has_the_layouts_of_the_real_library(nvml_library: Path) -> None:
    library = ctypes.CDLL(str(nvml_library / "libnvidia-ml.so.1"))
    real = {
        b"utilization": pynvml.c_nvmlUtilization_t,
        b"memory": pynvml.c_nvmlMemory_t,
        b"memory_v2": pynvml.c_nvmlMemory_v2_t,
        b"temperature": pynvml.c_nvmlTemperature_v1_t,
        b"process": pynvml.c_nvmlProcessInfo_v3_t,
        b"state": StubState,
    }
    sizes = {name: library.stub_size(name) for name in real}
    assert sizes == {name: ctypes.sizeof(layout) for name, layout in real.items()}
    assert pynvml.nvmlMemory_v2 == sizes[b"memory_v2"] | 2 << 24
    assert pynvml.nvmlTemperature_v1 == sizes[b"temperature"] | 1 << 24


def test_values_arrive_in_the_promised_units(driver: Driver) -> None:
    gpu = driver.state.gpu[3]
    gpu.utilization, gpu.milliwatts, gpu.temperature = 37, 412_345, 61
    gpu.used, gpu.throttle = 70 * GIB + 5, 0x1 | 0x4

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert [gpu.index for gpu in report.gpus] == list(range(8))
        assert (report.count, host_of(report).driver) == ("8/8", "580.65.06")
        seen = report.gpus[3]
        assert seen.name == "NVIDIA H100 80GB HBM3"
        assert seen.uuid == "GPU-00000000-0000-0000-0000-000000000003"
        assert seen.utilization == pytest.approx(0.37)
        assert (seen.memory_used, seen.memory_total) == (70 * GIB + 5, 80 * GIB)
        assert (seen.power, seen.power_limit) == (412.345, 700.0)
        assert (seen.temperature, seen.ecc_uncorrected) == (61.0, 0)
        assert seen.throttle == (Throttle.POWER_LIMIT,)
        assert (seen.state, seen.because) == (State.OK, "at its power limit")
        assert not seen.simulated

    using(local(), what)


def test_a_later_value_replaces_the_earlier_one(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await backend.sample()
        driver.state.gpu[0].utilization = 99
        report = await until(backend, lambda report: report.gpus[0].utilization == 0.99)
        assert report.gpus[1].utilization == 0.1

    using(local(), what)


@pytest.mark.parametrize(
    ("mask", "words", "state"),
    [
        (0x000, (), State.OK),
        (0x001, (), State.OK),
        (0x002, (Throttle.CLOCK_SETTING,), State.OK),
        (0x020, (Throttle.HOT_SOFTWARE,), State.WARNING),
        (0x048, (Throttle.HOT_HARDWARE,), State.WARNING),
        (0x088, (Throttle.POWER_BRAKE,), State.WARNING),
        (0x008, (Throttle.HARDWARE,), State.WARNING),
        (0x800, ("throttled for reason 0x800",), State.OK),
    ],
)
def test_throttling_is_told_in_words(
    driver: Driver, mask: int, words: tuple[str, ...], state: State
) -> None:
    driver.state.gpu[1].throttle = mask

    async def what(backend: NvmlGpus) -> None:
        gpu = (await backend.sample()).gpus[1]
        assert (gpu.throttle, gpu.state) == (words, state)
        assert gpu.because == ", ".join(words)

    using(local(), what)


def test_uncorrected_memory_errors_are_a_warning(driver: Driver) -> None:
    driver.state.gpu[2].ecc_uncorrected = 2
    driver.state.gpu[3].ecc_supported = 0

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert report.gpus[2].state is State.WARNING
        assert report.gpus[2].because == "2 uncorrected memory errors"
        assert report.gpus[3].ecc_uncorrected is None
        assert report.gpus[3].state is State.OK

    using(local(), what)


def test_the_utilization_of_a_mig_gpu_is_unknown_and_not_0(driver: Driver) -> None:
    driver.state.gpu[0].mig = 1
    driver.state.gpu[1].mig_supported = 0

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        split = report.gpus[0]
        assert split.utilization is None
        assert split.mig
        assert split.memory_total == 80 * GIB
        assert (split.state, split.because) == (State.OK, "split by MIG: no utilization")
        assert split.to_json()["utilization"] is None
        assert not report.gpus[1].mig

    using(local(), what)


def test_an_old_driver_answers_through_its_older_calls(
    driver: Driver, old_nvml_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(old_nvml_library))
    gpu = driver.state.gpu[0]
    gpu.temperature, gpu.throttle, gpu.used = 55, 0x40, 3 * GIB
    driver.run(0, (4711, GIB))

    async def what(backend: NvmlGpus) -> None:
        seen = (await backend.sample()).gpus[0]
        assert seen.temperature == 55.0
        assert seen.throttle == (Throttle.HOT_HARDWARE,)
        # The older call counts what the driver keeps for itself as used.
        assert seen.memory_used == 4 * GIB
        assert [process.pid for process in seen.processes] == [4711]

    using(local(), what)


def test_processes_are_shown_whether_they_can_be_named_or_not(driver: Driver) -> None:
    nobody = 0x3FFFFFFF
    comm = Path("/proc/self/comm").read_text().strip()
    driver.run(4, (os.getpid(), 5 * GIB), (nobody, 2**64 - 1))

    async def what(backend: NvmlGpus) -> None:
        mine, other = (await backend.sample()).gpus[4].processes
        assert (mine.pid, mine.memory) == (os.getpid(), 5 * GIB)
        if os.readlink("/proc/self/ns/pid") == "pid:[4026531836]":  # noqa: PTH115
            assert mine.name == comm
        assert (other.pid, other.memory, other.name) == (nobody, None, None)

    using(local(), what)


def test_what_cannot_be_a_value_is_unknown(driver: Driver) -> None:
    gpu = driver.state.gpu[0]
    gpu.utilization, gpu.milliwatts, gpu.temperature = 4_000_000, 2**32 - 1, 2**31 - 1
    gpu.total = gpu.used = 2**64 - 1
    gpu.ecc_uncorrected = 2**64 - 1

    async def what(backend: NvmlGpus) -> None:
        seen = (await backend.sample()).gpus[0]
        values = (seen.utilization, seen.power, seen.temperature, seen.memory_used)
        assert values == (None, None, None, None)
        assert (seen.memory_total, seen.ecc_uncorrected) == (None, None)
        assert (seen.state, seen.because) == (State.UNKNOWN, "the driver gives no values for it")

    using(local(), what)


def test_a_hostile_name_cannot_steer_the_terminal(driver: Driver) -> None:
    driver.state.gpu[0].name = b"H100\x1b]0;gone\x07"
    driver.state.gpu[1].name = b"not text \xff\xfe"
    driver.state.driver = "580\u202e56".encode()

    async def what(backend: NvmlGpus) -> None:
        report = await backend.sample()
        assert report.gpus[0].name == "H100\\x1b]0;gone\\x07"
        assert (report.gpus[1].name, report.gpus[1].utilization) == ("", 0.1)
        assert host_of(report).driver == "580\\u202e56"

    using(local(), what)


def test_a_library_that_prints_does_not_disturb_the_samples(driver: Driver) -> None:
    driver.state.chatty = 1

    async def what(backend: NvmlGpus) -> None:
        assert (await backend.sample()).count == "8/8"

    using(local(), what)
