"""Up to three consoles on one service, moved from point to point in any order (hypothesis).

Between any two points others may act, a console may die, its lease may end, the system may fail
or somebody outside may come. What must hold is checked at every write and at every end.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from backends.base import Settable
from backends.journal.base import Journal
from backends.journal.sqlite import SqliteJournal
from commands.apply import Applier
from commands.outcome import Outcome, Verified
from core.errors import ModeldeckError
from core.plan import Plan
from core.promotion import promote
from core.refs import Ref, Value, alias_ref, decode
from core.releases import rollback
from core.split import Split
from core.strategies import abort, canary, shadow
from core.versions import Stage
from tests.commands.harness.console import UNGUARDED
from tests.commands.harness.fleet import BEFORE, PASSED, release_keeper, seen, whole
from tests.commands.harness.points import PointJournal, Points, PointSettable
from tests.commands.harness.settable import READ_FAULTS, WRITE_FAULTS, Faults, SimSettable
from tests.commands.harness.world import MemoryWorld

LEASE = 10.0
SETTLE, LATE = 15.0, 12.0
"""Late requests land after a lease has ended, so that whoever recovers must reckon with them."""
KINDS = ["canary", "shadow", "promote", "rollback", "abort"]
REFS = [ref for ref in BEFORE if ref.kind != "block"]
STRANGE: dict[str, list[Value]] = {
    "traffic": [Split.of({"blue": 7000, "green": 3000}), Split.all_on("blue")],
    "alias": ["11", "12"],
    "slot": ["10", None],
    "stage": ["Draft"],
    "prompt": ["9"],
}


_UNSURE = ("lost", "landed", "late")
PLACES = [
    "before write",
    "after write",
    "before journal.step",
    "after journal.step",
    "before journal.finish",
    "before read",
    "sleep",
    "the end",
]


class Killed(BaseException):
    """A console that is no more: nothing of the engine may catch it."""


@dataclass
class Story:
    """What happened to one change since it was planned, whoever held it."""

    since: int
    """The number of writes that there were by then."""
    names: set[str] = field(default_factory=set)
    disturbed: bool = False
    """Whether the system failed it, somebody interrupted it, or its lease ended."""


class Console:
    """One applier, standing at a point until it is moved."""

    def __init__(self, machine: Consoles, name: str, plan: Plan, story: Story) -> None:
        self.machine, self.name, self.plan, self.story = machine, name, plan, story
        story.names.add(name)
        self.points = Points(self._stand)
        self.point = ""
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self.killed = False
        self.stop = asyncio.Event()
        self.all_set = False
        """Whether it recovers a forward change of which everything was set."""
        self.task: asyncio.Task[Outcome] | None = None

    async def _stand(self, _index: int, name: str) -> None:
        self.point = name
        if name == "after journal.finish":
            self.machine.check_ended(self)
        # A system that compares nothing cannot tell a request that was held up: see the freezes.
        if any(name.startswith(f"before write {kind}:") for kind in self.machine.unguarded):
            return
        self.go.clear()
        self.arrived.set()
        await self.go.wait()
        if self.killed:
            raise Killed

    async def move(self) -> None:
        """To the next point, or to the end."""
        assert self.task is not None
        self.arrived.clear()
        self.go.set()
        waiting = asyncio.ensure_future(self.arrived.wait())
        await asyncio.wait({self.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    @property
    def touched(self) -> set[Ref]:
        """The refs that somebody else has set since the change was planned."""
        writes = self.machine.writes[self.story.since :]
        return {ref for ref, name in writes if name not in self.story.names}

    @property
    def gone(self) -> bool:
        return self.task is not None and self.task.done()


class Consoles(RuleBasedStateMachine):
    """The engine under test is `applier`, so that mutants can stand in for it."""

    applier: type[Applier] = Applier
    journal_type: type[SqliteJournal] = SqliteJournal

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.loop = asyncio.new_event_loop()
        self.world = MemoryWorld(BEFORE)
        self.world.on_write = self.check_write
        self.journal = self.journal_type(self.folder / "journal.db", lease_seconds=LEASE)
        self.faults = Faults()
        self.unguarded: tuple[str, ...] = ()
        self.consoles: list[Console] = []
        self.current: Console | None = None
        self.began = 0
        self.planned: list[tuple[Plan, int]] = []
        """With the number of writes that there were when it was made."""
        self.stories: dict[str, Story] = {}
        """By the name of the console that planned the change."""
        self.writes: list[tuple[Ref, str]] = []
        self.violations: list[str] = []
        self.outsiders = False
        self.loop.run_until_complete(self.journal.open_changes())
        self.db = sqlite3.connect(self.folder / "journal.db", isolation_level=None)
        self.db.row_factory = sqlite3.Row

    @initialize(unguarded=st.sampled_from([(), UNGUARDED]), promoted=st.booleans())
    def choose(self, unguarded: tuple[str, ...], promoted: bool) -> None:
        self.unguarded = unguarded
        if promoted:
            self.start("promote")
            self.finish()

    @precondition(lambda self: len(self.consoles) < 3)
    @rule(kind=st.sampled_from(KINDS))
    def start(self, kind: str) -> None:
        if self._open() and not self.consoles:
            # Whoever plans a way back from what was cut off sees what came of it.
            self.world.advance(SETTLE)
        plan = self._plan(kind)
        if plan is not None:
            self._launch(plan, None)

    @precondition(lambda self: len(self.planned) < 2)
    @rule(kind=st.sampled_from(KINDS))
    def think(self, kind: str) -> None:
        """Somebody has a plan before them, and has not said yes yet."""
        plan = self._plan(kind)
        if plan is not None:
            self.planned.append((plan, len(self.writes)))

    @precondition(lambda self: len(self.consoles) < 3 and self.planned)
    @rule(which=st.integers(0, 1))
    def agree(self, which: int) -> None:
        plan, since = self.planned.pop(which % len(self.planned))
        self._launch(plan, None, since)

    @precondition(lambda self: len(self.consoles) < 3 and self._open())
    @rule()
    def recover(self) -> None:
        (number,) = self._open()
        changes = self.loop.run_until_complete(self.journal.open_changes())
        self._launch(changes[0].plan, number)

    @precondition(lambda self: self.consoles)
    @rule(which=st.integers(0, 2), points=st.integers(1, 12))
    def move(self, which: int, points: int) -> None:
        console = self.consoles[which % len(self.consoles)]
        for _ in range(points):
            if console not in self.consoles:
                break
            self._move(console)

    @precondition(lambda self: self.consoles)
    @rule(which=st.integers(0, 2), where=st.sampled_from(PLACES))
    def go_on(self, which: int, where: str) -> None:
        """Until such a point comes, or the end."""
        self._go_on(self.consoles[which % len(self.consoles)], where, 1)

    @precondition(lambda self: not self.consoles)
    @rule(kind=st.sampled_from(KINDS), where=st.sampled_from(PLACES), times=st.integers(1, 6))
    def cut_off(self, kind: str, where: str, times: int) -> None:
        """A change by a console that dies at such a point."""
        self.start(kind)
        for console in self.consoles:
            self._go_on(console, where, times)
        if self.consoles:
            self.kill(0)

    @precondition(lambda self: self._open() and not self.consoles)
    @rule(where=st.sampled_from(PLACES), times=st.integers(1, 6))
    def rescue(self, where: str, times: int) -> None:
        """A recovery, which may die too."""
        self.leases_end()
        self.recover()
        self._go_on(self.consoles[0], where, times)
        if self.consoles:
            self.kill(0)

    @precondition(lambda self: not self.consoles and not self._open())
    @rule(kind=st.sampled_from(KINDS), where=st.sampled_from(PLACES), times=st.integers(1, 6))
    def freeze(self, kind: str, where: str, times: int) -> None:
        """A console stands still until its change has been recovered, and then goes on."""
        self.start(kind)
        for console in self.consoles:
            self._go_on(console, where, times)
        if self.consoles and self._open():
            self.leases_end()
            self.recover()
            self._go_on(self.consoles[-1], "the end", 1)
        self.finish()

    @precondition(lambda self: not self.consoles and not self._open())
    @rule(kind=st.sampled_from(KINDS), ref=st.sampled_from(REFS), fault=st.sampled_from(_UNSURE))
    def unsure(self, kind: str, ref: Ref, fault: str) -> None:
        """A request gets no answer, who sent it dies, and the change is recovered."""
        self.faults.plan("write", ref, fault)
        self.start(kind)
        for console in self.consoles:
            console.story.disturbed = True
            self._go_on(console, f"after write {ref}", 1)
        if self.consoles:
            self.kill(0)
        if self._open():
            self.leases_end()
            self.recover()
        self.finish()

    @precondition(lambda self: self.consoles)
    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        console = self.consoles[which % len(self.consoles)]
        console.killed = True
        self._move(console)

    @precondition(lambda self: self.consoles)
    @rule(which=st.integers(0, 2))
    def interrupt(self, which: int) -> None:
        console = self.consoles[which % len(self.consoles)]
        console.stop.set()
        console.story.disturbed = True

    @rule()
    def leases_end(self) -> None:
        """Everybody stands still for longer than a lease."""
        self.db.execute("UPDATE lease SET expires = expires - ?", (LEASE + 1,))
        self.world.advance(LEASE + 1)
        for console in self.consoles:
            console.story.disturbed = True

    @rule(
        ref=st.sampled_from(REFS),
        read=st.booleans(),
        fault=st.integers(0, len(WRITE_FAULTS) - 1),
        times=st.integers(1, 3),
    )
    def fail(self, ref: Ref, read: bool, fault: int, times: int) -> None:
        known = READ_FAULTS if read else WRITE_FAULTS
        if not read and ref.kind not in self.unguarded:
            # Where an undo is refused, nothing holds off a request that a frozen console sends.
            known = tuple(one for one in known if one != "denied")
        self.faults.plan("read" if read else "write", ref, *[known[fault % len(known)]] * times)
        for console in self.consoles:
            console.story.disturbed = True

    @rule(ref=st.sampled_from(REFS), which=st.integers(0, 1))
    def outside(self, ref: Ref, which: int) -> None:
        values = STRANGE[ref.kind]
        looked = ("after read traffic", "before journal", "after journal", "before write slot")
        loading = any(one.point.startswith(looked) for one in self.consoles)
        if ref.kind == "traffic" and (loading or self.world.late("slot")):
            # The look at the traffic and the load are two systems: nothing holds both still.
            return
        self.outsiders = True
        self.world.outside(ref, values[which % len(values)])

    def teardown(self) -> None:
        found = bool(self.violations)
        self.violations.clear()
        try:
            while self.consoles:
                self.consoles[0].killed = True
                self.violations.clear()
                self._move(self.consoles[0])
            if not found:
                self._check_the_end()
        finally:
            self.loop.run_until_complete(_end_all())
            self.db.close()
            self.loop.run_until_complete(self.journal.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def _check_the_end(self) -> None:
        """Once everybody has died, the system works again and what is open was recovered."""
        self.faults.planned.clear()
        for _ in range(4):
            if self._open():
                self.leases_end()
                self.recover()
                self.finish()
        self.world.advance(SETTLE)
        assert not self._open(), "a change that no recovery ends"
        assert not self._rows("SELECT * FROM lease")
        assert not [entry for entry in self.world.log() if entry.get("under_traffic")]
        said = self._rows("SELECT 1 FROM step WHERE state IN ('foreign', 'failed')")
        why = whole(self.world.values())
        assert why is None or self.outsiders or said, why

    # What the rules are made of

    def _go_on(self, console: Console, where: str, times: int) -> None:
        self._move(console)
        while console in self.consoles:
            times -= console.point.startswith(where)
            if times <= 0:
                break
            self._move(console)

    def finish(self) -> None:
        while self.consoles:
            self._move(self.consoles[0])

    def _plan(self, kind: str) -> Plan | None:
        standing = self.loop.run_until_complete(self.journal.standing("fraud"))
        releases = tuple(self.loop.run_until_complete(self.journal.releases("fraud")))
        values = self.world.values()
        now = seen(values, releases, None)
        version = now.need_model().find(
            "12" if values[alias_ref("fraud", "champion")] == "13" else "13"
        )
        assert version is not None
        makers = {
            "canary": lambda: canary(now, version, 500, None),
            "shadow": lambda: shadow(now, version, 1000),
            "promote": lambda: promote(now, version, Stage.PRODUCTION, PASSED),
            "rollback": lambda: rollback(now, None, None, "bad"),
            "abort": lambda: abort(now),
        }
        try:
            plan = makers[kind]()
        except ModeldeckError:
            return None
        return None if plan.refused or not plan.sets else replace(plan, standing=standing)

    def _launch(self, plan: Plan, number: int | None, since: int | None = None) -> None:
        self.began += 1
        name = f"console {self.began}"
        if number is None:
            story = self.stories[name] = Story(len(self.writes) if since is None else since)
        else:
            story = self.stories[self._change(number)["actor"]]
        story.disturbed = story.disturbed or bool(self.faults.planned)
        console = Console(self, name, plan, story)
        points = console.points

        async def sleep(seconds: float) -> None:
            await points.hit("sleep")
            self.world.advance(seconds)

        async def verify(_plan: Plan) -> Verified:
            await points.hit("verify")
            return Verified(True, "seen")

        made: dict[bool, Settable] = {
            guarded: PointSettable(
                SimSettable(self.world, guarded, SETTLE, self.faults, lambda: LATE), points
            )
            for guarded in (True, False)
        }
        journal = cast(Journal, PointJournal(self.journal, points))
        applier = self.applier(
            journal,
            lambda ref: made[ref.kind not in self.unguarded],
            console.name,
            verify=verify,
            after_done=cast(Any, release_keeper(journal, self.world.values)),
            stop=console.stop,
            sleep=sleep,
            clock=self.world.now,
        )

        async def begin() -> None:
            work = (
                applier.apply(plan, actor=console.name, command=plan.kind)
                if number is None
                else applier.recover(number)
            )
            console.task = asyncio.ensure_future(work)

        if number is not None:
            values = self.world.values()
            console.all_set = self._change(number)["goal"] == "forward" and all(
                values[item.ref] == item.after for item in plan.sets
            )
        self.loop.run_until_complete(begin())
        self.consoles.append(console)
        self._move(console)

    def _move(self, console: Console) -> None:
        self.current = console
        self.loop.run_until_complete(console.move())
        self.current = None
        if console.gone:
            self.consoles.remove(console)
        assert not self.violations, "; ".join(self.violations)
        if not console.gone:
            return
        assert console.task is not None
        error = console.task.exception()
        if error is not None and not isinstance(error, Killed | ModeldeckError):
            raise error

    def _change(self, number: int) -> sqlite3.Row:
        return self._rows("SELECT * FROM change WHERE number = ?", number)[0]

    def _open(self) -> list[int]:
        return [row["number"] for row in self._rows("SELECT number FROM change WHERE open = 1")]

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self.db.execute(query, values).fetchall()

    # What must hold

    def expect(self, right: object, said: str) -> None:
        # Raised only once the engine has answered: it takes what an adapter raises for an answer.
        if not right:
            self.violations.append(said)

    def check_write(self, ref: Ref, old: Value, who: str) -> None:
        """Of every write that the system accepts."""
        console = self.current
        if who != "late":
            self.writes.append((ref, console.name if console and who == "console" else who))
        if who != "console" or console is None:
            return
        (item,) = [item for item in console.plan.sets if item.ref == ref]
        self.expect(old in (item.before, item.after), f"{ref}: {old} was somebody else's")
        held = self._rows("SELECT * FROM change WHERE open = 1 AND holder = ?", console.name)
        if not held:
            # One that stood right before its request may still win the race for it, as long as
            # whoever took over has not come to that ref.
            late = console.point.startswith("before write") and self._open()
            self.expect(late, f"{ref} was written without the lease")
            return
        (step,) = self._rows(
            "SELECT state FROM step WHERE change = ? AND ref = ?", held[0]["number"], str(ref)
        )
        announced = step["state"] in ("intent", "undo_intent")
        self.expect(announced, f"{ref} was written unannounced")

    def check_ended(self, console: Console) -> None:
        """Of a change in the moment in which its end is written down."""
        held = self._rows(
            "SELECT * FROM change WHERE holder = ? ORDER BY number DESC LIMIT 1", console.name
        )
        if not held:
            self.violations.append("a change was ended by one who had lost it")
            return
        (change,) = held
        state, touched = change["state"], console.touched
        steps = self._rows("SELECT * FROM step WHERE change = ?", change["number"])
        values = self.world.values()
        for step in steps:
            ref, now = Ref.parse(step["ref"]), step["state"]
            if ref in touched:
                continue
            after, before = _value(step["after"]), _value(step["before"])
            if state == "done":
                self.expect(values[ref] == after, f"done, and {ref} is {values[ref]}")
            elif now in ("undone", "pending") and change["goal"] == "undo":
                self.expect(values[ref] == before, f"{now}, and {ref} is {values[ref]}")
                self._check_nothing_under_way(ref, before)
        if console.story.disturbed or touched:
            return
        said = f"{state}, and nobody disturbed it: {change['note']}"
        self.expect(state in ("done", "undone"), said)
        if console.all_set:
            self.expect(state == "done", "it was all set already, and was undone")

    def _check_nothing_under_way(self, ref: Ref, wanted: Value) -> None:
        with self.world.opened() as state:
            revision = state["refs"][str(ref)]["revision"]
            for late in state["late"]:
                lands = not late["guarded"] or late["revision"] == revision
                harmless = late["ref"] != str(ref) or decode(late["after"]) == wanted
                said = f"{ref} was put back, and a request on its way will set it again"
                self.expect(harmless or not lands, said)


async def _end_all() -> None:
    """What a failed example left standing at its points."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _value(text: str) -> Value:
    return decode(json.loads(text))
