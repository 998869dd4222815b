"""Secrets are left out of every text, however they are written in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import redaction
from core.errors import Denied
from core.redaction import redact, redacted, remember, shown
from tui.cells import fit, wrap

SECRET = 's3cret/"to\\ken"+x'


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_SECRET", [])


@pytest.mark.parametrize(
    "text",
    [
        f"invalid header Bearer {SECRET}",
        json.dumps({"said": f"Bearer {SECRET}"}),
        f"{SECRET!r} is no token",
        "https://ops:s3cret%2F%22to%5Cken%22%2Bx@mlflow",
    ],
)
def test_a_secret_is_left_out_in_every_form(text: str) -> None:
    remember(SECRET)
    said = redact(text)
    assert "[redacted]" in said
    assert "s3cret" not in said


def test_a_short_one_does_not_blot_out_texts() -> None:
    remember("no")
    assert redact("nobody knows") == "nobody knows"


def test_the_shape_of_a_document_stays() -> None:
    remember("1234")
    remember("message")
    document: dict[str, Any] = {"message": "no message", "rows": [1234, 1.5, None, True, "x1234"]}
    document["v1234"] = ("a", {"1234": "b"})
    assert redacted(document) == {
        "message": "no [redacted]",
        "rows": [1234, 1.5, None, True, "x[redacted]"],
        "v[redacted]": ["a", {"[redacted]": "b"}],
    }


def test_errors_and_cells_are_without_it_before_they_are_cut() -> None:
    remember("sup3rs3cret-token")
    error = Denied("Bearer sup3rs3cret-token", backend="x", hint="not sup3rs3cret-token")
    assert "sup3r" not in f"{error} {error!r} {error.message} {error.hint}"
    assert "sup3r" not in fit("Bearer sup3rs3cret-token", 12)
    assert "sup3r" not in "".join(wrap("Bearer sup3rs3cret-token", 12))
    assert shown("\x1b sup3rs3cret-token") == "\\x1b [redacted]"
