"""A URL of the journal's database holds no secret, whatever was forgotten in it."""

from __future__ import annotations

import pytest

from core.journal import JournalConfig, journal_problems

SECRET = "hunter2"


@pytest.mark.parametrize(
    "rest",
    [
        f"ana:{SECRET}@db/deck",
        f"ana:{SECRET}/deck",
        f"ana:{SECRET}",
        f"ana:/{SECRET}",
        f"ana:?{SECRET}",
        f"one:5432,ana:{SECRET}/deck",
        f"[::1]:{SECRET}/deck",
        f"ana@db:{SECRET}/deck",
        f"db/deck?password={SECRET}",
        f"db/deck?PASSWORD={SECRET}",
    ],
)
def test_a_secret_is_refused_and_not_repeated(rest: str) -> None:
    (problem,) = journal_problems(JournalConfig(url=f"postgresql://{rest}"))
    assert "password" in problem.message
    assert SECRET not in problem.message


@pytest.mark.parametrize(
    "rest",
    [
        "ana@db/deck?sslmode=verify-full",
        "db:5432/deck",
        "one:5432,two:5433/deck",
        "one,two/deck",
        "[::1]:5432/deck",
        "[fe80::1]/deck",
        "ana@[::1]:5432/deck",
        "/deck?host=/run/postgresql",
        "%2Frun%2Fpostgresql/deck",
        "db/deck?options=-c%20statement_timeout%3A5",
    ],
)
def test_what_holds_none_is_taken(rest: str) -> None:
    assert journal_problems(JournalConfig(url=f"postgresql://{rest}")) == []
