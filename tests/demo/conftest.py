"""One fleet for the whole run: started once, and again only after a test that ended it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.running import RunningFleet


@pytest.fixture(scope="session")
def shared(
    tmp_path_factory: pytest.TempPathFactory, fleets: dict[str, RunningFleet]
) -> Iterator[RunningFleet]:
    with RunningFleet(tmp_path_factory.mktemp("fleet") / "state") as running:
        fleets["shared"] = running
        yield running


@pytest.fixture
def fleet(shared: RunningFleet) -> RunningFleet:
    """A running fleet; whoever uses it leaves it as it was, or ended."""
    shared.start()
    return shared
