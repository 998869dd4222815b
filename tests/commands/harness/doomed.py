"""One command on a real fleet whose process kills itself at a chosen point.

`python -m tests.commands.harness.doomed POINT LEASE -- COMMAND ...`; a POINT of -1 kills nothing
and prints how many points were passed, on the last line of standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from backends.journal.sqlite import SqliteJournal
from commands.cli import main
from commands.deck import Deck
from core.refs import Ref
from tests.commands.harness.points import PointJournal, Points, PointSettable


class FromBegin(Points):
    """Points are counted from the beginning of the change: what is only read before is safe."""

    began = 0

    @property
    def count(self) -> int:
        return len(self.passed) - self.began if self.began else 0


def doom(point: int, lease: float) -> FromBegin:
    """Every deck of this process counts its points, and dies at `point`."""

    async def act(number: int, name: str) -> None:
        if not points.began and name == "before journal.begin":
            points.began = number
        if points.began and number - points.began == point:
            os.kill(os.getpid(), signal.SIGKILL)

    points = FromBegin(act)
    settable = Deck.settable
    journal = Deck.journal.fget
    assert journal is not None

    def counted_journal(deck: Deck) -> Any:
        found: SqliteJournal = journal(deck)
        found.lease_seconds = lease
        return PointJournal(found, points)

    def counted_settable(deck: Deck, ref: Ref) -> Any:
        return PointSettable(settable(deck, ref), points)

    Deck.journal = property(counted_journal)  # type: ignore[assignment,method-assign]
    Deck.settable = counted_settable  # type: ignore[assignment,method-assign]
    return points


if __name__ == "__main__":
    place = sys.argv.index("--")
    counted = doom(int(sys.argv[1]), float(sys.argv[2]))
    code = main(sys.argv[place + 1 :])
    print(f"\npoints {counted.count}", file=sys.stderr)
    sys.exit(code)
