"""Several machines, each with a journal of its own, on one real MLflow: the ledger holds them apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands.driving import Ran, modeldeck
from tests.live.seeds import Seeds
from tests.live.stores import on_both_stores

pytestmark = pytest.mark.live


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # Waiting for the lease and the claim of somebody dead takes as long on any database.
    on_both_stores(metafunc, slow="when" in metafunc.fixturenames)


_PROMOTER = """
import sys
from commands.cli import main
config, version = sys.argv[1:]
codes = []
for _ in range(60):
    words = ["promote", "fraud", version, "--to", "Production", "--yes", "--quiet"]
    codes.append(main([*words, "--config", config]))
    if codes[-1] in (0, 3):
        break
print(*codes)
"""
_DOOMED = """
import os, signal, sys
from backends.registry.mlflow import MlflowRegistry
from commands.cli import main
set_alias = MlflowRegistry._set_alias

async def doomed(self, *words):
    if sys.argv[3] == "after":
        await set_alias(self, *words)
    os.kill(os.getpid(), signal.SIGKILL)

MlflowRegistry._set_alias = doomed
main(["promote", "fraud", sys.argv[2], "--to", "Production", "--yes", "--config", sys.argv[1]])
"""


class Machines:
    """One model with versions that may be promoted, and consoles that share nothing but MLflow."""

    def __init__(self, folder: Path, url: str, seeds: Seeds, versions: int) -> None:
        self._folder, self._url, self._seeds = folder, url, seeds
        self.model = seeds.model(f"fraud {os.urandom(4).hex()}")
        for _ in range(versions):
            number = seeds.version(self.model, run_id=seeds.run({"auc": 0.95})["run_id"])
            seeds.tag(self.model, number, "stage", "Staging")
        seeds.alias(self.model, "champion", "1")

    def config(self, name: str, timeout: str = "20s") -> Path:
        path = self._folder / f"{name}.toml"
        path.write_text(
            f"[registry]\nkind = 'mlflow'\nurl = '{self._url}'\ntimeout = '{timeout}'\n"
            f"[journal]\npath = '{self._folder / name}.db'\n"
            f"[services.fraud]\nmodel = '{self.model}'\n"
            "gate.headline = { metric = 'auc', min = 0.9 }\n"
        )
        return path

    def promoter(self, name: str, version: str) -> subprocess.Popen[str]:
        return self._spawn(_PROMOTER, name, version)

    def die(self, name: str, version: str, when: str) -> None:
        """A promotion of that machine, killed before or after it set the alias."""
        process = self._spawn(_DOOMED, name, version, when)
        said = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, said

    def _spawn(self, program: str, name: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                program,
                str(self.config(name, "3s" if len(words) > 1 else "20s")),
                *words,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MODELDECK_ACTOR": name},
        )

    def run(self, name: str, *words: str, timeout: str = "20s") -> Ran:
        return modeldeck(*words, config=self.config(name, timeout))

    def recover(self, name: str) -> Ran:
        """As soon as the lease of the dead program is over.

        Requests of the dead are waited for, for as long as one of this program's may take.
        """
        deadline = time.monotonic() + 60
        while (
            "being applied"
            in (ran := self.run(name, "recover", "--yes", "-o", "json", timeout="8s")).out
        ):
            assert time.monotonic() < deadline, ran.out
            time.sleep(1)
        return ran

    def alias(self) -> str:
        answer = self._seeds.get("registered-models/alias", name=self.model, alias="champion")
        return str(answer["model_version"]["version"])

    def chain(self) -> list[dict[str, Any]]:
        """The ledger as it stands in MLflow, by its raw params."""
        experiment = self._seeds.get("experiments/get-by-name", experiment_name="modeldeck-ledger")
        ids = [experiment["experiment"]["experiment_id"]]
        body = {"experiment_ids": ids, "filter": f"tags.`modeldeck.model` = '{self.model}'"}
        runs = self._seeds.post("runs/search", body)["runs"]
        found = [
            {one["key"]: one["value"] for one in run["data"].get("params", [])} for run in runs
        ]
        (params,) = [one for one in found if one]
        count = sum(not key.endswith(".end") for key in params)
        return [
            json.loads(params[f"{n:06d}"])
            | {"result": json.loads(params.get(f"{n:06d}.end", "{}")).get("result", "open")}
            for n in range(1, count + 1)
        ]

    def stages(self) -> dict[str, str]:
        """The tag of each version, as it stands in MLflow."""
        found = self._seeds.get("model-versions/search", filter=f"name = '{self.model}'")
        return {
            one["version"]: next(tag["value"] for tag in one["tags"] if tag["key"] == "stage")
            for one in found["model_versions"]
        }

    def moves(self) -> list[tuple[str, str, str]]:
        return [(one["from"], one["to"], one["result"]) for one in self.chain()]


@pytest.fixture
def machines(tmp_path: Path, mlflow_url: str, seeds: Seeds) -> Machines:
    return Machines(tmp_path, mlflow_url, seeds, 9)


def test_eight_promoters_at_once_make_one_chain_and_lose_nothing(machines: Machines) -> None:
    wanted = [str(number) for number in range(2, 10)]
    promoters = [machines.promoter(f"machine-{v}", v) for v in wanted]
    ends = [promoter.communicate(timeout=300) for promoter in promoters]
    chain = machines.chain()
    for promoter, (out, err) in zip(promoters, ends, strict=True):
        *lost, ended = out.splitlines()[-1].split()
        assert promoter.returncode == 0, err
        assert (ended, set(lost)) in (("0", set()), ("0", {"4"})), err
        # Every time that it lost it said what it found instead, and that nothing of it is left.
        assert err.count("conflict: nothing of this change is left behind") == len(lost), err
        assert err.count(f"alias:{machines.model}@champion is ") >= len(lost), err
    moved = [one for one in chain if one["result"] == "set"]
    before = "1"
    for one in moved:
        assert one["from"] == before, moved
        before = one["to"]
    assert machines.alias() == before
    forward = [one for one in moved if not one["undo"]]
    assert sorted({one["to"] for one in forward}) == wanted
    assert all(one["by"] == f"machine-{one['to']}" for one in forward)
    left = dict.fromkeys(("1", *wanted), "Archived")
    assert machines.stages() == left | {before: "Production"}
    for version in wanted:
        status = machines.run(f"machine-{version}", "status", "-o", "json")
        assert status.data["services"][0]["open_change"] is None
    ran = machines.run("machine-2", "versions", "fraud", "-o", "json")
    (champion,) = ran.data["moved"]
    assert (champion["version"], champion["to"], champion["outside"]) == (before, before, False)


def test_another_machine_sees_who_moved_what(machines: Machines, seeds: Seeds) -> None:
    assert machines.promoter("ana", "2").communicate(timeout=120)[0].endswith("\n0\n")
    for name in ("bo", "ana"):
        events = machines.run(name, "changes", "fraud", "-o", "json").data["changes"]
        (moved,) = [
            one for one in events if "Production" in one["what"] or "champion" in one["what"]
        ]
        if name == "bo":
            assert (moved["origin"], moved["by"].split("@")[0]) == ("ledger", "ana")
            assert moved["what"] == f"alias:{machines.model}@champion 1 → 2"
            assert (moved["kind"], moved["state"], moved["entry"]) == ("promote", "done", 1)
        else:
            assert (moved["origin"], moved["change"]) == ("modeldeck", 1)
    seeds.alias(machines.model, "champion", "3")
    ran = machines.run("bo", "versions", "fraud")
    assert "moved past the ledger: ana@" in ran.out.replace("\n", " ")
    events = machines.run("bo", "changes", "fraud", "-o", "json").data["changes"]
    assert [one["origin"] for one in events] == ["outside", "ledger"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_was_killed_goes_on_with_what_was_claimed(machines: Machines, when: str) -> None:
    machines.die("ana", "2", when)
    assert machines.moves() == [("1", "2", "open")]
    assert machines.recover("ana").data["state"] == "undone"
    assert machines.alias() == "1"
    left, at = ("set", "2") if when == "after" else ("dropped", "1")
    assert machines.moves() == [("1", "2", left), (at, "1", "set")]


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.slow), "after"])
def test_a_dead_machine_is_overtaken_within_the_time_that_its_claim_names(
    machines: Machines, when: str
) -> None:
    machines.die("ana", "2", when)
    started = time.monotonic()
    assert machines.run("bo", "promote", "fraud", "3", "--to", "Production", "--yes").code == 0
    assert time.monotonic() - started < machines.chain()[0]["for"] + 15
    assert machines.alias() == "3"
    left, at = ("set", "2") if when == "after" else ("dropped", "1")
    assert machines.moves() == [("1", "2", left), (at, "3", "set")]
    # Whoever comes back finds somebody else's value, and leaves it.
    back = machines.recover("ana")
    assert machines.alias() == "3"
    stages = machines.stages()
    assert (stages["2"], stages["3"]) == (
        "Archived" if when == "after" else "Staging",
        "Production",
    )
    if when == "after":
        # Its move stood, so that what is left of it is done: the version before is nobody's else.
        assert back.data["state"] == "done"
        assert "then moved it on to 3 with entry 2" in back.data["text"]
        assert stages["1"] == "Archived"
    assert machines.moves() == [("1", "2", left), (at, "3", "set")]
