"""No secret is shown or stored, whatever a server or an operator says."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import pytest

from backends.journal.sqlite import SqliteJournal
from backends.secrets import load
from commands.log import write
from core.plan import Finding, Plan, Set
from core.refs import alias_ref
from core.schema import Secret
from tests.commands.driving import modeldeck
from tests.live.faulty import faulty_server, http

TOKEN = "sup3rs3cret-token"


@pytest.fixture
def token_file(folder: Path) -> Path:
    path = folder / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def config(folder: Path, url: str, access: str) -> Path:
    path = folder / "deck.toml"
    path.write_text(
        f'[registry]\nkind = "mlflow"\nurl = "{url}"\n{access}\n'
        f'[journal]\npath = "{folder}/j.db"\n[services.a]\nmodel = "a"\n'
    )
    return path


@pytest.mark.parametrize("padding", [0, 270])
def test_a_server_that_repeats_the_token_does_not_get_it_shown(
    folder: Path, token_file: Path, padding: int
) -> None:
    """Also where what the server says is cut off in the middle of it."""
    said = json.dumps({"message": f"{'x' * padding}invalid header Bearer {TOKEN}"})
    with faulty_server(http(403, said.encode())) as url:
        file = config(folder, url, f'token = {{ file = "{token_file}" }}')
        for words in (["versions", "a"], ["status"], ["doctor"]):
            for output in ([], ["-o", "json"]):
                ran = modeldeck(*words, *output, config=file)
                assert ran.code == 5
                assert "invalid header" in ran.out + ran.err
                assert TOKEN[:6] not in ran.out + ran.err


def test_a_password_is_not_shown_either_in_its_header(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PASSWORD", "hunter22")
    header = b64encode(b"ops:hunter22").decode()

    def answer(head: str) -> bytes:
        assert f"Basic {header}" in head
        return http(403, json.dumps({"message": f"no: Basic {header} hunter22"}).encode())

    with faulty_server(answer) as url:
        access = 'username = "ops"\npassword = { env = "A_PASSWORD" }'
        ran = modeldeck("versions", "a", config=config(folder, url, access))
        in_url = config(folder, url.replace("//", "//ops:hunter22@"), "")
        from_url = modeldeck("versions", "a", "-o", "json", config=in_url)
    for one in (ran, from_url):
        assert one.code == 5
        assert "no: Basic [redacted] [redacted]" in one.out + one.err


def test_the_journal_and_the_log_keep_none(
    folder: Path, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    load(Secret(file=str(token_file)))
    ref = alias_ref("a", "champion")
    plan = Plan(
        "promote", "a", "forward", f"with {TOKEN}", (Set(ref, "1", "2"),),
        (Finding("warning", f"said {TOKEN}", f"not {TOKEN}"),), {"gate": {"said": [TOKEN]}},
    )  # fmt: skip

    async def body() -> None:
        journal = SqliteJournal(folder / "j.db")
        change = await journal.begin(
            plan, actor="me", reason=f"for {TOKEN}", command=f"promote {TOKEN}", key="k", holder="h"
        )
        again = await journal.begin(
            plan, actor="me", reason="", command=f"promote {TOKEN}", key="k", holder="h"
        )
        assert again.repeated
        await journal.step(change, 0, "failed", f"403: {TOKEN}")
        await journal.note_health("a", None, {"registry": ("critical", f"403: {TOKEN}")})
        await journal.finish(change, "undone", verified=False, note=f"by {TOKEN}", release=None)
        ended = await journal.change(change.number)
        assert ended is not None
        assert ended.plan.sets == plan.sets
        assert ended.plan.hash == plan.hash
        await journal.close()

    asyncio.run(body())
    for file in folder.glob("j.db*"):
        assert TOKEN.encode() not in file.read_bytes()
    log = write(f"Traceback: {TOKEN}")
    assert log is not None
    assert TOKEN not in log.read_text()


def test_a_token_file_that_is_no_text_is_named(folder: Path, token_file: Path) -> None:
    token_file.write_bytes(b"\xff\xfe\x00secret")
    file = config(folder, "http://127.0.0.1:1", f'token = {{ file = "{token_file}" }}')
    ran = modeldeck("versions", "a", "-o", "json", config=file)
    assert ran.code == 2
    assert str(token_file) in ran.error["message"]
    assert "UTF-8" in ran.error["message"]
