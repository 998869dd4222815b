"""Filter strings of MLflow's search calls, for any name that a registered model can have.

The server strips the quotes of a literal and knows no escapes, so the quote that the name does
not hold is used. Lists are read as Python literals there: only plain names go into one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[\w .+@-]+")
LONGEST = 4000
"""Characters of a filter; servers and proxies cut longer request lines off."""

PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


def versions_of(name: str) -> str:
    """Finds the versions of one model; with both quotes in the name, of look-alikes too."""
    if "'" not in name:
        return f"name = '{name}'"
    if '"' not in name:
        return f'name = "{name}"'
    return "name LIKE '" + name.replace("'", "_") + "'"


def any_of(names: Sequence[str]) -> str | None:
    """Finds the models of these names; None where no filter can say it: search them all."""
    if not all(_PLAIN.fullmatch(name) for name in names):
        return None
    text = "name IN (" + ", ".join(f"'{name}'" for name in names) + ")"
    return text if len(text) <= LONGEST else None
