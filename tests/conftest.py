"""The real servers of the test run, started once, and the rule that CI skips none of them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.commands.driving import DeckFleet
from tests.demo.running import RunningFleet
from tests.live.journals import Place, database_place, file_place
from tests.live.postgres import Postgres, postgres_server
from tests.live.seeds import Seeds
from tests.live.servers import mlflow_server
from tests.live.stores import SQLITE

ONE_WORKER = (
    ("tests/demo/",),
    ("tests/commands/test_cli_", "tests/sessions/"),
    (
        "tests/backends/registry/",
        "tests/backends/engines/test_slot_contract",
        "tests/commands/test_gate",
        "tests/commands/test_ledger",
    ),
)
"""Tests that share servers, each group by where they stand: one worker starts them once."""
FLEETS = pytest.StashKey[dict[str, RunningFleet]]()
"""By the fixture that keeps one."""


def together(nodeid: str) -> str:
    """What the test is scheduled with: its group, else itself alone."""
    return next((group[0] for group in ONE_WORKER if nodeid.startswith(group)), nodeid)


class ByServers(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    return ByServers(config, log)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.CallInfo[None], None]:
    """In CI a test of a real server that is skipped has failed: nobody would ever notice."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    live = item.get_closest_marker("live") is not None
    if report.skipped and live and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"a test of a real server must run in CI: {why}"


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A fleet under load takes a fifth of a core: none outlives the tests that are about it."""
    if nextitem is not None and together(item.nodeid) == together(nextitem.nodeid):
        return
    for fixture, fleet in item.config.stash.get(FLEETS, {}).items():
        if fixture not in getattr(nextitem, "fixturenames", ()):
            fleet.stop()


@pytest.fixture(scope="session")
def mlflow_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="session")
def mlflow_database(postgres: Postgres) -> str:
    """What lies under `mlflow_on_postgres`."""
    return postgres.create()


@pytest.fixture(scope="session")
def mlflow_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, mlflow_database: str
) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow-postgres"), mlflow_database) as url:
        yield url


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> str:
    """What lies under MLflow: SQLite, unless `tests.live.stores` has a test run on both."""
    return getattr(request, "param", SQLITE)


@pytest.fixture(scope="session")
def mlflow_url(request: pytest.FixtureRequest, store: str) -> str:
    """A real MLflow server, one for the whole run: each test makes models of its own.

    Asked for by name, so that no server ends when the tests go on to the other one.
    """
    return str(request.getfixturevalue(f"mlflow_on_{store}"))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL, one for the whole run: each test makes a database of its own."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["file", pytest.param("database", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A fresh journal, once on SQLite and once on PostgreSQL."""
    if request.param == "file":
        return file_place(tmp_path / "journal.db")
    server: Postgres = request.getfixturevalue("postgres")
    return database_place(server.create())


@pytest.fixture(scope="session")
def seeds(mlflow_url: str) -> Iterator[Seeds]:
    """Fills the run's MLflow server."""
    seeds = Seeds(mlflow_url)
    yield seeds
    seeds.close()


@pytest.fixture(scope="session")
def fleets(pytestconfig: pytest.Config) -> dict[str, RunningFleet]:
    """Whatever fleet stands here is ended when no test needs it."""
    return pytestconfig.stash.setdefault(FLEETS, {})


@pytest.fixture(scope="session")
def started_deck(
    tmp_path_factory: pytest.TempPathFactory, fleets: dict[str, RunningFleet]
) -> Iterator[DeckFleet]:
    """`modeldeck demo --headless`, one for the tests of commands and of whole sessions."""
    with DeckFleet(tmp_path_factory.mktemp("deck") / "state") as fleet:
        fleets["started_deck"] = fleet
        yield fleet


@pytest.fixture
def deck_fleet(started_deck: DeckFleet) -> DeckFleet:
    """That fleet, running; whoever uses it leaves it as it was."""
    started_deck.start()
    return started_deck


@pytest.fixture
def fleet(deck_fleet: DeckFleet) -> Iterator[DeckFleet]:
    """The session's fleet; whatever the test left behind is put back."""
    yield deck_fleet
    deck_fleet.restore()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
