"""The router contract on a real Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.contract.router import RouterContract, RouterHarness
from backends.contract.settable import SettableContract, SettableHarness
from tests.backends.traffic.envoy_harness import harnessed

pytestmark = pytest.mark.live


class TestEnvoy(RouterContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[RouterHarness]:
        with harnessed(tmp_path) as harness:
            yield harness


class TestEnvoySplit(SettableContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[SettableHarness]:
        with harnessed(tmp_path) as harness:
            yield harness
