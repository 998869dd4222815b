"""Bad input and bad nights: what is said, the exit code, and that nothing is lost."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from backends.journal import sqlite
from tests.commands.driving import DeckFleet, modeldeck
from tests.demo.running import until
from tests.live.faulty import WRONG, faulty_server


def write(folder: Path, text: str) -> Path:
    path = folder / "deck.toml"
    path.write_text(text)
    return path


def test_a_wrong_config_names_line_key_and_what_would_be_right(folder: Path) -> None:
    config = write(
        folder,
        '[environment]\nname = "x"\nprodution = true\n\n[registry]\nkind = "mlfow"\nurl = 3\n\n'
        '[services.a]\nmodel = "a"\ngood_after = "soon"\n',
    )
    ran = modeldeck("status", config=config)
    assert ran.code == 2
    assert f"{config}:3: environment.prodution" in ran.err
    assert "'production'" in ran.err
    assert f"{config}:6: registry.kind" in ran.err
    assert "'mlflow'" in ran.err
    assert f"{config}:11: services.a.good_after" in ran.err
    assert '"10m"' in ran.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[environment\n", "line 1"),
        ('[services.a]\nmodel = "a"\n[services.a]\n', "line 3"),
        ("[services.a.thresholds]\neror_share = { warning = 1 }\n", "error_share"),
        ('[services.a]\nprompts = ["x"]\n', "NAME@ALIAS"),
        ('[services.a.gate]\nheadline = { metric = "auc" }\n', "min or max"),
        ('[services.a.gate]\nheadline = { metric = "auc", min = nan }\n', "finite number"),
        ('[services.a.gate]\nheadline = { metric = "auc", mn = 1 }\n', "'min'"),
        ('[services.a.gate]\nchampion = { metric = "auc", max_drop = 0 }\n', "a list"),
        ('[services.a.gate]\nchampion = [{ metric = "auc", max_drop = -1 }]\n', "0 or more"),
        ('[services.a.gate]\nchampion = [{ metric = "auc", max_drop = "1" }]\n', '"1 %"'),
        ('[services.a.gate]\nslices = [{ name = "x", metric = "auc" }]\n', "or max_rise"),
        ('[services.a.gate]\nlatency = { max = "60 parrots" }\n', '"60ms"'),
        ('[services.a.gate]\nlatency = { max = 1, source = "shadow" }\n', "run, traffic"),
        (
            '[services.a.gate]\nlatency = { max = 1, source = "traffic", metric = "latency_p96" }\n',
            "'latency_p99'",
        ),
        ('[services.a.gate]\ncost = { metric = "c", max = 0.1 }\n', '"0.0004 USD"'),
        ('[services.a.gate]\ncost = { max = "1 USD" }\n', "either metric or tag"),
        ('[services.a.gate]\nsafety = [{ tag = "review" }]\n', "'equals'"),
        ('[services.a.gate]\nsafety = [{ tag = "t", equals = "x", max = 1 }]\n', "no max beside"),
        ('[services.a.gate]\nschema = "compatable"\n', "'compatible'"),
        ("[services.a.gate]\nmax_age = 30\n", '"10m"'),
        ("[services.a.gate]\nlineage = true\n", "it can be complete"),
        ('[services.a.slots.b]\nkind = "v2"\n', "url"),
        ('registry = "mlflow"\n', "table"),
        ('[registry]\nurl = "mlflow:5000"\n', "http://host:5000"),
    ],
)
def test_every_kind_of_wrong_config_is_one_clear_line(folder: Path, text: str, says: str) -> None:
    ran = modeldeck("status", config=write(folder, text))
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_a_config_that_is_no_file(folder: Path) -> None:
    ran = modeldeck("status", "-o", "json", config=folder / "none.toml")
    assert ran.code == 2
    assert ran.error["code"] == "usage"


def test_an_unknown_command_proposes_the_nearest() -> None:
    assert "'canary'" in modeldeck("canry").err
    assert "'rollback'" in modeldeck("undo").err
    assert modeldeck("history").code == 2


def test_no_services_no_trouble(folder: Path) -> None:
    ran = modeldeck("status", "-o", "json", config=write(folder, ""))
    assert ran.code == 0
    assert ran.data == {"services": []}


def test_a_registry_alone_is_no_service_and_init_is_named(folder: Path) -> None:
    text = '[registry]\nkind = "mlflow"\nurl = "http://127.0.0.1:9"\n'
    ran = modeldeck("versions", "fraud", "-o", "json", config=write(folder, text))
    assert ran.code == 2
    assert "modeldeck init" in ran.error["hint"]
    assert modeldeck("status", "-o", "json", config=write(folder, text)).data == {"services": []}


LIES = ("html", "half an answer", "a list", "nested", "500", "401", "closes in the head", "no http")


@pytest.mark.live
@pytest.mark.parametrize("answer", LIES)
def test_a_lying_registry_is_exit_code_5_and_named(folder: Path, answer: str) -> None:
    with faulty_server(WRONG[answer]) as url:
        config = write(
            folder,
            f'[registry]\nkind = "mlflow"\nurl = "{url}"\n[journal]\npath = "{folder}/j.db"\n'
            '[services.a]\nmodel = "a"\n',
        )
        ran = modeldeck("versions", "a", "-o", "json", config=config)
        status = modeldeck("status", "-o", "json", config=config)
    assert ran.code == 5, ran.err
    assert url in ran.error["message"]
    assert ran.error["backend"]
    assert ran.error["hint"]
    assert status.code == 5
    assert status.data["services"][0]["service"] == "a"
    assert "registry" in status.data["services"][0]["errors"]


@pytest.mark.live
def test_a_registry_that_is_down_dims_itself_and_the_way_back_stays_open(
    fleet: DeckFleet,
) -> None:
    assert fleet.run("canary", "tumor", "3", "--weight", "30", "--yes").code == 0
    fleet.stage("registry-down")
    try:
        status = fleet.json("status", "tumor")
        assert status.code == 5
        (row,) = status.data["services"]
        assert row["traffic"] == {"2": 0.7, "3": 0.3}, "the router still tells the traffic"
        assert fleet.run("versions", "tumor").code == 5
        refused = fleet.json("promote", "tumor", "3", "--to", "Production", "--yes")
        assert refused.code == 5
        back = fleet.json("abort", "tumor", "--yes")
        assert back.code == 0, back.err
        assert fleet.traffic("tumor") == {"2": 1.0}
    finally:
        fleet.stage("none")
    until(lambda: fleet.run("versions", "tumor").code == 0, "the registry is back", 60)


@pytest.mark.live
def test_a_way_back_without_the_registry_says_what_it_leaves_to_the_next(
    fleet: DeckFleet, tmp_path: Path
) -> None:
    assert fleet.run("cutover", "tumor", "3", "--yes").code == 0
    away = fleet.config_with(tmp_path, old=fleet.address("mlflow"), new="http://127.0.0.1:9")
    loud = ("--override", "v3 is broken")
    back = modeldeck("rollback", "tumor", "--to", "r1", "--yes", *loud, config=away)
    assert back.code == 0, back.out + back.err
    assert "alias, stages and prompts stay as they are" in back.err
    assert "roll back again once the registry answers" in back.err
    assert fleet.traffic("tumor") == {"2": 1.0}
    assert fleet.alias("tumor") == "3"
    assert fleet.run("rollback", "tumor", "--yes").code == 0
    assert fleet.alias("tumor") == "2"


@pytest.mark.live
def test_a_dead_slot_is_said_and_the_rest_stands(fleet: DeckFleet) -> None:
    fleet.stage("dead-backend")
    try:
        until(lambda: fleet.json("slots", "tumor").code == 5, "the dead slot is seen")
        rows = {row["slot"]: row for row in fleet.json("slots", "tumor").data["slots"]}
        assert rows["blue"]["ready"] is False
        assert rows["blue"]["detail"]
        assert rows["green"]["ready"] is True
        over = fleet.json("cutover", "tumor", "3", "--yes")
        assert over.code == 0, over.err
        assert fleet.answered_by("tumor", 10) == {"3": 10}
    finally:
        fleet.stage("none")
    until(lambda: fleet.json("slots", "tumor").code == 0, "the slot is back", 60)
    assert fleet.run("rollback", "tumor", "--to", "r1", "--yes").code == 0


@pytest.mark.live
def test_unknown_names_propose_the_nearest(fleet: DeckFleet) -> None:
    service = fleet.json("status", "tumour")
    assert service.code == 2
    assert "'tumor'" in service.error["message"]
    version = fleet.json("canary", "tumor", "@challeger", "--yes")
    assert version.code == 2
    assert "@challenger" in version.error["message"]
    number = fleet.json("canary", "tumor", "33", "--yes")
    assert number.code == 2
    assert "there are" in number.error["hint"]
    release = fleet.json("rollback", "tumor", "--to", "r99", "--yes")
    assert release.code == 2
    assert fleet.json("promote", "tumor", "3", "--to", "Prodction", "--yes").code == 2


@pytest.mark.live
def test_a_journal_that_cannot_be_written_stops_a_change_before_it_begins(
    fleet: DeckFleet, folder: Path
) -> None:
    (folder / "file").write_text("not a folder")
    old = f'path = "{fleet.layout.journal}"'
    config = fleet.config_with(folder, old=old, new=f'path = "{folder}/file/journal.db"')
    ran = modeldeck("canary", "tumor", "3", "--weight", "10", "--yes", "-o", "json", config=config)
    assert ran.code == 5
    assert "nothing was changed" in ran.error["message"]
    assert fleet.traffic("tumor") == {"2": 1.0}
    status = modeldeck("status", "tumor", "-o", "json", config=config)
    assert status.data["services"][0]["traffic"] == {"2": 1.0}, "reading goes on without a journal"


@pytest.mark.live
def test_a_full_disk_stops_a_change_before_it_begins(
    fleet: DeckFleet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path) -> sqlite3.Connection:
        db = original(file)
        db.execute("PRAGMA max_page_count=1")  # SQLite takes it for: as many as there are.
        return db

    original = sqlite.open_for_writing
    monkeypatch.setattr(sqlite, "open_for_writing", full)
    old = f'path = "{fleet.layout.journal}"'
    config = fleet.config_with(folder, old=old, new=f'path = "{folder}/journal.db"')
    words = ["canary", "tumor", "3", "--weight", "10", "--yes", "--reason", "it is long " * 5_000]
    ran = modeldeck(*words, "-o", "json", config=config)
    assert ran.code == 5
    assert "is full" in ran.error["message"]
    assert "nothing was changed" in ran.error["message"]
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_a_silent_backend_is_said_within_its_timeout(folder: Path) -> None:
    with faulty_server(None) as url:
        config = write(
            folder,
            f'[registry]\nkind = "mlflow"\nurl = "{url}"\ntimeout = "500ms"\n'
            f'[journal]\npath = "{folder}/j.db"\n[services.a]\nmodel = "a"\n',
        )
        began = time.monotonic()
        ran = modeldeck("versions", "a", "-o", "json", config=config)
    assert ran.code == 5
    assert ran.error["code"] == "timeout"
    assert time.monotonic() - began < 10
