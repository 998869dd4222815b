"""A change that others, on other machines, go on from before it has ended; and who ends one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from backends.base import Reading, StillOurs
from commands import cli
from commands.apply import Applier
from commands.changeview import outcome_error, outcome_lines
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.outcome import Outcome, Verified
from commands.setter import Progress
from core.errors import Denied, Timeout
from core.ledger import Chain, Deed, End, Entry
from core.plan import Plan, Set
from core.refs import Ref, Value

NEW, ALIAS, OLD = (
    Ref("stage", "fraud/13"),
    Ref("alias", "fraud@champion"),
    Ref("stage", "fraud/12"),
)
PLAN = Plan(
    "promote",
    "fraud",
    "forward",
    "v13 becomes the champion of fraud",
    (
        Set(NEW, "Staging", "Production"),
        Set(ALIAS, "12", "13"),
        Set(OLD, "Production", "Archived"),
    ),
)
BO = Deed("bo", "01BO", 1, "promote")


@dataclass
class Registry:
    """What several machines set, with who moved the alias."""

    values: dict[Ref, Value] = field(
        default_factory=lambda: {NEW: "Staging", ALIAS: "12", OLD: "Production"}
    )
    entries: list[Entry] = field(default_factory=list)
    denied: frozenset[Ref] = frozenset()
    silent: frozenset[Ref] = frozenset()
    guarded: bool = False
    settle_seconds: float = 0.0
    timeout: float = 0.0

    async def read(self, ref: Ref) -> Reading:
        return Reading(self.values[ref])

    async def write(self, ref: Ref, after: Value, **_: Any) -> None:
        if ref in self.denied:
            raise Denied(f"{ref} may not be set", backend="registry", operation="set")
        if ref in self.silent:
            raise Timeout(f"{ref}: no answer", backend="registry", operation="set")
        self.values[ref] = after

    async def write_for(
        self,
        ref: Ref,
        after: Value,
        *,
        before: Value,
        revision: str,
        deed: Deed,
        still_ours: StillOurs,
    ) -> str:
        await still_ours()
        await self.write(ref, after, before=before, revision=revision)
        if ref == ALIAS:
            self.move(before, after, deed)
        return ""

    async def ledger(self, models: Any) -> Mapping[str, Chain]:
        return {model: Chain(model, tuple(self.entries)) for model in models}

    async def close(self) -> None:
        pass

    def move(self, before: Value, after: Value, deed: Deed) -> None:
        assert isinstance(before, str)
        assert isinstance(after, str)
        number = len(self.entries) + 1
        end = End("set", f"{deed.who}@host")
        self.entries.append(Entry(number, "champion", before, after, "", "host", deed, end=end))
        self.values[ALIAS] = after

    def bo_goes_on(self) -> None:
        self.move("13", "14", BO)


class Desk:
    """Ann's console, and a command line on the same journal."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "deck.toml"
        self.config.write_text(f'[journal]\npath = "{folder}/j.db"\n[services.fraud]\n')
        self.registry = Registry()
        self.stop = asyncio.Event()
        self.seen = Verified(True, "read back as set")
        self.then: Callable[[], None] = lambda: None
        """What happens once the alias was set."""

    def promote(self) -> Outcome:
        async def run() -> Outcome:
            async with Deck(Loaded(parse(self.config.read_text(), "deck.toml"), None)) as deck:

                async def verify(_plan: Plan) -> Verified:
                    return self.seen

                applier = Applier(
                    deck.journal,
                    deck.settable,
                    "me",
                    verify=verify,
                    tell=self.tell,
                    stop=self.stop,
                    sleep=_at_once,
                )
                return await applier.apply(PLAN, actor="ann", reason="better recall")

        return asyncio.run(run())

    def tell(self, progress: Progress) -> None:
        if (progress.index, progress.state) == (1, "done"):
            self.then()

    def run(self, *words: str) -> tuple[int, str]:
        out = StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            code = cli.main([*words, "--config", str(self.config)])
        return code, out.getvalue()


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.setattr(Deck, "settable", lambda _deck, _ref: desk.registry)
    monkeypatch.setenv("MODELDECK_ACTOR", "bob")
    return desk


def told(outcome: Outcome) -> str:
    """What a shell prints, on whichever stream."""
    error = outcome_error(outcome)
    assert (error is None) == (outcome.exit_code == 0)
    return error.message if error else "\n".join(outcome_lines(outcome))


MOVED_ON = "alias:fraud@champion was set to 13; bo@host then moved it on to 14 with entry 2"


def test_what_was_not_seen_is_no_success_though_others_went_on_from_it(desk: Desk) -> None:
    desk.then = desk.registry.bo_goes_on
    desk.seen = Verified(False, "0 of 40 requests", against=True)
    outcome = desk.promote()
    assert (outcome.state, outcome.exit_code) == ("done", 1)
    assert "not seen on live traffic: 0 of 40 requests" in told(outcome)
    assert MOVED_ON in told(outcome)
    assert desk.registry.values == {NEW: "Production", ALIAS: "14", OLD: "Archived"}
    error = outcome_error(outcome)
    assert error is not None
    assert error.code == "not_seen"


def test_an_interruption_is_told_though_others_went_on_from_it(desk: Desk) -> None:
    def then() -> None:
        desk.registry.bo_goes_on()
        desk.stop.set()

    desk.then = then
    outcome = desk.promote()
    # Nothing is left to do: the rest was set.
    assert (outcome.state, outcome.exit_code) == ("done", 130)
    assert f"interrupted; {MOVED_ON}" in told(outcome)
    assert "put back" not in told(outcome)
    assert desk.registry.values[OLD] == "Archived"


@pytest.mark.parametrize("denied", [True, False], ids=["refused", "somebody else's"])
def test_what_could_not_be_set_any_more_is_left_to_a_person(desk: Desk, denied: bool) -> None:
    def then() -> None:
        desk.registry.bo_goes_on()
        if not denied:
            desk.registry.values[OLD] = "Draft"

    desk.then = then
    desk.registry.denied = frozenset({OLD} if denied else set())
    outcome = desk.promote()
    why = "stage:fraud/12 may not be set" if denied else "stage:fraud/12 is Draft, not Production"
    assert (outcome.state, outcome.exit_code) == ("needs_person", 6)
    assert why in told(outcome)
    assert MOVED_ON in told(outcome)
    if denied:
        code, said = desk.run("recover", "--yes")
        assert code == 3
        assert "stage:fraud/12 is Production and should be Archived" in said
        desk.registry.values[OLD] = "Archived"
    code, said = desk.run("recover", "--yes")
    assert code == 0, said
    assert desk.run("recover", "--yes")[0] == 3, "there is nothing to recover any more"


def test_a_change_that_was_cut_off_and_moved_on_from_says_so_when_it_is_recovered(
    desk: Desk,
) -> None:
    desk.then = desk.registry.bo_goes_on
    desk.registry.silent = frozenset({OLD})
    assert desk.promote().state == "unfinished"
    desk.registry.silent = frozenset()
    code, said = desk.run("recover", "--yes")
    assert code == 0, said
    assert "change 1 was cut off" in said
    assert MOVED_ON in said
    assert "read back as set" not in said, "the champion is another version"


def test_who_recovers_somebody_elses_change_is_named_in_the_ledger_and_in_the_story(
    desk: Desk,
) -> None:
    def then() -> None:
        desk.registry.silent = frozenset({NEW, ALIAS, OLD})

    desk.then = then
    assert desk.promote().state == "unfinished"
    desk.registry.silent = frozenset()
    said = desk.run("recover", "--yes", "--reason", "ann is at lunch")[1]
    assert "undone: everything is as before" in said
    _, said = desk.run("changes", "-o", "json")
    told = [(one.deed.who, one.deed.reason, one.deed.undo) for one in desk.registry.entries]
    assert told == [("ann", "better recall", False), ("bob", "ann is at lunch", True)]
    (change,) = json.loads(said)["data"]["changes"]
    assert change["by"] == "ann"
    assert change["reason"].startswith("better recall; recovered by bob: ann is at lunch; ")
