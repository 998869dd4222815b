"""A local clone, asked through a real git."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from backends.source.git import has_commit
from core.errors import BadAnswer, Timeout, Unreachable

pytestmark = pytest.mark.live
GIT = shutil.which("git")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if GIT is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "a clone"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for text in ("one", "two"):
        git(folder, "commit", "--quiet", "--allow-empty", "--message", text)
    return folder


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    argv = ["git", *named, *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def ask(clone: Path | str, commit: str, timeout: float = 20.0) -> bool:
    return asyncio.run(has_commit(str(clone), commit, timeout=timeout))


def test_a_commit_is_in_the_clone_whole_or_abbreviated_or_it_is_not(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD").strip()
    assert ask(clone, head)
    assert ask(clone, head[:10])
    assert ask(clone, head.upper())
    assert not ask(clone, "0" * 40)
    assert not ask(clone, "0" * 7)


def test_a_tree_is_no_commit(clone: Path) -> None:
    assert not ask(clone, git(clone, "rev-parse", "HEAD^{tree}").strip())


def test_a_folder_that_is_no_clone_or_is_not_there_cannot_be_asked(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(Unreachable) as raised:
            ask(folder, "0" * 40)
        assert str(folder) in raised.value.message


def test_without_git_nobody_can_be_asked(
    clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="git cannot be run"):
        ask(clone, "0" * 40)


def test_a_git_that_hangs_is_ended(
    clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent))
    started = time.monotonic()
    with pytest.raises(Timeout, match=r"0\.3 s"):
        ask(clone, "0" * 40, timeout=0.3)
    assert time.monotonic() - started < 10


def test_a_shallow_clone_does_not_know_what_it_lacks(clone: Path, tmp_path: Path) -> None:
    old = git(clone, "rev-parse", "HEAD~1").strip()
    head = git(clone, "rev-parse", "HEAD").strip()
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", clone.as_uri(), str(shallow))
    assert ask(shallow, head)
    with pytest.raises(BadAnswer, match="shallow"):
        ask(shallow, old)


def test_settings_of_the_environment_do_not_lead_elsewhere(
    clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = git(clone, "rev-parse", "HEAD").strip()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert ask(clone, head)
