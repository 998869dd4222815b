"""modeldeck as a script calls it: a command line in, exit code and streams out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from commands.cli import main
from demo.registry import API
from tests.demo.running import RunningFleet, until


@dataclass(frozen=True)
class Ran:
    """How one command line ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output; there must be nothing else."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out + self.err
        return dict(json.loads(lines[0]))

    @property
    def data(self) -> Any:
        return self.document["data"]

    @property
    def error(self) -> Mapping[str, Any]:
        return dict(self.document["error"])


def modeldeck(*words: str, config: Path | None = None) -> Ran:
    """Run one command in this process. Standard input is no terminal."""
    argv = [*words, *(["--config", str(config)] if config else [])]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(argv)
    return Ran(code, out.getvalue(), err.getvalue())


class DeckFleet(RunningFleet):
    """`modeldeck demo --headless`, as the README has it, and command lines against its config."""

    @property
    def config(self) -> Path:
        return self.layout.config

    def run(self, *words: str) -> Ran:
        return modeldeck(*words, config=self.config)

    def json(self, *words: str) -> Ran:
        return self.run(*words, "-o", "json")

    def spawn(self, *words: str) -> subprocess.Popen[str]:
        """The same as a process of its own, for signals and kills."""
        argv = [sys.executable, "-m", "tui.launch", *words, "--config", str(self.config)]
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def config_with(self, folder: Path, *, old: str, new: str) -> Path:
        """A copy of the config with one thing changed."""
        text = self.config.read_text()
        assert old in text
        copy = folder / "modeldeck.toml"
        copy.write_text(text.replace(old, new, 1))
        return copy

    def traffic(self, service: str) -> dict[str, float]:
        (status,) = self.json("status", service).data["services"]
        return dict(status["traffic"])

    def alias(self, model: str, alias: str = "champion") -> str:
        path = "registered-models/alias"
        found = self.registry(path, name=model, alias=alias)["model_version"]["version"]
        return str(found)

    def tags(self, model: str, version: str) -> dict[str, str]:
        found = self.registry("model-versions/get", name=model, version=version)["model_version"]
        return {tag["key"]: tag["value"] for tag in found.get("tags", [])}

    def answered_by(self, service: str, requests: int) -> dict[str, int]:
        """The versions that really answer, as the servers themselves say in a header."""
        seen: dict[str, int] = {}
        for _ in range(requests):
            version = self.infer(service).headers["x-model-version"]
            seen[version] = seen.get(version, 0) + 1
        return seen

    def restore(self) -> None:
        """Every service as it was at the start, by the console's own ways back."""
        if self.json("status").code == 6:
            self.run("recover", "--yes")
        self.stage("none")
        until(lambda: self.run("versions", "tumor").code == 0, "the registry answers", 120)
        for service in ("tumor", "digits"):
            self.reset_model(service)
            self.load_version(f"{service}-green", 3)
            (status,) = self.json("status", service).data["services"]
            if status["traffic"] != {"2": 1.0} or status["shadow"]:
                # Nobody may have watched r1 for long enough.
                loud = ("--override", "the test is over")
                ended = self.json("rollback", service, "--to", "r1", "--yes", *loud)
                assert ended.code == 0, ended.out + ended.err
                self.reset_model(service)
        self.move("helpdesk-system", "production", "2")
        # One that nobody used would let the next test's promotion through.
        with mock.patch.dict(os.environ, MODELDECK_ACTOR="the next test"):
            for one in self.json("approvals").data["approvals"]:
                self.json("reject", one["approval"], "--reason", "the test is over")

    def reset_model(self, model: str) -> None:
        """Alias, stages and blocks as the demo made them."""
        stages = {"1": "Archived", "2": "Production", "3": "Staging", "4": "Staging"}
        for version, stage in stages.items():
            tags = self.tags(model, version)
            body = {"name": model, "version": version}
            if tags.get("stage") != stage:
                self._post("set-tag", {**body, "key": "stage", "value": stage})
            if "modeldeck.blocked" in tags:
                path = f"{self.address('mlflow')}{API}/model-versions/delete-tag"
                self.client.request("DELETE", path, json={**body, "key": "modeldeck.blocked"})
        if self.alias(model) != "2":
            self.move(model, "champion", "2")

    def _post(self, what: str, body: dict[str, str]) -> None:
        path = f"{self.address('mlflow')}{API}/model-versions/{what}"
        assert self.client.post(path, json=body).status_code == 200
