"""A local clone of the training source, asked through the program git alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from core.errors import BadAnswer, Timeout, Unreachable
from core.text import clean

TIMEOUT = 5.0
"""Seconds for one question."""
_HINT = "[lineage] clone in the config names a local clone of the training source"


async def has_commit(clone: str, commit: str, *, timeout: float = TIMEOUT) -> bool:
    """Whether the clone has this commit, whole or abbreviated. Nothing is fetched.

    Raises Unreachable where there is no git or no clone, Timeout, and BadAnswer where the clone
    cannot tell: it is shallow, or the abbreviation fits several.
    """
    folder = _home(clone)
    what = f"look for commit {clean(commit)} in {clean(folder)}"
    said = await _git(
        folder, what, "cat-file", "--batch-check", ask=commit + "^{commit}\n", timeout=timeout
    )
    words = said.split()
    if len(words) == 3 and words[1] == "commit":
        return True
    if words[-1:] == ["ambiguous"]:
        raise BadAnswer(f"{what}: it fits several objects", backend="git", operation=what)
    if words[-1:] != ["missing"]:
        raise BadAnswer(f"{what}: git said {clean(said)[:200]}", backend="git", operation=what)
    shallow = await _git(folder, what, "rev-parse", "--is-shallow-repository", timeout=timeout)
    if shallow.strip() == "true":
        hint = "git fetch --unshallow there completes it"
        said = f"{what}: the clone is shallow, so that it cannot tell"
        raise BadAnswer(said, backend="git", operation=what, hint=hint)
    return False


def _home(clone: str) -> str:
    return str(Path(clone).expanduser())


async def _git(folder: str, what: str, *words: str, timeout: float, ask: str = "") -> str:
    """What git printed, deaf to the settings of this account's environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    # A partial clone would fetch what it lacks from its server.
    argv = ["git", "-c", "protocol.allow=never", "-C", folder, *words]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=kept | quiet,
        )
    except OSError as error:
        why = f"{what}: git cannot be run ({error.strerror})"
        raise Unreachable(why, backend="git", operation=what, hint="install git") from error
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(ask.encode())
    except TimeoutError as error:
        why = f"{what}: no answer within {timeout:g} s"
        raise Timeout(why, backend="git", operation=what) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        why = clean(err.decode(errors="replace").strip().split("\n")[0])[:200]
        raise Unreachable(f"{what}: {why}", backend="git", operation=what, hint=_HINT)
    return out.decode(errors="replace")
