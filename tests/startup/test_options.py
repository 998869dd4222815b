"""An option means the same before and after the command's name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from commands import catalog
from commands.common import COMMON, split_line
from commands.parse import parse_line
from tests.startup.program import Program

SAMPLES = {
    "--config": "a folder/x.toml",
    "--env": "prod",
    "--output": "json",
    "--confirm": "tumor",
    "--reason": "--latency is up",
    "--override": "the board wants it",
    "--key": "k 1",
    "--watch": "1.5",
}
LINES = {
    "status": ["tumor"],
    "canary": ["tumor", "@challenger", "--weight", "5"],
    "shadow": ["tumor", "--off"],
    "rollback": ["tumor", "--to", "r1"],
    "changes": ["--since", "2h", "tumor"],
    "doctor": [],
}


def _taking(name: str) -> list[str]:
    kind = catalog.find(name).kind
    return [option.flag for option in COMMON if not option.only or kind in option.only]


CASES = [(name, flag) for name in LINES for flag in _taking(name)]


@pytest.mark.parametrize(("name", "flag"), CASES)
def test_an_option_before_the_name_is_one_after_it(name: str, flag: str) -> None:
    spec, rest = catalog.find(name), LINES[name]
    option = [flag, SAMPLES[flag]] if flag in SAMPLES else [flag]
    lines = [[*option, name, *rest], [name, *option, *rest], [name, *rest, *option]]
    if flag in SAMPLES:
        joined = f"{flag}={SAMPLES[flag]}"
        lines += [[joined, name, *rest], [name, *rest, joined]]
    parsed = []
    for line in lines:
        found, words = split_line(line)
        assert found == name
        parsed.append(parse_line(words, spec))
    assert all(one == parsed[0] for one in parsed)
    plain = parse_line(split_line([name, *rest])[1], spec)
    assert parsed[0].args == plain.args
    assert parsed[0].common != plain.common


def test_a_bare_watch_does_not_swallow_the_name() -> None:
    for line in (["--watch", "status", "tumor"], ["status", "tumor", "-w"], ["-w", "2", "status"]):
        name, words = split_line(line)
        assert name == "status"
        assert parse_line(words, catalog.find("status")).common.watch == 2.0


def test_the_same_answer_wherever_the_options_stand(program: Program) -> None:
    def answer(*words: str) -> Any:
        ran = program.run(*words, more={"MODELDECK_CONFIG": ""})
        document = json.loads(ran.out)
        for service in document["data"]["services"]:
            del service["as_of"]
        return ran.code, document

    config = ["--config", str(program.config)]
    after = answer("status", "tumor", *config, "-o", "json")
    assert after[0] == 5
    assert answer(*config, "-o", "json", "status", "tumor") == after
    assert answer("-o", "json", "status", *config, "tumor") == after
