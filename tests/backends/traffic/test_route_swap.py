"""Replacing a route file while others do the same."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from backends.traffic import envoy
from backends.traffic.envoy_clusters import Clusters
from backends.traffic.envoy_file import RouteFile
from core.errors import Conflict, UsageError
from core.split import Split

SERVICES = ("fraud", "search")


def shared_file(folder: Path) -> Path:
    """One route configuration with the routes of two services."""
    routes = [
        {"match": {"prefix": f"/{service}"}, "route": {"cluster": f"{service}-blue"}}
        for service in SERVICES
    ]
    config = {"name": "all", "virtual_hosts": [{"routes": routes}]}
    path = folder / "routes.json"
    path.write_text(json.dumps({"resources": [config]}))
    return path


def route_file(path: Path, service: str) -> RouteFile:
    live = {slot: f"{service}-{slot}" for slot in ("blue", "green")}
    return RouteFile(path, service, "all", Clusters(live))


async def shift(file: RouteFile, split: Split) -> None:
    now = await file.read("test")
    deadline = time.monotonic() + 10
    await file.replace("test", split, now.split, now.revision, deadline)


def test_services_that_share_a_file_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = shared_file(tmp_path)

    async def ramp(service: str) -> None:
        file = route_file(path, service)
        for share in range(100, 2100, 100):
            await shift(file, Split.of({"blue": 10_000 - share, "green": share}))

    async def body() -> list[Split]:
        await asyncio.gather(*(ramp(service) for service in SERVICES))
        return [(await route_file(path, service).read("test")).split for service in SERVICES]

    assert asyncio.run(body()) == [Split.of({"blue": 8000, "green": 2000})] * 2


def test_of_many_writers_from_one_state_exactly_one_wins(tmp_path: Path) -> None:
    path = shared_file(tmp_path)

    async def one(share: int) -> Any:
        file = route_file(path, "fraud")
        split = Split.of({"blue": 10_000 - share, "green": share})
        deadline = time.monotonic() + 10
        try:
            await file.replace("test", split, Split.all_on("blue"), "", deadline)
        except Conflict:
            return None
        return split

    async def body() -> tuple[list[Any], Split]:
        results = await asyncio.gather(*(one(share) for share in range(1, 13)))
        return results, (await route_file(path, "fraud").read("test")).split

    results, split = asyncio.run(body())
    assert [result for result in results if result is not None] == [split]


def options(**more: Any) -> envoy.Options:
    return envoy.Options(routes="/nowhere", admin="unix:///nowhere", **more)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"clusters": {"purple": "x"}}, "names no slot: purple"),
        ({"shadow_clusters": {"green": "fraud-green"}}, "one cluster two meanings"),
        ({"clusters": {"green": "same", "blue": "same"}}, "one cluster two meanings"),
    ],
)
def test_a_config_that_cannot_be_is_refused(more: dict[str, Any], said: str) -> None:
    from backends.base import Context

    with pytest.raises(UsageError, match=said):
        envoy.open_backend(options(**more), Context("fraud", slots=("blue", "green")))


def test_what_it_cannot_do_is_in_its_ability() -> None:
    from backends.base import Context

    context = Context("fraud", slots=("blue", "green"))
    bare = envoy.open_backend(options(), context)
    assert not bare.ability.shadow
    assert "shadows nothing" in bare.ability.limits[0]
    one = envoy.open_backend(options(shadow_clusters={"green": "g-shadow"}), context)
    assert one.ability.limits == ("shadows only green",)
