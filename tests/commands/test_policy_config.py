"""What a wrong policy or window in the config is told, and what `doctor` says of a right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.configfile import parse
from core.config import Config
from core.errors import UsageError
from tests.commands.driving import modeldeck


def read(text: str) -> Config:
    return parse(text, "deck.toml")


def test_a_bare_word_is_the_mode() -> None:
    short = read('[services.fraud]\npolicy = "approved"\n')
    long = read('[services.fraud.policy]\nmode = "approved"\n')
    assert short == long
    assert read("[services.fraud]\n").services["fraud"].policy.mode == "automatic"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[services.fraud]\npolicy = "aproved"\n', "'approved'"),
        ("[services.fraud]\npolicy = 1\n", "table"),
        ('[services.fraud.policy]\nmod = "approved"\n', "mode"),
        ("[services.fraud.policy]\napprovals = 0\n", "at least one approval"),
        ('[services.fraud.policy]\nexpires = "0s"\n', "4h"),
        ("[services.fraud.policy]\nexpires = 4\n", "duration"),
        ('[services.fraud.policy]\ndrift = { tags = "x" }\n', "tag"),
        ('[environment]\nfreeze = "Fri 16:00/Mon 08:00"\n', "list"),
        ('[environment]\nfreeze = ["weekends"]\n', "Europe/Berlin"),
        ('[services.fraud.gate]\nschema = "approved"\n', "compatible"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=r"deck.toml:\d+: ") as caught:
        read(text)
    assert says in caught.value.message


def test_doctor_says_what_an_approval_is_worth(tmp_path: Path) -> None:
    config = tmp_path / "deck.toml"
    text = f'[journal]\npath = "{tmp_path}/j.db"\n[services.fraud]\n'
    config.write_text(text)
    assert "advisory" not in modeldeck("doctor", config=config).out
    config.write_text(f'{text}policy = "approved"\n')
    ran = modeldeck("doctor", "-o", "json", config=config)
    assert ran.code == 0, ran.err
    (line,) = [one for one in ran.data["checks"] if one["backend"] == "policy"]
    assert line["ok"] is None
    assert "advisory" in line["detail"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("freeze", "fraud", "--for", "1h"), 0),
        (("freeze", "fraud", "--for", "1h", "--yes"), 0),
        (("freeze", "--all", "--until", "2099-01-01T00:00Z"), 0),
        (("freeze", "fraud"), 2),
        (("freeze", "fraud", "--for", "0s"), 2),
        (("freeze", "fraud", "--for", "99999999999d"), 2),
        (("freeze", "fraud", "--for", "1h", "--until", "2099-01-01"), 2),
        (("freeze", "fraud", "--until", "2001-01-01"), 2),
        (("freeze", "fraud", "--until", "soon"), 2),
        (("freeze", "fraud", "--all", "--for", "1h"), 2),
        (("freeze", "--for", "1h"), 2),
        (("freeze", "frad", "--for", "1h"), 2),
        (("unfreeze", "fraud"), 0),
        (("unfreeze", "--all"), 0),
        (("unfreeze",), 2),
        (("approve", "A-1"), 2),
        (("approve", "fraud"), 2),
        (("approve", "A-" + "9" * 20), 2),
        (("approve", "²"), 2),
        (("reject", "A-1"), 2),
        (("recover", "9" * 20), 2),
        (("recover", "²"), 2),
        (("recover", "7"), 2),
        (("freeze", "fraud", "--for", "1h", "--read-only"), 3),
    ],
)
def test_the_records_without_any_backend(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    config = tmp_path / "deck.toml"
    config.write_text(f'[journal]\npath = "{tmp_path}/j.db"\n[services.fraud]\n')
    ran = modeldeck(*words, "-o", "json", config=config)
    assert ran.code == code, ran.out + ran.err
    assert ran.document["ok"] is (code == 0)
