"""The log file: off the screen, rotated, redacted, 0600."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from commands.configfile import state_folder
from core.redaction import redact

LARGEST = 1024 * 1024


def write_traceback(error: BaseException) -> Path | None:
    """Append a traceback, without local values. None where the log cannot be written."""
    text = "".join(traceback.format_exception(error))
    return write(text)


def write(text: str) -> Path | None:
    path = state_folder() / "modeldeck.log"
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(redact(f"{stamp} {text.rstrip()}\n"))
    except OSError:
        return None
    return path
