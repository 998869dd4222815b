"""The box between asking and doing: it shows the plan, takes the one y, and shows what happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.errors import ModeldeckError
from core.policy import held_up
from core.refs import Ref
from tui.cells import Row, line
from tui.confirm import Confirmation
from tui.frame import bottom, boxed
from tui.panels.box import BoxView, Phase, box_body, box_tail, box_title
from tui.seam import Answer, Backend, Outcome, Progress, Proposal

WIDEST = 92
MOST_NOTES = 3


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
        self._notes: tuple[str, ...] = ()
        self._outcome: Outcome | None = None
        self._error: ModeldeckError | None = None
        self._hint = ""
        self._top = self._room = self._seen_to = 0

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
        needs_word = self._backend.facts.production and held_up(found.plan)
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
        self._hint = ""
        self._changed()

    def confirm(self, fresh: bool) -> None:
        """The y. `fresh` is what `key_seen` said of it."""
        if self.phase != "shown" or self.proposal is None or self._refused():
            return
        if not self.proposal.plan.sets:
            self._hint = "nothing is to be set: esc closes"
        elif why := self._confirm.confirms(fresh, self._clock()):
            self._hint = why
        else:
            self.phase, self._hint = "applying", ""
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
            self._hint = "a plan without any part does nothing"
        else:
            self.left_out = left
            self.proposal = self._backend.without(self._whole, left) if left else self._whole
            self._confirm.complete_since = None
        self._changed()

    def move(self, by: int) -> None:
        """The cursor over the parts that may be left out; past the last one, and else, scrolls."""
        if self.phase == "shown" and self._whole is not None and self._can_leave_out():
            before = -1 if self._cursor is None else self._cursor
            self._cursor = max(0, min(before + by, len(self._whole.plan.sets) - 1))
            if self._cursor != before:
                # A row of title stands above the sets.
                first, last = self._cursor, self._cursor + 2 - self._room
                self._top = max(min(self._top, first), last)
                self._changed()
                return
        self._top = max(0, self._top + by)
        self._changed()

    def page(self, by: int) -> None:
        self._top = max(0, self._top + by * max(1, self._room - 1))
        self._changed()

    def back(self) -> None:
        """esc: closes without doing anything; a running change is not left by accident."""
        if self.phase == "applying":
            self._hint = "it is being applied; q stops it after the set in hand"
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
            # What is said again moves to the end.
            others = [note for note in self._notes if note != progress.note]
            self._notes = (*others, progress.note)[-MOST_NOTES:]
        else:
            self._states[progress.ref] = progress
        self._changed()

    # Drawing

    def rows(self, width: int, height: int) -> list[Row]:
        """The box as it stands, at most so wide and high."""
        outer = max(20, min(WIDEST, width - 4 if width > 60 else width))
        inner = outer - 4
        view = self._view()
        body, tail = box_body(view, inner), box_tail(view, inner)[: max(1, height - 3)]
        room = max(1, height - 2 - len(tail))
        self._room = room
        self._top = max(0, min(self._top, len(body) - room))
        part = body[self._top : self._top + room]
        if hidden := len(body) - self._top - len(part):
            part[-1] = line(inner, [(f"↓ {hidden + 1} more lines", "warning")])
        self._seen_to = max(self._seen_to, self._top + len(part) - bool(hidden))
        if self.phase == "shown":
            self._confirm.shown(self._seen_to >= len(body), self._clock())
        return [*boxed([box_title(view), *part, *tail], outer), bottom(outer)]

    def _view(self) -> BoxView:
        cursor = None
        if self.phase == "shown" and self._whole is not None and self._cursor is not None:
            cursor = self._whole.plan.sets[self._cursor].ref
        return BoxView(
            self.phase, self._backend.facts, self.line, self._whole, self.proposal, cursor,
            self.left_out, self._can_leave_out(), self._confirm.word, self._confirm.typed,
            self._states, self._notes, self._outcome, self._error, self._hint,
        )  # fmt: skip


def _defect(error: Exception) -> ModeldeckError:
    return ModeldeckError(f"{type(error).__name__}: {error}", hint="this is a defect of modeldeck")
