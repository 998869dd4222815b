"""The program as its own process, on a config whose backends are all closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.startup.program import Program, closed_ports


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """With route files in JSON; nothing answers at any address that the config names."""
    with closed_ports(3) as ports:
        yield Program(tmp_path, ports)
