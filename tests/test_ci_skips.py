"""In CI a skipped test of a real server fails; elsewhere it is skipped with its reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BODY = """
import pytest

@pytest.mark.live
def test_of_a_server():
    pytest.skip("no such server here")

@pytest.fixture
def server():
    pytest.importorskip("no_such_module", reason="it is not installed")

@pytest.mark.live
def test_with_a_fixture(server):
    pass

def test_of_something_else():
    pytest.skip("not today")
"""


@pytest.mark.parametrize(
    ("ci", "counted", "said"),
    [
        ("", "3 skipped", "it is not installed"),
        # A fixture that does not come about is an error; both make the run fail.
        ("true", "1 failed, 1 skipped, 1 error", "must run in CI: Skipped: no such server here"),
    ],
)
def test_a_skip_of_a_real_server_fails_in_ci_only(
    tmp_path: Path, ci: str, counted: str, said: str
) -> None:
    rule = Path(__file__).with_name("conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(rule)
    (tmp_path / "test_it.py").write_text(BODY)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    live: x\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "CI": ci}
    run = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert counted in run.stdout, run.stdout
    assert said in run.stdout
    assert run.returncode == (1 if ci else 0)


def test_the_ci_run_is_one(tmp_path: Path) -> None:
    run = Path(__file__).parents[1] / ".ci" / "run"
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text(run.read_text())
    (tmp_path / "dev").write_text('#!/bin/sh\necho "$CI: $*"\n')
    (tmp_path / "dev").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = ["bash", str(tmp_path / ".ci" / "run")]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = said.stdout.splitlines()
    assert lines
    assert all(line.startswith("true: ") for line in lines), lines
