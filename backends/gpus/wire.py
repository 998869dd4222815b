"""From a sampler's line to GPUs: what is no plausible value becomes None, and text is cleaned."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from backends.gpus.words import gpu_words, lost, throttle_words
from core.gpus import Gpu, GpuProcess, judged, unseen
from core.text import clean

_MOST_BYTES = 1 << 50
_MOST_WATTS = 20_000
_COLDEST, _HOTTEST = -50, 200
_MOST_GPUS = 1024
_LONGEST_NAME = 96


def parse_line(line: bytes) -> Mapping[str, Any] | None:
    """The message of one line; None where the line is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if message and isinstance(message, dict) else None


def read_gpus(host: str, sample: Mapping[str, Any]) -> tuple[Gpu, ...]:
    """The GPUs of a sample with their states. Raises ValueError where it is not a sample."""
    rows = sample.get("gpus")
    if not isinstance(rows, list) or len(rows) > _MOST_GPUS:
        raise ValueError("a sample without a list of GPUs")
    return tuple(_gpu(host, row) for row in rows)


def common_error(sample: Mapping[str, Any]) -> int | None:
    """The error that all GPUs of the host answer with, unless they are lost one by one."""
    codes = {row.get("error") for row in sample["gpus"]}
    code = codes.pop() if len(codes) == 1 else None
    return code if isinstance(code, int) and not lost(code) else None


def _gpu(host: str, row: Any) -> Gpu:
    index = row.get("index") if isinstance(row, dict) else None
    if not isinstance(index, int):
        raise ValueError("a GPU without an index")
    gpu = Gpu(host, index, uuid=_text(row.get("uuid")), name=_text(row.get("name")))
    if "error" in row:
        code = row["error"] if isinstance(row["error"], int) else -1
        return unseen(gpu, gpu_words(code).state, gpu_words(code).because)
    total = _whole(row.get("memory_total"), _MOST_BYTES)
    used = _whole(row.get("memory_used"), total or _MOST_BYTES)
    mask = _whole(row.get("throttle"), 1 << 63)
    processes = row.get("processes")
    return judged(
        Gpu(
            host,
            index,
            uuid=gpu.uuid,
            name=gpu.name,
            utilization=_number(row.get("utilization"), 0, 1),
            memory_used=used,
            memory_total=total,
            power=_number(row.get("power"), 0, _MOST_WATTS),
            power_limit=_number(row.get("power_limit"), 0, _MOST_WATTS),
            temperature=_number(row.get("temperature"), _COLDEST, _HOTTEST),
            throttle=throttle_words(mask or 0),
            ecc_uncorrected=_whole(row.get("ecc_uncorrected"), 1 << 62),
            processes=tuple(map(_process, processes if isinstance(processes, list) else ())),
            mig=row.get("mig") is True,
        )
    )


def _process(row: Any) -> GpuProcess:
    pid = _whole(row.get("pid"), 1 << 32) if isinstance(row, dict) else None
    if pid is None:
        raise ValueError("a process without an id")
    return GpuProcess(pid, _whole(row.get("memory"), _MOST_BYTES), _text(row.get("name")) or None)


def _number(value: Any, low: float, high: float) -> float | None:
    """The value where it can be one: the driver's "not available" is a number far outside."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if low <= value <= high else None


def _whole(value: Any, high: int) -> int | None:
    return value if type(value) is int and 0 <= value <= high else None


def _text(value: Any) -> str:
    return clean(value)[:_LONGEST_NAME] if isinstance(value, str) else ""
