"""Whole sessions on the real fleet, in a real terminal, by keys."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.commands.driving import DeckFleet
from tests.demo.running import until
from tests.sessions.person import Person

pytestmark = pytest.mark.live


def test_the_first_screen_answers_three_questions(fleet: DeckFleet) -> None:
    fleet.run("changes")
    with Person(fleet.config) as person:
        screen = person.sees("tumor", "digits", "helpdesk", "v2 100", "sys ok", "Ways back")
        assert "modeldeck demo" in screen
        assert "WRITE" in screen
        assert "data ?" in screen, "what nothing measures is unknown"
        person.sees("latency p95", "requests")
        assert person.leaves() < 5


def test_promote_and_roll_back_by_keys(fleet: DeckFleet) -> None:
    with Person(fleet.config) as person:
        person.sees("tumor", "v2 100")
        person.types("promote tumor 3 --to Production")
        person.sees(
            "promote tumor",
            "traffic:tumor",
            "blue 100",
            "green 100",
            "unguarded",
            "modeldeck promote tumor 3 --to Production",
        )
        assert fleet.traffic("tumor") == {"2": 1.0}, "a plan that is shown has changed nothing"
        person.confirms()
        person.sees("done, seen on live traffic", within=60)
        assert fleet.answered_by("tumor", 10) == {"3": 10}
        person.press("esc")
        person.types("rollback tumor --to r1")
        person.sees("back to release r1", "y goes back")
        person.confirms()
        person.sees("done, seen on live traffic", within=60)
        assert fleet.answered_by("tumor", 10) == {"2": 10}
        assert fleet.alias("tumor") == "2"
        person.press("esc")
        person.press("5")
        person.sees("becomes the champion of tumor", "back to release r1")
        person.leaves()


def test_a_canary_by_its_key_and_its_end_by_another(fleet: DeckFleet) -> None:
    with Person(fleet.config) as person:
        person.sees("tumor", "v2 100", "digits")
        person.press("/")
        person.look(0.5)
        person.terminal.write(b"tumor")
        person.press("enter")
        person.sees("tumor", gone="digits  ")
        person.press("C")
        person.sees("canary tumor")
        person.terminal.write(b"3 --weight 20")
        person.press("enter")
        person.sees("blue 80, green 20", "y goes ahead")
        person.press("esc")
        person.look(1.0)
        assert fleet.traffic("tumor") == {"2": 1.0}, "esc cancels"
        person.types("canary tumor 3 --weight 20")
        person.sees("y goes ahead")
        person.confirms()
        person.sees("done, seen on live traffic", within=60)
        person.press("esc")
        person.sees("v2 80 v3 20")
        person.press("A")
        person.sees("abort tumor", "y goes back")
        person.confirms()
        person.sees("done, seen on live traffic", within=60)
        person.press("esc")
        person.sees("v2 100")
        person.leaves()
    assert fleet.traffic("tumor") == {"2": 1.0}


def test_wrong_lines_are_said_and_change_nothing(fleet: DeckFleet) -> None:
    with Person(fleet.config) as person:
        person.sees("tumor", "v2 100")
        person.types("canry tumor 3")
        person.sees("Did you mean 'canary'")
        person.press("esc")
        person.press("esc")
        person.types("canary tumor 3 --yes")
        person.sees("the plan box asks")
        person.press("esc")
        person.press("esc")
        person.types("promote tumor 4 --to Production")
        person.sees("gate: headline failed")
        person.press("y")
        person.look(1.0)
        person.press("esc")
        person.leaves()
    assert fleet.alias("tumor") == "2"


@pytest.mark.slow
def test_a_dead_registry_dims_its_own_part_and_the_console_still_quits(fleet: DeckFleet) -> None:
    with Person(fleet.config) as person:
        person.sees("tumor", "v2 100", "sys ok")
        fleet.stage("registry-down")
        try:
            person.sees("registry: ", "nothing answer", "v2 100", within=60)
            assert person.leaves() < 5
        finally:
            fleet.stage("none")
    until(lambda: fleet.run("versions", "tumor").code == 0, "the registry is back", 120)


def test_a_small_terminal_keeps_the_trouble(fleet: DeckFleet) -> None:
    with Person(fleet.config, columns=80, lines=24) as person:
        screen = person.sees("tumor", "digits", "v2 100", "? keys")
        assert all(len(line) <= 80 for line in screen.splitlines())
        person.press("2")
        person.sees("system")
        person.press("?")
        person.sees("keys", "abort")
        person.leaves()


def test_read_only_says_so_and_refuses(fleet: DeckFleet) -> None:
    with Person(fleet.config, "--read-only") as person:
        person.sees("READ-ONLY", "tumor", "v2 100")
        person.types("canary tumor 3 --weight 5")
        person.sees("read-only")
        person.press("y")
        person.look(1.0)
        person.press("esc")
        person.leaves()
    assert fleet.traffic("tumor") == {"2": 1.0}


HOSTILE = "evil\x1b]0;owned\x07\x1b[31m[@click=app.bell]x\u202etxt"


def test_a_name_from_the_registry_cannot_attack_the_terminal(
    fleet: DeckFleet, folder: Path
) -> None:
    """MLflow takes such a name; the console shows it, and sends the terminal nothing of it."""
    body = {"name": HOSTILE}
    path = f"{fleet.address('mlflow')}/api/2.0/mlflow/registered-models/create"
    answer = fleet.client.post(path, json=body)
    assert answer.status_code == 200 or "ALREADY_EXISTS" in answer.text
    import json

    service = f"[services.{json.dumps(HOSTILE)}]\nmodel = {json.dumps(HOSTILE)}\n"
    config = fleet.config_with(folder, old="[services.tumor]", new=f"{service}\n[services.tumor]")
    with Person(config) as person:
        person.sees("tumor", "v2 100", "evil\\x1b")
        person.press("2")
        person.look(2.0)
        person.press("5")
        person.look(1.0)
        person.leaves()
        raw = bytes(person.raw)
    assert b"\x1b]0;" not in raw
    assert b"\x07" not in raw
    assert "\u202e".encode() not in raw
    ran = fleet.run("versions", "tumor")
    assert "\x1b" not in ran.out


def test_it_paints_its_frame_before_anybody_answered(folder: Path) -> None:
    """Every backend hangs: the frame is there, keys work, and q quits."""
    from tests.live.faulty import faulty_server

    with faulty_server(None) as url:
        config = folder / "deck.toml"
        config.write_text(
            f'[registry]\nkind = "mlflow"\nurl = "{url}"\n[journal]\npath = "{folder}/j.db"\n'
            f'[services.slow]\nmodel = "slow"\n[services.slow.slots.main]\nkind = "v2"\nurl = "{url}"\n'
        )
        with Person(config) as person:
            person.sees("slow", "WRITE", within=15)
            person.press("?")
            person.sees("States", within=5)
            began = time.monotonic()
            person.press("esc")
            assert person.leaves() < 5
            assert time.monotonic() - began < 10
