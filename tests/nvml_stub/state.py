"""The state of the NVML stand-in as a test writes it, and how the stand-in is compiled."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml_stub.c")
LOST, NEEDS_RESET = 15, 16
NOT_LOADED, MISMATCH = 9, 18
GIB = 1024**3
FOREVER = 0x7FFFFFFF


class Process(ctypes.Structure):
    _fields_ = [
        ("pid", ctypes.c_uint32),
        ("not_used", ctypes.c_uint32),
        ("memory", ctypes.c_uint64),
    ]


class Gpu(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 96),
        ("uuid", ctypes.c_char * 96),
        ("error", ctypes.c_int32),
        ("utilization", ctypes.c_uint32),
        ("memory_utilization", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("milliwatts", ctypes.c_uint32),
        ("limit_milliwatts", ctypes.c_uint32),
        ("temperature", ctypes.c_int32),
        ("mig", ctypes.c_uint32),
        ("throttle", ctypes.c_uint64),
        ("ecc_uncorrected", ctypes.c_uint64),
        ("mig_supported", ctypes.c_int32),
        ("ecc_supported", ctypes.c_int32),
        ("processes", ctypes.c_uint32),
        ("not_used", ctypes.c_uint32),
        ("process", Process * 8),
    ]


class State(ctypes.Structure):
    _fields_ = [
        ("count", ctypes.c_uint32),
        ("init_error", ctypes.c_int32),
        ("driver", ctypes.c_char * 80),
        ("slow_call", ctypes.c_char * 80),
        ("slow_gpu", ctypes.c_int32),
        ("slow_milliseconds", ctypes.c_uint32),
        ("calls", ctypes.c_uint32),
        ("inits", ctypes.c_uint32),
        ("chatty", ctypes.c_int32),
        ("crash", ctypes.c_int32),
        ("gpu", Gpu * 16),
    ]


class Driver:
    """A running "driver" of eight GPUs; what is written to `state` is what it answers next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(ctypes.sizeof(State)))
        with path.open("r+b") as file:
            self.state = State.from_buffer(mmap.mmap(file.fileno(), 0))
        self.state.count = 8
        self.state.driver = b"580.65.06"
        self.state.slow_gpu = -1
        for index in range(16):
            gpu = self.state.gpu[index]
            gpu.name = b"NVIDIA H100 80GB HBM3"
            gpu.uuid = b"GPU-00000000-0000-0000-0000-%012d" % index
            gpu.utilization = 10 * index
            gpu.memory_utilization = 3
            gpu.total, gpu.reserved, gpu.used = 80 * GIB, GIB, index * GIB
            gpu.milliwatts, gpu.limit_milliwatts = 100_500 + 1000 * index, 700_000
            gpu.temperature = 40 + index
            gpu.ecc_supported = gpu.mig_supported = 1

    def hang(self, call: str, gpu: int = -1, milliseconds: int = FOREVER) -> None:
        self.state.slow_gpu = gpu
        self.state.slow_milliseconds = milliseconds
        self.state.slow_call = call.encode()

    def go_on(self) -> None:
        self.state.slow_call = b""
        self.state.slow_milliseconds = 0

    def run(self, index: int, *processes: tuple[int, int]) -> None:
        """Let (pid, bytes) run on a GPU."""
        gpu = self.state.gpu[index]
        for place, (pid, memory) in enumerate(processes):
            gpu.process[place].pid, gpu.process[place].memory = pid, memory
        gpu.processes = len(processes)


def compiled(*, old: bool = False) -> Path:
    """The folder that holds the stand-in as libnvidia-ml.so.1, compiled once per machine."""
    flags = ["-DOLD_DRIVER"] if old else []
    digest = hashlib.sha256(SOURCE.read_bytes() + repr(flags).encode()).hexdigest()[:16]
    cache = Path(tempfile.gettempdir()) / f"modeldeck-nvml-stub-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise PermissionError(f"{cache} belongs to somebody else")
    folder = cache / digest
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as work:
            built = Path(work) / "built"
            built.mkdir()
            zig = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": work}
            target = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
            output = ["-o", str(built / "libnvidia-ml.so.1")]
            subprocess.run(
                [sys.executable, "-m", "ziglang", "cc", *target, *flags, str(SOURCE), *output],
                check=True,
                env={**os.environ, **zig},
            )
            try:
                built.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
    return folder
