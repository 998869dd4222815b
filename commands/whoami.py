"""`whoami`: the identity that the journal records, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.identity import identity
from commands.spec import Cell, Grid, Spec
from core.errors import ModeldeckError
from core.policy import advisory


@dataclass(frozen=True, slots=True)
class Args:
    pass


@dataclass(frozen=True)
class Identity:
    actor: str
    source: str
    host: str
    journal: str
    shared: bool

    def data(self) -> Mapping[str, Any]:
        return {
            "actor": self.actor,
            "from": self.source,
            "host": self.host,
            "journal": self.journal,
            "shared": self.shared,
        }

    def grids(self) -> Sequence[Grid]:
        whose = "everybody who uses this database" if self.shared else "this account on this host"
        rows: list[Sequence[Cell]] = [
            ("actor", (self.actor, "strong"), f"from {self.source}"),
            ("host", self.host, ""),
            ("journal", self.journal, f"of {whose}"),
            ("approvals", advisory(shared=self.shared), ""),
        ]
        return [Grid((), rows)]

    def error(self) -> ModeldeckError | None:
        return None


async def run(deck: Deck, _args: Args) -> Identity:
    name, source = identity()
    shared = deck.config.journal.shared
    return Identity(name, source, os.uname().nodename, deck.journal.path, shared)


SPEC = Spec(
    "whoami",
    "query",
    "Who the journal will say that you are, and where that comes from",
    Args,
    run,
    ("modeldeck whoami", "modeldeck whoami -o json"),
)
