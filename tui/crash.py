"""What is left on the terminal when the console ends by a defect: where, and no values."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from core.text import clean

FRAMES = 12


def crash_text(
    error: BaseException | None, trace: TracebackType | None, redact: Callable[[str], str]
) -> str:
    """File, line and function of the last frames; no source values, no local variables."""
    if error is None:
        return "modeldeck stopped by a defect"
    lines = ["modeldeck stopped by a defect; nothing of it is left running.", ""]
    for frame in traceback.extract_tb(trace)[-FRAMES:]:
        where = "/".join(Path(frame.filename).parts[-3:])
        lines.append(f"  {where}:{frame.lineno} in {frame.name}")
    lines.append(f"{type(error).__name__}: {error}")
    lines.append("")
    lines.append("A change that was under way is in the journal: `modeldeck recover`.")
    return "\n".join(clean(part) for part in redact("\n".join(lines)).split("\n"))
