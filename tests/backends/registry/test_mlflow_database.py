"""What MLflow answers when the database under it fails, and what then becomes of a move."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from backends.contract.ledger import ANA
from backends.registry.mlflow_ledger import EXPERIMENT
from core.errors import Unreachable
from tests.backends.registry.test_mlflow_ledger import Harness, experiments, put_away
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live

FAILURES = {
    "a deadlock": "40P01",
    "a transaction that cannot be serialized": "40001",
    "a transaction that was aborted": "25P02",
    "a key that somebody took and gave back": "23505",
    "an error of the database's own": "XX000",
}
_SET_UP = """
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence is the one thing that is not rolled back.
    IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'planned' USING ERRCODE = '{code}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fail BEFORE {write} ON {table} FOR EACH ROW EXECUTE FUNCTION fail();
"""
_TEAR_DOWN = "DROP TRIGGER fail ON {table}; DROP FUNCTION fail; DROP SEQUENCE failures"


@contextlib.contextmanager
def failing(
    database: str, code: str, times: int, write: str = "INSERT", table: str = "params"
) -> Iterator[None]:
    """So many writes of this kind fail with this error."""
    set_up = _SET_UP.format(code=code, times=times, write=write, table=table)
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(set_up.encode())
        try:
            yield
        finally:
            db.execute(_TEAR_DOWN.format(table=table).encode())


@pytest.fixture
def seeds(mlflow_on_postgres: str) -> Iterator[Seeds]:
    seeds = Seeds(mlflow_on_postgres)
    yield seeds
    seeds.close()


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("times", [1, 99])
def test_a_claim_that_the_database_failed_is_made_again_or_nothing_is_moved(
    mlflow_on_postgres: str, mlflow_database: str, seeds: Seeds, failure: str, times: int
) -> None:
    harness = Harness(mlflow_on_postgres, seeds)

    async def body() -> Any:
        adapter = harness.open()
        try:
            await harness.move(adapter, "1")
            with failing(mlflow_database, FAILURES[failure], times):
                if times == 1:
                    assert await harness.move(adapter, "2", ANA) == "entry 2 of the ledger"
                else:
                    with pytest.raises(Unreachable, match="planned"):
                        await harness.move(adapter, "2", ANA)
            named = (await adapter.read(harness.ref)).value
            chain = await harness.chain(adapter)
        finally:
            await adapter.close()
        assert named == ("2" if times == 1 else "1")
        assert [one.after for one in chain.entries] == (["1", "2"] if times == 1 else ["1"])
        assert chain.open is None

    asyncio.run(body())


@pytest.mark.parametrize(
    ("write", "table"), [("INSERT", "experiments"), ("INSERT", "runs"), ("UPDATE", "experiments")]
)
def test_a_ledger_that_the_database_failed_to_make_is_no_missing_right_and_leaves_nothing(
    mlflow_on_postgres: str, mlflow_database: str, seeds: Seeds, write: str, table: str
) -> None:
    put_away(seeds)
    harness = Harness(mlflow_on_postgres, seeds)

    async def body() -> None:
        adapter = harness.open()
        try:
            harness.outside("1")
            code = FAILURES["an error of the database's own"]
            with (
                failing(mlflow_database, code, 1, write, table),
                pytest.raises(Unreachable, match="planned"),
            ):
                await harness.move(adapter, "2", ANA)
            assert experiments(seeds) == []
            assert (await adapter.read(harness.ref)).value == "1"
            assert await harness.move(adapter, "2", ANA) == "entry 1 of the ledger"
            (made,) = experiments(seeds)
            assert made["name"] == EXPERIMENT
        finally:
            await adapter.close()

    asyncio.run(body())
