"""The training source as a repository of its own, so that a run's commit is a real one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOURCES = ("data.py", "recipes.py", "train.py")
_NAME, _MAIL = "modeldeck demo", "demo@localhost"


class Source:
    """The repository in a folder; without git there is the copy and no commit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git = shutil.which("git")

    @property
    def url(self) -> str:
        return self._folder.as_uri()

    def begin(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in SOURCES:
            shutil.copyfile(Path(__file__).with_name(name), self._folder / name)
        if self._git and not self._call("init", "--quiet", "--initial-branch", "main"):
            self._git = None

    def commit(self, model: str, params: Mapping[str, Any], message: str) -> str | None:
        """Record the parameters that a version is trained with; the commit, or None."""
        path = self._folder / "params" / f"{model}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(params), indent=1, sort_keys=True) + "\n")
        if not self._git:
            return None
        made = self._call("add", "--all") and self._call(
            "commit", "--quiet", "--allow-empty", "--message", message
        )
        found = self._call("rev-parse", "HEAD") if made else None
        return found.stdout.strip() if found else None

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str] | None:
        """git, deaf to the settings of this account: no hooks, no signing; None if it failed."""
        assert self._git
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        named = ["-c", f"user.name={_NAME}", "-c", f"user.email={_MAIL}"]
        answer = subprocess.run(
            [self._git, *named, *arguments],
            cwd=self._folder,
            env=kept | quiet,
            check=False,
            capture_output=True,
            text=True,
        )
        return answer if answer.returncode == 0 else None
