"""Copying, also where no terminal passes a clipboard on: always into a file too."""

from __future__ import annotations

import os
from pathlib import Path


def copy_to_file(text: str, path: Path | None) -> str:
    """Write the text where only its owner may read it; what to tell the operator."""
    if path is None:
        return "copied"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
    except OSError as error:
        return f"copied; not into {path}: {error.strerror}"
    return f"copied, also into {path}"
