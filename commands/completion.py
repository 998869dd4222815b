"""Words to complete, from the config and the journal alone: completion never asks the network."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from commands.configfile import Loaded, load, state_folder
from core.errors import ModeldeckError
from core.releases import PARTS
from core.versions import Stage


def words(what: str) -> list[str]:
    """What can stand in a parameter that completes `what`; nothing where it is not known."""
    fixed: dict[str, list[str]] = {"stage": [stage.value for stage in Stage], "part": [*PARTS]}
    if what in fixed:
        return fixed[what]
    try:
        loaded = load()
    except ModeldeckError:
        return []
    if what == "service":
        return list(loaded.config.services)
    if what == "fault":
        from demo.faults import FAULTS

        return [*FAULTS]
    if what == "version":
        aliases = {f"@{service.champion_alias}" for service in loaded.config.services.values()}
        return [*sorted(aliases), *_journalled(loaded, _VERSIONS)]
    return _journalled(loaded, {"release": _RELEASES, "change": _CHANGES}[what])


_VERSIONS = "SELECT DISTINCT json_extract(value, '$') FROM reading WHERE ref LIKE 'slot:%'"
_RELEASES = "SELECT DISTINCT 'r' || number FROM release ORDER BY number DESC"
_CHANGES = "SELECT number FROM change WHERE open = 1"


def _journalled(loaded: Loaded, query: str) -> list[str]:
    named = loaded.config.journal.path
    path = named or str(state_folder() / f"{loaded.config.environment.name}.db")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)) as db:
            return [str(row[0]) for row in db.execute(query) if row[0] is not None]
    except sqlite3.Error:
        return []
