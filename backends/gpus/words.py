"""What the driver's numbers mean, in the words of whoever has to act on them."""

from __future__ import annotations

from typing import NamedTuple

from core.gpus import Throttle
from core.status import State
from core.units import show_duration

_REASONS = {
    0x002: Throttle.CLOCK_SETTING,
    0x004: Throttle.POWER_LIMIT,
    0x008: Throttle.HARDWARE,
    0x010: Throttle.SYNC,
    0x020: Throttle.HOT_SOFTWARE,
    0x040: Throttle.HOT_HARDWARE,
    0x080: Throttle.POWER_BRAKE,
    0x100: Throttle.DISPLAY,
}
_IDLE = 0x001


def throttle_words(mask: int) -> tuple[str, ...]:
    """The reasons of a clocks-event mask; idling is none, an unknown bit is named by its value."""
    words: list[str] = []
    rest = mask & ~_IDLE
    while rest:
        bit = rest & -rest
        words.append(_REASONS.get(bit, f"throttled for reason 0x{bit:x}"))
        rest &= ~bit
    # The driver reports a thermal or power slowdown of the hardware under both bits.
    if Throttle.HARDWARE in words and {Throttle.HOT_HARDWARE, Throttle.POWER_BRAKE} & {*words}:
        words.remove(Throttle.HARDWARE)
    return tuple(words)


class Words(NamedTuple):
    state: State
    because: str
    hint: str


_TROUBLESHOOT = "dmesg on the host says what the driver met"
_HOST = {
    4: Words(
        State.UNKNOWN,
        "this account may not talk to the NVIDIA driver",
        "check the permissions of /dev/nvidia* and /dev/nvidiactl",
    ),
    9: Words(
        State.CRITICAL,
        "the NVIDIA driver is installed but its kernel module is not loaded",
        "modprobe nvidia, then dmesg if that fails",
    ),
    12: Words(
        State.NOT_CONFIGURED,
        "no NVIDIA driver here: libnvidia-ml.so.1 was not found",
        "install the driver; a container needs to be started with its GPUs (--gpus all)",
    ),
    13: Words(
        State.UNKNOWN,
        "the NVIDIA driver is too old: it lacks a call that every sample needs",
        "driver 450 or newer is needed",
    ),
    18: Words(
        State.CRITICAL,
        "version mismatch: the driver was upgraded under a loaded kernel module",
        "reboot the host, or stop what uses the GPUs and reload the nvidia modules",
    ),
    999: Words(
        State.CRITICAL,
        "the NVIDIA driver answers every call with an unknown error",
        "in a container: a daemon-reload on the host took the GPUs away, restart it; "
        f"else {_TROUBLESHOOT}",
    ),
}
NO_PYNVML = Words(
    State.UNKNOWN,
    "the Python package nvidia-ml-py is missing",
    "pip install nvidia-ml-py",
)
_GPU = {
    15: Words(State.CRITICAL, "lost: it fell off the bus", ""),
    16: Words(State.CRITICAL, "stopped: it needs a reset", ""),
    28: Words(State.CRITICAL, "gone: the driver does not find it any more", ""),
}


def host_words(code: int, call: str) -> Words:
    """Why a host gives no sample. `call` is the one that failed with `code`."""
    plain = f"the NVIDIA driver failed with error {code} in {call}"
    return _HOST.get(code) or Words(State.CRITICAL, plain, _TROUBLESHOOT)


def hang_words(seconds: float, call: str, gpu: int | None, *, held: int) -> Words:
    """Why a driver that is there says nothing; `held` is how many samplers do not die."""
    if held:
        said = f"no answer from the driver: it holds {held} samplers that cannot be ended"
        return Words(State.CRITICAL, said, "usually only a reboot of the host helps")
    said = f"no answer from the driver for {show_duration(max(1, seconds))}"
    if call:
        said += f" ({call}{'' if gpu is None else f', GPU {gpu}'})"
    return Words(State.CRITICAL, said, _TROUBLESHOOT)


def crash_words(status: int | None) -> Words:
    """Why a sampler that ended by itself gives nothing. `status` as waitstatus_to_exitcode."""
    how = ""
    if status is not None:
        how = f" with signal {-status}" if status < 0 else f" with exit code {status}"
    return Words(State.UNKNOWN, f"the process that samples the GPUs ended{how}", _TROUBLESHOOT)


def gpu_words(code: int) -> Words:
    """Why one GPU gives no values while the driver answers for the others."""
    plain = f"gives no values: error {code} from the driver"
    return _GPU.get(code) or Words(State.UNKNOWN, plain, "")


def lost(code: int) -> bool:
    """Whether the error is one that a GPU has by itself."""
    return code in _GPU


GONE = _GPU[28].because
