"""Help of every command, and its examples."""

from __future__ import annotations

import shlex

import pytest

from commands import catalog
from commands.cli import main
from commands.common import split_line
from commands.parse import parse_line
from commands.spec import params


@pytest.mark.parametrize("name", catalog.NAMES)
def test_help_says_what_it_does_and_shows_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = catalog.find(name)
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    lines = [line.strip() for line in shown.splitlines()]
    flat = " ".join(shown.split())
    assert spec.summary in flat
    assert spec.examples
    for example in spec.examples:
        assert example in lines
    for _, param in params(spec.args):
        assert param.help in flat
        assert param.flag is None or param.flag in flat


@pytest.mark.parametrize("name", catalog.NAMES)
def test_every_example_can_be_typed(name: str) -> None:
    spec = catalog.find(name)
    for example in spec.examples:
        program, *argv = shlex.split(example)
        assert program == "modeldeck"
        command, words = split_line(argv)
        assert command == name
        assert parse_line(words, spec).spec is spec


def test_the_list_of_commands_names_each_with_what_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in catalog.NAMES:
        summary = catalog.find(name).summary
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert summary.split()[0] in line
