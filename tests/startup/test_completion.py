"""Shell completion, asked as the shells ask: quick, silent, and never from the network."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from backends.journal.sqlite import SqliteJournal
from commands import catalog
from commands.completion import VARIABLE
from core.history import Release
from core.refs import slot_ref
from core.releases import PARTS
from tests.startup.program import Program, Ran

Ask = Callable[[Program, Sequence[str]], list[str]]


@pytest.fixture
def known(program: Program) -> Program:
    """A journal that has seen two services and two releases of one of them."""

    async def fill() -> None:
        journal = SqliteJournal(program.journal)
        now = datetime.now(UTC)
        blue, green = slot_ref("tumor", "blue"), slot_ref("tumor", "green")
        await journal.note_readings("tumor", {blue: ("3", ""), green: ("4", "")}, now)
        main = slot_ref("helpdesk", "main")
        await journal.note_readings("helpdesk", {main: ("some-llm", "")}, now)
        for version in ("2", "3"):
            release = Release(0, "tumor", now, version, {}, {}, {version: 10_000})
            await journal.add_release(release)
        await journal.close()

    asyncio.run(fill())
    return program


def _silent(ran: Ran) -> Ran:
    assert ran.err == ""
    assert ran.touched == ()
    assert not {"httpx", "textual", "mlflow"} & ran.third_party
    return ran


def bash(program: Program, words: Sequence[str]) -> list[str]:
    more = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    ran = _silent(program.run(more={**more, VARIABLE: "complete_bash"}))
    return ran.out.split()


def zsh(program: Program, words: Sequence[str]) -> list[str]:
    more = {"_TYPER_COMPLETE_ARGS": " ".join(words), VARIABLE: "complete_zsh"}
    ran = _silent(program.run(more=more))
    if ran.out.strip() == "_files":
        return []
    listed = re.fullmatch(r"_arguments '\*: :\(\((.*)\)\)'", ran.out.strip(), re.DOTALL)
    assert listed is not None, ran.out
    return [line.partition('":')[0].strip('"') for line in listed[1].splitlines()]


def fish(program: Program, words: Sequence[str]) -> list[str]:
    line = {"_TYPER_COMPLETE_ARGS": " ".join(words), VARIABLE: "complete_fish"}
    ran = _silent(program.run(more={**line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}))
    found = [entry.partition("\t")[0] for entry in ran.out.splitlines() if entry]
    asked = program.run(more={**line, "_TYPER_COMPLETE_FISH_ACTION": "is-args"})
    assert (asked.code == 0) == bool(found)
    return found


SHELLS: list[Ask] = [bash, zsh, fish]


@pytest.mark.parametrize("ask", SHELLS)
def test_commands_services_versions_and_releases(known: Program, ask: Ask) -> None:
    assert ask(known, ["modeldeck", "ro"]) == ["rollback"]
    assert ask(known, ["modeldeck", "status", ""]) == ["tumor", "helpdesk"]
    assert ask(known, ["modeldeck", "cutover", "tumor", ""]) == ["@champion", "2", "3", "4"]
    assert ask(known, ["modeldeck", "rollback", "tumor", "--to", ""]) == ["r2", "r1"]


def test_every_command_is_offered(known: Program) -> None:
    assert bash(known, ["modeldeck", ""]) == list(catalog.NAMES)


def test_stages_parts_and_options(known: Program) -> None:
    assert bash(known, ["modeldeck", "promote", "tumor", "3", "--to", "Pro"]) == ["Production"]
    assert bash(known, ["modeldeck", "rollback", "tumor", "--only", ""]) == list(PARTS)
    assert "--to" in bash(known, ["modeldeck", "rollback", "tumor", "--"])


def test_words_of_another_service_are_left_out(known: Program) -> None:
    assert bash(known, ["modeldeck", "cutover", "helpdesk", ""]) == ["@best", "some-llm"]
    assert bash(known, ["modeldeck", "rollback", "helpdesk", "--to", ""]) == []


@pytest.mark.parametrize(
    "ask", [bash, *(pytest.param(ask, marks=pytest.mark.slow) for ask in (zsh, fish))]
)
def test_options_may_stand_before_the_name(known: Program, ask: Ask) -> None:
    assert ask(known, ["modeldeck", "-o", "json", "ro"]) == ["rollback"]
    assert ask(known, ["modeldeck", "--read-only", "status", "tu"]) == ["tumor"]


def test_the_config_on_the_line_is_the_one_that_counts(known: Program) -> None:
    other = known.folder / "other.toml"
    other.write_text("[services.elsewhere]\n")
    for config in (["--config", str(other)], [f"--config={other}"], ["--config", "=", str(other)]):
        assert bash(known, ["modeldeck", *config, "status", ""]) == ["elsewhere"]
        if "=" not in config:
            assert bash(known, ["modeldeck", "status", *config, ""]) == ["elsewhere"]
    folder = known.folder / "modeldeck"
    folder.mkdir()
    other.rename(folder / "staging.toml")
    assert bash(known, ["modeldeck", "--env", "staging", "status", ""]) == ["elsewhere"]


def test_nothing_is_said_where_nothing_is_known(program: Program) -> None:
    assert bash(program, ["modeldeck", "rollback", "tumor", "--to", ""]) == []
    assert not program.journal.exists()
    program.journal.write_bytes(b"no database at all, and long enough to be read as one" * 40)
    assert bash(program, ["modeldeck", "rollback", "tumor", "--to", ""]) == []
    program.config.write_text("[services\n")
    assert bash(program, ["modeldeck", "status", ""]) == []
    program.config.unlink()
    assert bash(program, ["modeldeck", "status", ""]) == []
    assert bash(program, ["modeldeck", "nonsense", ""]) == []
    assert bash(program, ["modeldeck", "status", "'half a quo"]) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_the_shell_calls_the_program(program: Program, shell: str) -> None:
    ran = program.run(more={VARIABLE: f"source_{shell}"})
    assert ran.code == 0
    assert f"{VARIABLE}=complete_{shell}" in ran.out
    assert "modeldeck" in ran.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_itself_completes(known: Program) -> None:
    script = known.run(more={VARIABLE: "source_bash"}).out
    line = ["modeldeck", "--read-only", "cutover", "tumor", ""]
    typed = f"COMP_WORDS=({shlex.join(line)}); COMP_CWORD={len(line) - 1}"
    shows = "_modeldeck_completion modeldeck; printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", f"{script}\n{typed}\n{shows}"],
        env=known.environ(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["@champion", "2", "3", "4"]
    assert done.stderr == ""
