"""Who the journal will record, without asking anything but this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.driving import modeldeck


@pytest.mark.parametrize(
    ("variables", "actor", "source"),
    [
        ({"MODELDECK_ACTOR": "ana", "SUDO_USER": "ben"}, "ana", "MODELDECK_ACTOR"),
        ({"SUDO_USER": "ben"}, "ben", "SUDO_USER"),
        ({}, None, "the login"),
    ],
)
def test_it_says_who_and_why(
    variables: dict[str, str],
    actor: str | None,
    source: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MODELDECK_ACTOR", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = folder / "deck.toml"
    config.write_text(f'[journal]\npath = "{folder}/j.db"\n')
    ran = modeldeck("whoami", "-o", "json", config=config)
    assert ran.code == 0, ran.err
    assert ran.data["actor"] == actor or actor is None
    assert source in ran.data["from"]
    assert ran.data["journal"] == f"{folder}/j.db"
    assert ran.data["shared"] is False
    said = modeldeck("whoami", config=config).out
    assert ran.data["actor"] in said
    assert "advisory" in said
    assert not (folder / "j.db").exists(), "nothing was asked"


def test_a_journal_of_a_team_is_named_without_being_asked(folder: Path) -> None:
    config = folder / "deck.toml"
    config.write_text('[journal]\nurl = "postgresql://db.invalid/modeldeck"\n')
    ran = modeldeck("whoami", "-o", "json", config=config)
    assert (ran.code, ran.data["shared"]) == (0, True)
    assert "db.invalid" in ran.data["journal"]
