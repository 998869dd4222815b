"""The box between asking and doing: it shows the plan, takes the one y, and shows what happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from core.errors import ModeldeckError
from core.plan import Plan
from core.refs import Ref
from core.text import clean
from tui.cells import Cell, Row, fill, line, wrap
from tui.confirm import Confirmation
from tui.frame import Rule, bottom, boxed
from tui.panels.plan import plan_rows
from tui.seam import Answer, Backend, Outcome, Progress, Proposal

Phase = Literal["closed", "asking", "shown", "applying", "ended", "failed"]
WIDEST = 92


class PlanBox:
    """Opened with a command line; every change of what it shows calls `changed`.

    A query's answer goes to `answered` instead, and the box closes.
    """

    def __init__(
        self,
        backend: Backend,
        changed: Callable[[], None],
        answered: Callable[[Answer], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._changed = changed
        self._answered = answered
        self._clock = clock
        self._confirm = Confirmation()
        self._task: asyncio.Task[None] | None = None
        self.stop = asyncio.Event()
        self._clear()

    def _clear(self) -> None:
        self.phase: Phase = "closed"
        self.line = ""
        self.proposal: Proposal | None = None
        self.left_out: frozenset[Ref] = frozenset()
        self._whole: Proposal | None = None
        self._cursor: int | None = None
        self._states: dict[Ref, Progress] = {}
        self._notes: list[Progress] = []
        self._outcome: Outcome | None = None
        self._error: ModeldeckError | None = None
        self._hint: Cell | None = None
        self._top = 0
        self._seen_to = 0

    @property
    def open(self) -> bool:
        return self.phase != "closed"

    @property
    def applying(self) -> bool:
        return self.phase == "applying"

    @property
    def outcome(self) -> Outcome | None:
        return self._outcome

    @property
    def command_line(self) -> str:
        """What does the same, ready to copy into a shell."""
        return self.proposal.line if self.proposal is not None else f"modeldeck {self.line}"

    def key_seen(self, key: str) -> bool:
        """Every key of the console passes here first, so that a held one is known as held."""
        return self._confirm.saw(key, self._clock())

    # Asking

    def ask(self, line: str, service: str | None) -> None:
        """Open the box and find out what the line would do. One plan at a time."""
        if self.open:
            return
        self._clear()
        self.phase, self.line = "asking", line
        self._task = asyncio.create_task(self._ask(line, service))
        self._changed()

    async def _ask(self, line: str, service: str | None) -> None:
        try:
            found = await self._backend.propose(line, service)
        except ModeldeckError as error:
            self._fail(error)
            return
        except Exception as error:
            self._fail(_defect(error))
            return
        if isinstance(found, Answer):
            self._clear()
            self._answered(found)
            return
        self.proposal = self._whole = found
        self.phase = "shown"
        needs_word = self._backend.facts.production and found.plan.goal == "forward"
        self._confirm.word = found.plan.service if needs_word else ""
        self._confirm.typed = ""
        self._confirm.complete_since = None
        self._changed()

    def _fail(self, error: ModeldeckError) -> None:
        self._error, self.phase = error, "failed"
        self._changed()

    # Keys

    @property
    def wants_letters(self) -> bool:
        return self.phase == "shown" and not self._refused() and self._confirm.wants_letters

    def letter(self, character: str) -> None:
        self._confirm.letter(character)
        self._hint = None
        self._changed()

    def confirm(self, fresh: bool) -> None:
        """The y. `fresh` is what `key_seen` said of it."""
        if self.phase != "shown" or self.proposal is None or self._refused():
            return
        if not self.proposal.plan.sets:
            self._hint = ("nothing is to be set: esc closes", "warning")
        elif why := self._confirm.confirms(fresh, self._clock()):
            self._hint = (clean(why), "warning")
        else:
            self.phase, self._hint = "applying", None
            self._top = self._seen_to = 0
            self.stop = asyncio.Event()
            self._task = asyncio.create_task(self._apply(self.proposal))
        self._changed()

    def leave_out(self) -> None:
        """Take the part under the cursor out of a rollback, or back in."""
        if self.phase != "shown" or self._whole is None or not self._can_leave_out():
            return
        sets = self._whole.plan.sets
        chosen = sets[self._cursor or 0]
        together = frozenset(
            item.ref
            for item in sets
            if item.ref == chosen.ref or (chosen.group and item.group == chosen.group)
        )
        left = self.left_out - together if chosen.ref in self.left_out else self.left_out | together
        if len(left) == len(sets):
            self._hint = ("a plan without any part does nothing", "warning")
        else:
            self.left_out = left
            self.proposal = self._backend.without(self._whole, left) if left else self._whole
            self._confirm.complete_since = None
        self._changed()

    def move(self, by: int) -> None:
        if self.phase == "shown" and self._whole is not None and self._can_leave_out():
            count = len(self._whole.plan.sets)
            self._cursor = max(0, min((self._cursor if self._cursor is not None else -1) + by, count - 1))  # fmt: skip
        self._top = max(0, self._top + by)
        self._changed()

    def back(self) -> None:
        """esc: closes without doing anything; a running change is not left by accident."""
        if self.phase == "applying":
            self._hint = ("it is being applied; q stops it after the set in hand", "warning")
            self._changed()
        else:
            self.close()

    def close(self) -> None:
        if self._task is not None and self.phase == "asking":
            self._task.cancel()
        self._clear()
        self._changed()

    async def finished(self) -> None:
        """Until nothing is being applied."""
        if self._task is not None and self.applying:
            await asyncio.wait({self._task})

    def _refused(self) -> bool:
        return self.proposal is None or bool(self.proposal.plan.refused)

    def _can_leave_out(self) -> bool:
        return self._whole is not None and self._whole.plan.kind == "rollback" and len(self._whole.plan.sets) > 1  # fmt: skip

    # Applying

    async def _apply(self, proposal: Proposal) -> None:
        try:
            self._outcome = await self._backend.apply(proposal, self._progress, self.stop)
        except ModeldeckError as error:
            self._fail(error)
            return
        except Exception as error:
            self._fail(_defect(error))
            return
        self.phase = "ended"
        self._changed()

    def _progress(self, progress: Progress) -> None:
        if progress.ref is None:
            self._notes = [*self._notes, progress][-3:]
        else:
            self._states[progress.ref] = progress
        self._changed()

    # Drawing

    def rows(self, width: int, height: int) -> list[Row]:
        """The box as it stands, at most so wide and high."""
        outer = max(20, min(WIDEST, width - 4 if width > 60 else width))
        inner = outer - 4
        body = self._body(inner)
        tail = self._tail(inner)
        room = max(1, height - 2 - len(tail))
        if self._cursor is None or self.phase != "shown":
            self._top = max(0, min(self._top, len(body) - room))
        else:
            self._top = max(0, min(max(self._cursor + 2 - room, 0), len(body) - room))
        part = body[self._top : self._top + room]
        self._seen_to = max(self._seen_to, self._top + len(part))
        if self.phase == "shown":
            self._confirm.shown(self._seen_to >= len(body), self._clock())
        if len(body) > room and part:
            hidden = len(body) - self._top - room
            if hidden > 0:
                part[-1] = line(inner, [(f"↓ {hidden + 1} more lines", "warning")])
        rows = boxed([self._title(), *fill(part, inner, min(room, len(body))), *tail], outer)
        return [*rows, bottom(outer)]

    def _title(self) -> Rule:
        facts = self._backend.facts
        plan = self.proposal.plan if self.proposal else None
        name = f"{plan.kind} {plan.service}" if plan else self.line
        place = ("PRODUCTION", "danger") if facts.production else (facts.environment, "safe")
        return Rule(((clean(name), "title"),), (place,))

    def _body(self, inner: int) -> list[Row]:
        if self.phase == "asking":
            return [line(inner, [("asking what this would do …", "dim")])]
        if self._error is not None:
            rows = [line(inner, [(text, "critical")]) for text in wrap(self._error.message, inner)]
            if self._error.hint:
                rows += [line(inner, [(text, "")]) for text in wrap(self._error.hint, inner)]
            return rows
        if self._whole is None or self.proposal is None:
            return []
        running = self.phase in ("applying", "ended")
        drawn = self.proposal if running else self._with_line(self._whole, self.proposal)
        cursor = None
        if not running and self._can_leave_out() and self._cursor is not None:
            cursor = self._whole.plan.sets[self._cursor].ref
        rows = plan_rows(
            drawn,
            inner,
            cursor=cursor,
            left_out=self.left_out,
            states=self._states if running else None,
        )
        for progress in self._notes:
            rows += [line(inner, [(text, "accent")]) for text in wrap(progress.note, inner)]
        return rows

    def _with_line(self, whole: Proposal, narrowed: Proposal) -> Proposal:
        """Every set, those left out too, beside what the narrowed plan says of itself."""
        from dataclasses import replace

        plan: Plan = replace(narrowed.plan, sets=whole.plan.sets)
        return replace(narrowed, plan=plan)

    def _tail(self, inner: int) -> list[Row]:
        """The last lines, always visible: what a key would do now, or how it ended."""
        rows: list[Row] = []
        if self.phase == "shown" and self._confirm.word and not self._refused():
            typed: list[Cell] = [
                ("type ", ""), (clean(self._confirm.word), "bold"), (" to go on: ", ""),
                (clean(self._confirm.typed), "bold"),
            ]  # fmt: skip
            typed.append(("▏", "accent") if self._confirm.wants_letters else (" ✔", "ok"))
            rows.append(line(inner, typed))
        if self._outcome is not None:
            rows += self._ending(self._outcome, inner)
        if self._hint is not None:
            rows += [line(inner, [(text, self._hint[1])]) for text in wrap(self._hint[0], inner)]
        rows.append(line(inner, self._keys()))
        return rows

    def _ending(self, outcome: Outcome, inner: int) -> list[Row]:
        word = outcome.state.replace("_", " ")
        number = f"change {outcome.change}: " if outcome.change is not None else ""
        style = "ok" if outcome.ok else "critical"
        rows = [line(inner, [(("✔ " if outcome.ok else "✖ ") + number + word, style)])]
        for said in outcome.lines:
            rows += [line(inner, [(text, "")]) for text in wrap(said, inner)]
        return rows

    def _keys(self) -> list[Cell]:
        if self.phase == "applying":
            return [("applying …", "accent"), ("   q stops after the set in hand", "dim")]
        if self.phase in ("ended", "failed", "asking"):
            return [("esc", "key"), (" closes" if self.phase != "asking" else " cancels", "")]
        if self._refused():
            return [("refused", "critical"), ("      ", ""), ("esc", "key"), (" closes", "")]
        word = "goes back" if self.proposal and self.proposal.plan.goal == "back" else "goes ahead"
        cells: list[Cell] = []
        if self._can_leave_out():
            cells += [("space", "key"), (" leaves a part out      ", "")]
        ready = not self._confirm.wants_letters
        cells += [("y", "key" if ready else "dim"), (f" {word}      ", "" if ready else "dim")]
        return [*cells, ("esc", "key"), (" cancels (No)", "")]


def _defect(error: Exception) -> ModeldeckError:
    return ModeldeckError(f"{type(error).__name__}: {error}", hint="this is a defect of modeldeck")
