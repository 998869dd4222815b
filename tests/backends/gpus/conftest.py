from __future__ import annotations

from pathlib import Path

import pytest

from tests.nvml_stub.state import Driver, compiled


@pytest.fixture(scope="session")
def nvml_library() -> Path:
    return compiled()


@pytest.fixture(scope="session")
def old_nvml_library() -> Path:
    return compiled(old=True)


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A driver of eight GPUs that the children of this test find."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_library))
    monkeypatch.setenv("NVML_STUB_STATE", str(tmp_path / "nvml.state"))
    return Driver(tmp_path / "nvml.state")
