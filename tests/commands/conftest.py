from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.commands.harness.processes import Zygote


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: killed processes lose no power, and disks are slow."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    harness = ("tests.commands.harness.console", "tests.commands.harness.soak")
    # Half a second that each console would spend anew.
    shared = ("backends.journal.postgres_session",) if find_spec("psycopg") else ()
    with Zygote(*harness, *shared) as started:
        yield started
