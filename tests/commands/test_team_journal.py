"""A journal that a team shares, from the command line and from many programs at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from backends.journal.postgres import PostgresJournal
from core.plan import Plan
from core.promotion import promote
from core.versions import Stage
from tests.commands.driving import Ran, modeldeck
from tests.commands.harness.processes import Zygote
from tests.commands.harness.racing import GATE
from tests.core.planning import PASSED, VERSIONS, seen
from tests.live.postgres import Postgres
from tests.live.processes import until

CONSOLES = 8
PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
As = Callable[..., Ran]


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.create()


@pytest.fixture
def run_as(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> As:
    """Command lines of named people, each with a machine, and so a home, of their own."""

    def run(actor: str, *words: str) -> Ran:
        home = tmp_path / actor
        home.mkdir(exist_ok=True)
        config = home / "deck.toml"
        config.write_text(f'[journal]\nurl = "{url}"\n[services.fraud]\npolicy = "approved"\n')
        monkeypatch.setenv("XDG_STATE_HOME", str(home))
        monkeypatch.setenv("MODELDECK_ACTOR", actor)
        return modeldeck(*words, config=config)

    return run


def ask(url: str, plan: Plan = PLAN) -> None:
    async def run() -> None:
        journal = PostgresJournal(url)
        await journal.ask_approval(
            plan, actor="ana", reason="", command="modeldeck promote", needed=1, lasts=3600
        )
        await journal.close()

    asyncio.run(run())


@pytest.mark.live
def test_people_on_several_machines_share_one_journal(run_as: As, url: str, tmp_path: Path) -> None:
    ask(url)
    own = run_as("ana", "approve", "A-1", "-o", "json")
    assert own.code == 3
    assert "another person" in own.error["message"]
    (waiting,) = run_as("ben", "approvals", "-o", "json").data["approvals"]
    assert (waiting["approval"], waiting["by"]) == ("A-1", "ana")
    given = run_as("ben", "approve", "A-1")
    assert given.code == 0, given.err
    assert "their own modeldeck says" in given.out
    frozen = run_as("cleo", "freeze", "fraud", "--for", "1h", "--reason", "audit", "-o", "json")
    assert frozen.code == 0, frozen.err
    told = run_as("ana", "changes", "-o", "json").data["changes"]
    assert {(one["by"], one["state"]) for one in told} == {
        ("cleo", "frozen"),
        ("ben", "approved"),
        ("ana", "requested"),
    }
    assert run_as("ana", "unfreeze", "fraud").code == 0
    assert not list(tmp_path.rglob("*.db*")), "nobody has a journal of their own"


@pytest.mark.live
def test_doctor_says_whom_the_journal_is_shared_with(run_as: As, url: str) -> None:
    ran = run_as("ana", "doctor", "-o", "json")
    read, written, approvals = ran.data["checks"]
    assert (read["ok"], written["ok"]) == (True, True)
    assert "shared by everybody who uses this database" in read["detail"]
    assert url in read["detail"]
    assert "the database keeps the role" in approvals["detail"]


@pytest.mark.live
def test_read_only_writes_nothing(run_as: As, postgres: Postgres, url: str) -> None:
    assert run_as("ana", "changes", "--read-only").code == 0
    refused = run_as("ana", "freeze", "fraud", "--for", "1h", "--read-only", "-o", "json")
    assert refused.code == 3
    with postgres.connect(url.rpartition("/")[2]) as db:
        assert db.execute("SELECT to_regnamespace('modeldeck')").fetchone() == (None,)


def all_wait(gate: Any) -> bool:
    waiting = f"SELECT count(*) FROM pg_locks WHERE objid = {GATE} AND NOT granted"
    return bool(gate.execute(waiting).fetchone() == (CONSOLES,))


@pytest.mark.live
def test_of_eight_programs_at_once_exactly_one_begins(zygote: Zygote, postgres: Postgres) -> None:
    url = postgres.create()
    database = url.rpartition("/")[2]
    numbers = []

    async def end(number: int) -> None:
        journal = PostgresJournal(url)
        change = await journal.change(number)
        assert change is not None
        await journal.finish(change, "done", verified=True, note="", release=None)
        assert (await journal.check())["leases"] == {}
        await journal.close()

    for _ in range(4):
        with postgres.connect(database) as gate:
            gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            consoles = [
                zygote.start("tests.commands.harness.racing:begin", url=url)
                for _ in range(CONSOLES)
            ]
            until(partial(all_wait, gate), "all stand ready", 60)
        began = [one for one in (zygote.wait(pid).result for pid in consoles) if one is not None]
        assert len(began) == 1
        numbers += began
        asyncio.run(end(began[0]))
    assert len(set(numbers)) == 4


SECRET = "open-sesame-17"


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (f'url = "postgresql://ana:{SECRET}@db/deck"', 2, "password = { env"),
        (f'url = "postgresql://ana@db/deck?password={SECRET}"', 2, "password = { env"),
        (f'url = "postgresql://ana:{SECRET}/x@db/deck"', 2, "password = { env"),
        (f'url = "mysql://ana:{SECRET}@db/deck"', 2, "no URL of PostgreSQL"),
        (f'path = "postgresql://ana:{SECRET}@db/deck"', 2, "write url"),
        (f'url = "postgresql://db/deck"\npassword = "{SECRET}"', 3, "is a reference"),
        (f'password = {{ file = "{SECRET}" }}', 2, "belongs to a url"),
        ('path = "j.db"\nurl = "postgresql://db/deck"', 3, "leave one of them out"),
        ('url = "postgresql://db/deck"\nschema = "Mine; DROP"', 3, "small letters"),
    ],
)
def test_a_config_that_holds_a_secret_is_refused_without_repeating_it(
    tmp_path: Path, lines: str, line: int, says: str
) -> None:
    config = tmp_path / "deck.toml"
    config.write_text(f"[journal]\n{lines}\n")
    for words in (["changes"], ["changes", "-o", "json"]):
        ran = modeldeck(*words, config=config)
        assert ran.code == 2
        said = ran.out + ran.err
        assert f"deck.toml:{line}: " in said
        assert says in (said if words == ["changes"] else json.loads(ran.out)["error"]["message"])
        assert SECRET not in said


def test_a_password_that_does_not_help_is_not_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("KNOCK", SECRET)
    config = tmp_path / "deck.toml"
    url = "postgresql://ana@127.0.0.1:1/deck"
    config.write_text(f'[journal]\nurl = "{url}"\npassword = {{ env = "KNOCK" }}\n')
    for words in (["changes"], ["changes", "-o", "json"], ["doctor"], ["doctor", "-o", "json"]):
        ran = modeldeck(*words, config=config)
        assert ran.code == 5
        assert "refused" in ran.out + ran.err
        assert SECRET not in ran.out + ran.err
        assert "Traceback" not in ran.err
