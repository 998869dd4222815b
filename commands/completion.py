"""Shell completion: the line brought into Typer's form, and the words that fit.

Words come from the config and the journal alone: completion never asks the network.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import MutableMapping, Sequence
from contextlib import closing

from commands.common import take_name
from commands.configfile import Loaded, load
from core.errors import ModeldeckError
from core.releases import PARTS
from core.versions import Stage

VARIABLE = "_MODELDECK_COMPLETE"
"""Set by the shell's script while it asks for completions."""


def prepare(environ: MutableMapping[str, str]) -> str | None:
    """Rewrite the line that the shell hands over: the command's name first, as Typer expects it.

    Options may stand before the name; of them only --config and --env matter here. Returns the
    name that stands left of the cursor.
    """
    if "COMP_WORDS" in environ:
        words = _split(environ["COMP_WORDS"])
        at = int(environ.get("COMP_CWORD") or 0)
        left, incomplete = words[1:at], words[at] if at < len(words) else ""
    else:
        line = environ.get("_TYPER_COMPLETE_ARGS", "")
        left = _split(line)[1:]
        incomplete = left.pop() if left and not line.endswith(" ") else ""
    before, name, after = take_name(_joined(left))
    kept = [] if name is None else [name, *_config(before), *after]
    if "COMP_WORDS" in environ:
        environ["COMP_WORDS"] = shlex.join(["modeldeck", *kept, incomplete])
        environ["COMP_CWORD"] = str(len(kept) + 1)
    else:
        environ["_TYPER_COMPLETE_ARGS"] = f"{shlex.join(['modeldeck', *kept])} {incomplete}"
    return name


def _split(line: str) -> list[str]:
    """The words of a line that may end within quotes."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


def _joined(words: Sequence[str]) -> list[str]:
    """bash takes --config=PATH for three words."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        if last.startswith("--") and (word == "=" or last.endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _config(before: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for index, word in enumerate(before):
        if word in ("--config", "--env"):
            kept += before[index : index + 2]
        elif word.startswith(("--config=", "--env=")):
            kept.append(word)
    return kept


def words(
    what: str, service: str | None = None, config: str | None = None, env: str | None = None
) -> list[str]:
    """What can stand in a parameter that completes `what`; nothing where it is not known."""
    fixed: dict[str, list[str]] = {"stage": [stage.value for stage in Stage], "part": [*PARTS]}
    if what in fixed:
        return fixed[what]
    if what == "fault":
        from demo.faults import FAULTS

        return [*FAULTS]
    try:
        loaded = load(config, env)
    except ModeldeckError:
        return []
    services = loaded.config.services
    if what == "service":
        return list(services)
    if what == "version":
        aliases = {f"@{s.champion_alias}" for s in services.values() if service in (None, s.name)}
        return [*sorted(aliases), *_journalled(loaded, _VERSIONS, service)]
    if what == "asked":
        return [*services, *_journalled(loaded, _APPROVALS, None)]
    query = {"release": _RELEASES, "change": _CHANGES, "approval": _APPROVALS}[what]
    return _journalled(loaded, query, service)


_OF = "(:service IS NULL OR service = :service)"
_VERSIONS = f"""
    SELECT json_extract(value, '$') AS version FROM reading WHERE ref LIKE 'slot:%' AND {_OF}
    UNION SELECT json_extract(content, '$.version') FROM release WHERE {_OF} ORDER BY version
"""
_RELEASES = f"SELECT DISTINCT 'r' || number FROM release WHERE {_OF} ORDER BY number DESC"
_APPROVALS = f"""
    SELECT 'A-' || number FROM approval WHERE change IS NULL AND {_OF}
    AND expires > (julianday('now') - 2440587.5) * 86400.0 ORDER BY number DESC
"""
_CHANGES = f"SELECT number FROM change WHERE open = 1 AND {_OF}"


def _journalled(loaded: Loaded, query: str, service: str | None) -> list[str]:
    if loaded.config.journal.shared:
        return []
    uri = f"{loaded.journal.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0.2)) as db:
            rows = db.execute(query, {"service": service})
            return [str(row[0]) for row in rows if row[0] is not None]
    except sqlite3.Error:
        return []
