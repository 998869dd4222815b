"""Who may not write the ledger, on a real MLflow with its own basic-auth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.base import Context
from backends.contract.ledger import ANA, BO
from backends.registry.mlflow import MlflowRegistry, Options, open_backend
from backends.registry.mlflow_ledger import NoLedger
from core.errors import Denied
from core.ledger import Chain, Deed
from core.refs import alias_ref
from core.schema import Secret
from tests.live.authenticated import PASSWORD, Admin, basic_auth_server
from tests.live.postgres import Postgres
from tests.live.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.live

REF, SPAM = alias_ref("fraud", "champion"), alias_ref("spam", "champion")
API = "/api/2.0/mlflow"


@pytest.fixture(scope="module", params=[SQLITE, pytest.param(POSTGRES, marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    databases = []
    if request.param == POSTGRES:
        postgres: Postgres = request.getfixturevalue("postgres")
        databases = [postgres.create(), postgres.create()]
    with basic_auth_server(tmp_path_factory.mktemp("basic-auth"), *databases) as url:
        yield url


@pytest.fixture(scope="module")
def admin(url: str) -> Iterator[Admin]:
    admin = Admin(url)
    yield admin
    admin.close()


def test_the_right_that_is_missing_is_said_and_its_way_out(
    url: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    admin.post(f"{API}/registered-models/create", {"name": "fraud"})
    for _ in range(4):
        body = {"name": "fraud", "source": "s3://bucket/model"}
        admin.post(f"{API}/model-versions/create", body)
    admin.post(f"{API}/registered-models/create", {"name": "spam"})
    admin.post(f"{API}/model-versions/create", {"name": "spam", "source": "s3://bucket/model"})
    body = {"name": "fraud", "alias": "champion", "version": "1"}
    admin.post(f"{API}/registered-models/alias", body)
    for name in ("ana", "bo", "cy"):
        admin.user(name)
    for name in ("ana", "bo"):
        admin.grant(name, "registered_model", "fraud", "EDIT")
        admin.grant(name, "registered_model", "spam", "EDIT")

    def opened(name: str, **more: Any) -> MlflowRegistry:
        secret = Secret(env="MLFLOW_TRACKING_PASSWORD")
        options = Options(url, username=name, password=secret, timeout=20.0, **more)
        return open_backend(options, Context())

    async def move(one: MlflowRegistry, after: str, deed: Deed) -> str:
        before = (await one.read(REF)).value
        return await one.write_for(REF, after, before=before, revision="", deed=deed)

    async def chain(one: MlflowRegistry) -> Chain:
        return (await one.ledger(["fraud"]))["fraud"]

    async def story() -> None:
        ana, bo, cy = (opened(name) for name in ("ana", "bo", "cy"))
        strict = opened("bo", ledger="required")
        try:
            assert await move(ana, "2", ANA) == "entry 1 of the ledger"

            said = await move(bo, "3", BO)
            assert "without an entry in the ledger: this user may not use experiment" in said
            assert (await chain(bo)).moved_past("champion", "3") is not None
            with pytest.raises(NoLedger, match="this user may not use") as raised:
                await move(strict, "4", BO)
            assert "EDIT on experiment" in (raised.value.hint or "")

            # Nobody has made the ledger of this model yet, and he may not.
            said = await bo.write_for(SPAM, "1", before=None, revision="", deed=BO)
            assert "without an entry in the ledger: this user may not use experiment" in said

            assert [one.after for one in (await chain(cy)).entries] == ["2"]
            with pytest.raises(Denied):
                await move(cy, "4", BO)
            assert (await ana.read(REF)).value == "3"
            assert (await chain(ana)).open is None

            experiment = ana._experiment
            assert experiment is not None
            admin.grant("bo", "experiment", experiment, "EDIT")
            assert await move(strict, "4", BO) == "entry 2 of the ledger"
            (gap,) = (await chain(cy)).gaps()
            assert (gap.before, gap.after) == ("2", "3")
        finally:
            for one in (ana, bo, cy, strict):
                await one.close()

    asyncio.run(story())


def test_a_wrong_password_is_not_taken_for_a_missing_ledger(url: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong")
    secret.chmod(0o600)

    async def story() -> None:
        options = Options(url, username="ana", password=Secret(file=str(secret)), timeout=20.0)
        registry = open_backend(options, Context())
        try:
            with pytest.raises(Denied) as raised:
                await registry.write(REF, "1", before="2", revision="")
            assert "password" in (raised.value.hint or "")
        finally:
            await registry.close()

    asyncio.run(story())
