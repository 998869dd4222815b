"""Samples the NVIDIA GPUs of the host that it runs on, as JSON lines on standard output.

It stands alone: only the standard library and pynvml (nvidia-ml-py), so that it runs as a child
of the console, and at the far end of `ssh HOST python3 -`. One line is one of

    {"sample": {"taken", "took", "driver", "gpus": [...]}}   one a second, unless --interval says
    {"waiting": {"call", "gpu", "seconds"}}                  the heartbeat while the driver is slow
    {"error": {"code", "call"}}                              no sample can be had; then it ends

A call into the driver can hang for ever and cannot be interrupted: whoever started this ends it
and does not wait. It ends by itself when its standard input closes or its parent is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import threading
import time
from typing import Any

BEAT = 1.0
SLOW = 5.0
"""Seconds between two looks at what changes seldom or costs the driver much."""
AFRESH = 60.0
"""Seconds after which the driver is opened anew while a GPU is lost: it never comes back before."""

HOST_ERRORS = frozenset({1, 9, 12, 18})
"""Not initialized, driver not loaded, no library, library and kernel module differ."""
GPU_ERRORS = frozenset({15, 16, 28})
"""Lost, needs a reset, not found."""
ESSENTIAL = frozenset({"nvmlInit", "nvmlShutdown", "nvmlDeviceGetCount"})
HOST_PID_NAMESPACE = "pid:[4026531836]"
UNCORRECTED, VOLATILE = 1, 0
CORE_SENSOR = 0


class Wire:
    """Standard output, for JSON lines only: what a driver library prints itself goes nowhere."""

    def __init__(self) -> None:
        self._out = open(os.dup(1), "wb")  # noqa: PTH123, SIM115  (lives as long as the process)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock:
                self._out.write(line)
                self._out.flush()
        except OSError:
            os._exit(0)


class Progress:
    """The call into the driver that is under way, for the heartbeat."""

    def __init__(self) -> None:
        self.call, self.gpu, self.since = "", -1, 0.0

    def enter(self, call: str) -> None:
        self.call, self.since = call, time.monotonic()

    def leave(self) -> None:
        self.call = ""


def watch(wire: Wire, progress: Progress, parent: int, listen: bool) -> None:
    """Ends the process with its parent, and says where the other thread is stuck."""
    while True:
        if not listen:
            time.sleep(BEAT)
        elif select.select([0], [], [], BEAT)[0] and not os.read(0, 4096):
            os._exit(0)
        if os.getppid() != parent:
            os._exit(0)
        call, seconds = progress.call, time.monotonic() - progress.since
        if call and seconds >= BEAT:
            gpu = progress.gpu if progress.gpu >= 0 else None
            wire.send(waiting={"call": call, "gpu": gpu, "seconds": round(seconds, 1)})


class HostError(Exception):
    """The driver as a whole gives no sample."""

    def __init__(self, code: int, call: str) -> None:
        super().__init__(code, call)
        self.code, self.call = code, call


class Sampler:
    """Reads every GPU in turn; a GPU that is lost costs only its own row."""

    def __init__(self, nvml: Any, progress: Progress, proc: str) -> None:
        self._nvml = nvml
        self._progress = progress
        self._proc = proc
        self._named = _own_pids(proc)
        self._opened = 0.0
        self._driver: str | None = None
        self._handles: dict[int, Any] = {}
        self._fixed: dict[int, dict[str, Any]] = {}
        self._slow: dict[int, tuple[float, dict[str, Any]]] = {}

    def open(self) -> None:
        """Raises HostError."""
        self._progress.gpu = -1
        self._call("nvmlInit")
        self._driver = self._ask("nvmlSystemGetDriverVersion")
        self._opened = time.monotonic()

    def sample(self) -> dict[str, Any]:
        """Raises HostError where there is no driver to ask any more."""
        began = time.monotonic()
        self._progress.gpu = -1
        gpus = [self._gpu(index) for index in range(self._call("nvmlDeviceGetCount"))]
        self._progress.leave()
        now = time.monotonic()
        if any("error" in gpu for gpu in gpus) and now - self._opened >= AFRESH:
            self._call("nvmlShutdown")
            # The indices may name other GPUs afterwards.
            for known in (self._handles, self._fixed, self._slow):
                known.clear()
            self.open()
            self._progress.leave()
        return {
            "taken": round(time.time(), 3),
            "took": round(now - began, 4),
            "driver": self._driver,
            "gpus": gpus,
        }

    def _gpu(self, index: int) -> dict[str, Any]:
        self._progress.gpu = index
        try:
            if index not in self._handles:
                self._handles[index] = self._call("nvmlDeviceGetHandleByIndex", index)
            handle = self._handles[index]
            if index not in self._fixed:
                self._fixed[index] = {
                    "uuid": self._ask("nvmlDeviceGetUUID", handle),
                    "name": self._ask("nvmlDeviceGetName", handle),
                }
            return {"index": index, **self._fixed[index], **self._values(index, handle)}
        except self._nvml.NVMLError as error:
            self._handles.pop(index, None)
            return {"index": index, **self._fixed.get(index, {}), "error": error.value}

    def _values(self, index: int, handle: Any) -> dict[str, Any]:
        nvml = self._nvml
        rates = self._ask("nvmlDeviceGetUtilizationRates", handle)
        # The second version counts as used only what processes use, as nvidia-smi does.
        memory = self._first(
            ("nvmlDeviceGetMemoryInfo", handle, getattr(nvml, "nvmlMemory_v2", 0x02000028)),
            ("nvmlDeviceGetMemoryInfo", handle),
        )
        milliwatts = self._ask("nvmlDeviceGetPowerUsage", handle)
        at, slow = self._slow.get(index, (-SLOW, {}))
        if time.monotonic() - at >= SLOW:
            slow = self._seldom(handle)
            self._slow[index] = (time.monotonic(), slow)
        return {
            "utilization": None if rates is None else rates.gpu / 100,
            "memory_used": None if memory is None else memory.used,
            "memory_total": None if memory is None else memory.total,
            "power": None if milliwatts is None else milliwatts / 1000,
            "temperature": self._first(
                ("nvmlDeviceGetTemperatureV", handle, CORE_SENSOR),
                ("nvmlDeviceGetTemperature", handle, CORE_SENSOR),
            ),
            "throttle": self._first(
                ("nvmlDeviceGetCurrentClocksEventReasons", handle),
                ("nvmlDeviceGetCurrentClocksThrottleReasons", handle),
            ),
            **slow,
        }

    def _seldom(self, handle: Any) -> dict[str, Any]:
        limit = self._ask("nvmlDeviceGetEnforcedPowerLimit", handle)
        mig = self._ask("nvmlDeviceGetMigMode", handle)
        return {
            "power_limit": None if limit is None else limit / 1000,
            "ecc_uncorrected": self._ask(
                "nvmlDeviceGetTotalEccErrors", handle, UNCORRECTED, VOLATILE
            ),
            "mig": bool(mig and mig[0]),
            "processes": self._processes(handle),
        }

    def _processes(self, handle: Any) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for kind in ("Compute", "Graphics"):
            call = f"nvmlDeviceGet{kind}RunningProcesses"
            for process in self._first((f"{call}_v3", handle), (f"{call}_v2", handle)) or ():
                known = found.get(process.pid)
                if known is None:
                    name = self._process_name(process.pid)
                    known = {"pid": process.pid, "name": name, "memory": process.usedGpuMemory}
                    found[process.pid] = known
                elif process.usedGpuMemory is not None:
                    known["memory"] = max(known["memory"] or 0, process.usedGpuMemory)
        return list(found.values())

    def _process_name(self, pid: int) -> str | None:
        """Its short name; the command line is left alone, since it may hold secrets."""
        if not self._named:
            return None
        try:
            with open(f"{self._proc}/{pid}/comm", errors="replace") as file:  # noqa: PTH123
                return file.read(64).strip() or None
        except OSError:
            return None

    def _first(self, *calls: tuple[Any, ...]) -> Any:
        """The first of several calls that this driver has; newer ones stand before older ones."""
        for name, *arguments in calls:
            try:
                return self._call(name, *arguments)
            except self._nvml.NVMLError as error:
                if error.value in GPU_ERRORS:
                    raise
            except (AttributeError, TypeError, ValueError):
                # A pynvml of another age, or a name that is no text.
                continue
        return None

    def _ask(self, name: str, *arguments: Any) -> Any:
        """The answer, or None where this GPU, driver or account has none."""
        return self._first((name, *arguments))

    def _call(self, name: str, *arguments: Any) -> Any:
        function = getattr(self._nvml, name)
        self._progress.enter(name)
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in HOST_ERRORS or name in ESSENTIAL:
                raise HostError(error.value, name) from error
            raise


def _own_pids(proc: str) -> bool:
    """Whether the driver's process ids mean here what they mean on the host.

    In a container they belong to the host, so a name found under one would be a stranger's;
    where the host's /proc is mounted, --proc names it and the names are right again.
    """
    if proc != "/proc":
        return True
    try:
        return os.readlink("/proc/self/ns/pid") == HOST_PID_NAMESPACE  # noqa: PTH115
    except OSError:
        return False


def main() -> int:
    parent = os.getppid()
    parser = argparse.ArgumentParser(description="Samples this host's NVIDIA GPUs as JSON lines.")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between samples")
    parser.add_argument("--proc", default="/proc", help="where the host's /proc is mounted")
    options = parser.parse_args()
    wire, progress = Wire(), Progress()
    # Read as a script from standard input, that is at its end already.
    listen = sys.argv[0] != "-"
    threading.Thread(target=watch, args=(wire, progress, parent, listen), daemon=True).start()
    try:
        import pynvml
    except ImportError:
        wire.send(error={"code": None, "call": "import pynvml"})
        return 1
    sampler = Sampler(pynvml, progress, options.proc)
    due = time.monotonic()
    try:
        sampler.open()
        while True:
            wire.send(sample=sampler.sample())
            due = max(due + options.interval, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
    except HostError as error:
        wire.send(error={"code": error.code, "call": error.call})
        return 1


if __name__ == "__main__":
    # Not sys.exit: what a driver library does at the end of a process can hang like any call.
    os._exit(main())
