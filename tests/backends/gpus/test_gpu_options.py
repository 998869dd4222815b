"""What the table [gpus] takes, read as the config reads it."""

from __future__ import annotations

from typing import Any

import pytest

from backends.catalog import kinds_of, options_of
from core.config import read_config


def problems(table: dict[str, Any]) -> list[str]:
    return [
        f"{'.'.join(problem.path)} {problem.message}"
        for problem in read_config({"gpus": table}, options_of, kinds_of)[1]
    ]


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "nvml"},
        {"kind": "nvml", "hosts": ["local"], "interval": "2s", "expected": 8},
        {"kind": "simulated"},
        {"kind": "simulated", "faults": "/tmp/faults.json", "services": ["chat"]},
    ],
)
def test_what_is_right_is_read(table: dict[str, Any]) -> None:
    assert problems(table) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"hosts": ["local", "ssh://gpu-1"]}, "'ssh://gpu-1' cannot be read yet"),
        ({"hosts": []}, "name one host"),
        ({"hosts": ["local", "local"]}, "name one host"),
        ({"hosts": "local"}, "should be a list"),
        ({"interval": "10ms"}, 'between "250ms" and "60s"'),
        ({"interval": 1}, "duration"),
        ({"expected": -1}, "must not be negative"),
        ({"expect": 8}, "expected"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, Any], said: str) -> None:
    (problem,) = problems({"kind": "nvml", **table})
    assert said in problem
