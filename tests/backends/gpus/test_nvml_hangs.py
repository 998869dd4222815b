"""A driver call that never returns is said, and holds neither the console nor its end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.gpus.host import Patience
from backends.gpus.nvml import SAMPLER, NvmlGpus
from core.gpus import GpuReport
from core.status import State
from tests.backends.gpus.waiting import (
    QUICK,
    alive,
    dead,
    host_of,
    local,
    samplers,
    until,
    using,
    works,
)
from tests.nvml_stub.state import MISMATCH, Driver

PATIENT = Patience(report=0.5, give_up=600)


def hung(report: GpuReport) -> bool:
    return "no answer from the driver" in host_of(report).because


def test_a_hang_is_said_within_the_deadline_and_closed_within_a_second(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await works(backend)
        driver.hang("nvmlDeviceGetPowerUsage", gpu=5)
        began = time.monotonic()
        report = await until(backend, hung)
        # The interval, the patience beyond it, and a machine that does other things too.
        assert time.monotonic() - began < 0.25 + QUICK.report + 2
        assert host_of(report).state is State.CRITICAL
        assert (report.count, report.gpus[0].utilization) == ("0/8", None)
        assert {gpu.state for gpu in report.gpus} == {State.UNKNOWN}
        assert any("no answer" in line.detail for line in await backend.check())

        began = time.monotonic()
        await backend.close()
        assert time.monotonic() - began < 1
        assert samplers() == []

    using(local(QUICK), what)


def test_the_call_that_hangs_is_named_and_a_late_answer_is_taken(driver: Driver) -> None:
    driver.hang("nvmlDeviceGetPowerUsage", gpu=5)

    async def what(backend: NvmlGpus) -> None:
        report = await until(backend, lambda report: "GPU 5" in host_of(report).because)
        assert "(nvmlDeviceGetPowerUsage, GPU 5)" in host_of(report).because
        before = samplers()
        driver.go_on()
        report = await until(backend, lambda report: report.count == "8/8")
        assert report.state is State.OK
        assert samplers() == before

    using(local(PATIENT), what)


def test_a_driver_that_takes_long_to_wake_up_is_waited_for(driver: Driver) -> None:
    driver.hang("nvmlInit", milliseconds=2500)

    async def what(backend: NvmlGpus) -> None:
        report = await until(backend, lambda report: "nvmlInit" in host_of(report).because)
        assert host_of(report).state is State.CRITICAL
        await works(backend)
        assert driver.state.inits == 1

    using(local(PATIENT), what)


def test_another_sampler_follows_one_that_is_given_up(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        await works(backend)
        (first,) = samplers()
        driver.hang("nvmlDeviceGetUtilizationRates")
        await until(backend, lambda _: first not in samplers() and samplers() != [])
        assert hung(await backend.sample())
        driver.go_on()
        report = await works(backend)
        assert report.count == "8/8"

    using(local(QUICK), what)


def test_samplers_that_cannot_be_ended_do_not_pile_up(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_dead(pid: int, flags: int) -> tuple[int, int]:
        """What the system answers about a process that the driver holds."""
        assert pid > 0
        assert flags == os.WNOHANG
        return 0, 0

    driver.hang("nvmlInit")

    async def what(backend: NvmlGpus) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "waitpid", not_dead)
            report = await until(backend, lambda report: "reboot" in host_of(report).hint)
            assert "holds 3 samplers" in host_of(report).because
            await until(backend, lambda _: samplers() == [])
            began = time.monotonic()
            while time.monotonic() - began < 3 * QUICK.retry_last:
                await backend.sample()
                assert samplers() == []
                await asyncio.sleep(0.01)
            began = time.monotonic()
            await backend.close()
            assert time.monotonic() - began < 1
        # Once the driver lets them go, sampling goes on.
        driver.go_on()
        await works(backend)

    using(local(QUICK), what)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_sampler_that_is_killed_or_stopped_is_replaced(driver: Driver, end: int) -> None:
    async def what(backend: NvmlGpus) -> None:
        await works(backend)
        (first,) = samplers()
        os.kill(first, end)
        await until(backend, lambda _: first not in samplers() and samplers() != [])
        driver.state.gpu[0].utilization = 77
        report = await until(backend, lambda report: report.gpus[0].utilization == 0.77)
        assert report.state is State.OK

    using(local(QUICK), what)


def test_a_library_that_crashes_is_told_and_tried_again_with_pauses(driver: Driver) -> None:
    driver.state.crash = 1

    async def what(backend: NvmlGpus) -> None:
        report = await until(backend, lambda report: "signal 6" in host_of(report).because)
        assert host_of(report).state is State.UNKNOWN
        assert host_of(report).next_try is not None
        driver.state.crash = 0
        await works(backend)

    using(local(QUICK), what)


def test_each_trouble_is_told_in_its_own_words(driver: Driver) -> None:
    async def what(backend: NvmlGpus) -> None:
        driver.state.crash = 1
        await until(backend, lambda report: "signal 6" in host_of(report).because)
        driver.hang("nvmlInit")
        driver.state.crash = 0
        await until(backend, hung)
        driver.state.init_error = MISMATCH
        driver.go_on()
        await until(backend, lambda report: "mismatch" in host_of(report).because)
        driver.state.init_error = 0
        driver.state.crash = 1
        await until(backend, lambda report: "signal 6" in host_of(report).because)
        driver.state.crash = 0
        await works(backend)
        # Nothing of the crash is left over when the next one is merely silent.
        for sampler in samplers():
            os.kill(sampler, signal.SIGSTOP)
        await until(backend, hung)

    using(local(PATIENT), what)


@pytest.mark.usefixtures("driver")
def test_a_console_that_was_stopped_does_not_blame_the_driver() -> None:
    async def what(backend: NvmlGpus) -> None:
        await works(backend)
        before = samplers()
        time.sleep(QUICK.report + QUICK.give_up + 1)  # noqa: ASYNC251  (nothing runs meanwhile)
        assert (await backend.sample()).state is State.OK
        assert samplers() == before

    using(local(QUICK), what)


SCRIPT = """
import asyncio
from backends.gpus.host import Patience
from backends.gpus.nvml import NvmlGpus, Options

async def main():
    backend = NvmlGpus(Options(interval=0.25), Patience(report=0.5))
    report = await backend.sample()
    print(report.to_json()["hosts"][0]["because"], flush=True)
    {then}

asyncio.run(main())
"""


def start(then: str) -> subprocess.Popen[str]:
    code = SCRIPT.replace("{then}", then)
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("then", ["await backend.close()", "pass"])
def test_a_program_ends_promptly_and_silently_while_the_driver_hangs(
    driver: Driver, then: str
) -> None:
    driver.hang("nvmlInit")
    with start(then) as program:
        assert program.stdout is not None
        assert "no answer from the driver" in program.stdout.readline()
        began = time.monotonic()
        _, errors = program.communicate(timeout=10)
        assert time.monotonic() - began < 1.5
    assert (program.returncode, errors) == (0, "")


def test_a_sampler_does_not_outlive_a_console_that_is_killed(driver: Driver) -> None:
    driver.hang("nvmlDeviceGetName", gpu=2)
    with start("await asyncio.Event().wait()") as program:
        assert program.stdout is not None
        program.stdout.readline()
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        sampler = next(
            int(pid)
            for pid in children
            if b"sampler.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        assert alive(sampler)
        program.kill()
    asyncio.run(dead(sampler))


def test_a_sampler_ends_with_its_parent_even_where_its_input_stays_open(driver: Driver) -> None:
    driver.hang("nvmlInit")
    script = 'exec 3<&0; "$0" "$1" <&3 & echo $!; wait'
    with subprocess.Popen(
        ["sh", "-c", script, sys.executable, str(SAMPLER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        assert shell.stdout is not None
        sampler = int(shell.stdout.readline())
        assert b"nvmlInit" in shell.stdout.readline()
        shell.kill()
        asyncio.run(dead(sampler))


@pytest.mark.usefixtures("driver")
def test_the_sampler_runs_from_standard_input_as_it_would_over_ssh() -> None:
    with subprocess.Popen(
        [sys.executable, "-", "--interval", "0.25"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as remote:
        assert remote.stdin is not None
        assert remote.stdout is not None
        remote.stdin.write(SAMPLER.read_bytes())
        remote.stdin.close()
        lines = [remote.stdout.readline() for _ in range(3)]
        assert all(line.startswith(b'{"sample":') for line in lines)
        # The connection breaks: nobody reads any more.
        remote.stdout.close()
        assert remote.wait(timeout=10) == 0


def test_the_sampler_ends_with_its_standard_input(driver: Driver) -> None:
    driver.hang("nvmlInit")
    with subprocess.Popen(
        [sys.executable, str(SAMPLER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as sampler:
        assert sampler.stdin is not None
        assert sampler.stdout is not None
        assert b'"call":"nvmlInit"' in sampler.stdout.readline()
        sampler.stdin.close()
        assert sampler.wait(timeout=10) == 0
