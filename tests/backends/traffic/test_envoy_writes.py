"""What happens to a write when Envoy, the file or somebody else gets in its way."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.base import Context
from backends.contract.settable import said_well
from backends.traffic import route_swap
from backends.traffic.envoy import EnvoyRouter, Options, open_backend
from core.errors import BadAnswer, Conflict, Denied, Timeout, Unreachable
from core.refs import traffic_ref
from core.split import WHOLE, Split
from tests.backends.traffic.envoy_harness import EnvoyHarness, harnessed
from tests.live.processes import until
from tests.live.servers import Envoy, envoy_proxy
from tests.live.upstreams import upstreams

pytestmark = pytest.mark.live

CANARY = Split.of({"blue": 9000, "green": 1000})


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[EnvoyHarness]:
    with harnessed(tmp_path) as harness:
        yield harness


def with_router(
    harness: EnvoyHarness, body: Callable[[EnvoyRouter], Awaitable[Any]], **options: Any
) -> Any:
    async def whole() -> Any:
        router = harness.open(**options)
        try:
            return await body(router)
        finally:
            await router.close()

    return asyncio.run(whole())


async def put(router: EnvoyRouter, harness: EnvoyHarness, split: Split = CANARY) -> None:
    now = await router.read(harness.ref)
    await router.write(harness.ref, split, before=now.value, revision=now.revision)


def left_alone(harness: EnvoyHarness, before: bytes) -> None:
    """The file is as it was, and nothing of the attempt lies about."""
    assert harness.envoy.routes.read_bytes() == before
    beside = {path.name for path in harness.envoy.routes.parent.iterdir()}
    assert beside <= {harness.envoy.routes.name, f".{harness.envoy.routes.name}.lock"}


def refused(
    harness: EnvoyHarness, kind: type[Exception], said: str | None = None, **options: Any
) -> Any:
    """A write that must fail in this way and leave the file alone; the error."""
    before = harness.envoy.routes.read_bytes()

    async def body(router: EnvoyRouter) -> Any:
        with pytest.raises(kind, match=said) as raised:
            await put(router, harness)
        return raised.value

    error = with_router(harness, body, **options)
    left_alone(harness, before)
    if not isinstance(error, Conflict):
        said_well(error)
    return error


def test_what_envoy_refuses_is_put_back(harness: EnvoyHarness) -> None:
    # Somebody left a route in the file that Envoy has refused already.
    document = harness.document()
    config = document["resources"][0]
    config["validate_clusters"] = True
    bad = {"match": {"path": "/bad"}, "route": {"cluster": "misspelt"}}
    config["virtual_hosts"][0]["routes"].insert(0, bad)
    harness.put(json.dumps(document))
    error = refused(harness, Denied, "Envoy refuses")
    assert "log" in error.hint
    assert harness.send(20) == {"blue": 20}


def test_a_cluster_that_envoy_lacks_is_named_before_anything_is_written(
    harness: EnvoyHarness,
) -> None:
    refused(
        harness, Denied, "knows no cluster typo", fallback_clusters={}, clusters={"green": "typo"}
    )


def test_a_route_configuration_that_no_listener_uses(harness: EnvoyHarness) -> None:
    document = harness.document()
    document["resources"][0]["name"] = "other"
    harness.put(json.dumps(document))
    refused(harness, Denied, "no listener", route_config="other")
    refused(harness, BadAnswer, "0 route configurations")


def test_nothing_is_written_while_envoy_is_gone(harness: EnvoyHarness) -> None:
    harness.envoy.server.kill()
    refused(harness, Unreachable)


def test_routes_that_envoy_does_not_watch_are_unconfirmed_and_stay(
    harness: EnvoyHarness, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(harness.envoy.routes.read_bytes())

    async def body(router: EnvoyRouter) -> None:
        with pytest.raises(Timeout, match="Envoy did not say") as raised:
            await put(router, harness)
        said_well(raised.value)
        assert (await router.read(harness.ref)).value == CANARY

    with_router(harness, body, routes=str(elsewhere), timeout=0.7)


@pytest.mark.parametrize("moment", ["before the rename", "after the rename"])
def test_a_restart_of_envoy_in_the_middle_is_confirmed_all_the_same(
    harness: EnvoyHarness, moment: str
) -> None:
    async def body(router: EnvoyRouter) -> None:
        swap = router.file.swap

        async def restarting(*args: Any) -> bool:
            if moment == "before the rename":
                await asyncio.to_thread(harness.envoy.server.kill)
            done = await swap(*args)
            if moment == "after the rename":
                await asyncio.to_thread(harness.envoy.server.kill)
            harness.envoy.server.start()
            return done

        router.file.swap = restarting  # type: ignore[method-assign]
        await put(router, harness, Split.all_on("green"))
        assert await router.active() == Split.all_on("green")

    with_router(harness, body, timeout=20.0)
    assert harness.send(20) == {"green": 20}


def test_an_override_in_the_runtime_is_a_conflict_and_doctor_names_it(
    harness: EnvoyHarness,
) -> None:
    document = harness.document()
    harness.action(document)["weighted_clusters"]["runtime_key_prefix"] = "split"
    harness.put(json.dumps(document))
    socket = harness.envoy.admin.removeprefix("unix://")
    with httpx.Client(transport=httpx.HTTPTransport(uds=socket)) as admin:
        values = {"split.fraud-blue": "10", "split.fraud-green": "90"}
        assert admin.post("http://envoy/runtime_modify", params=values).status_code == 200
        refused(harness, Conflict, "split.fraud-blue = 10")

        async def check(router: EnvoyRouter) -> list[str]:
            return [line.detail for line in await router.check() if line.ok is False]

        assert any("split.fraud-blue = 10" in said for said in with_router(harness, check))
        cleared = dict.fromkeys(values, "")
        assert admin.post("http://envoy/runtime_modify", params=cleared).status_code == 200
    with_router(harness, lambda router: put(router, harness))


@pytest.mark.parametrize(
    ("call", "number"),
    [("os.fsync", errno.ENOSPC), ("tempfile.mkstemp", errno.EROFS)],
)
def test_a_disk_that_takes_nothing_is_said_before_anything_is_changed(
    harness: EnvoyHarness, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(call, refuse)
    refused(harness, Denied, f"{os.strerror(number)}; nothing was changed")


def test_a_symbolic_link_is_not_replaced(harness: EnvoyHarness, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(harness.envoy.routes)

    async def body(router: EnvoyRouter) -> None:
        with pytest.raises(Denied, match="symbolic link"):
            await put(router, harness)

    with_router(harness, body, routes=str(link))
    assert link.is_symlink()


def test_who_holds_the_lock_is_not_overrun(harness: EnvoyHarness) -> None:
    with route_swap.lock_path(harness.envoy.routes).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused(harness, Unreachable, "holds .*lock", timeout=0.3)
    with_router(harness, lambda router: put(router, harness))


def test_mode_and_owner_stay(harness: EnvoyHarness) -> None:
    harness.envoy.routes.chmod(0o640)
    before = harness.envoy.routes.stat()
    with_router(harness, lambda router: put(router, harness))
    after = harness.envoy.routes.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino, "Envoy takes no notice of a write in place"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_what_is_no_file_is_denied_at_once(
    harness: EnvoyHarness, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "odd"
    make(path)

    async def body(router: EnvoyRouter) -> None:
        with pytest.raises(Denied, match="cannot be read") as raised:
            await asyncio.wait_for(router.read(harness.ref), 2)
        said_well(raised.value)

    with_router(harness, body, routes=str(path))


def test_a_write_that_is_given_up_on_does_not_land_later(harness: EnvoyHarness) -> None:
    before = harness.envoy.routes.read_bytes()

    async def body(router: EnvoyRouter) -> None:
        with route_swap.lock_path(harness.envoy.routes).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            writing = asyncio.create_task(put(router, harness))
            folder = harness.envoy.routes.parent
            await asyncio.to_thread(until, lambda: list(folder.glob(".*.new")), "it waits")
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            assert writing.cancelled()

    with_router(harness, body)
    until(lambda: not list(harness.envoy.routes.parent.glob(".*.new")), "the thread ends")
    left_alone(harness, before)


def test_doctor_says_that_envoy_does_not_use_the_file(harness: EnvoyHarness) -> None:
    document = harness.document()
    harness.action(document)["weighted_clusters"]["clusters"] = [
        {"name": "fraud-blue", "weight": 50},
        {"name": "fraud-green", "weight": 50},
    ]
    # In place: Envoy does not see it.
    harness.envoy.routes.write_text(json.dumps(document))

    async def body(router: EnvoyRouter) -> None:
        (bad,) = [line for line in await router.check() if line.ok is False]
        assert "blue 100" in bad.detail
        assert (await router.read(harness.ref)).value == Split.of({"blue": 5000, "green": 5000})

    with_router(harness, body)


def test_failures_that_a_retry_hides_count_as_errors_of_the_slot(harness: EnvoyHarness) -> None:
    async def body(router: EnvoyRouter) -> None:
        await put(router, harness, Split.of({"blue": 5000, "green": 5000}))
        harness.behind["green"].reset = True
        assert harness.send(100) == {"blue": 100}, "the client sees nothing of it"
        counts = await router.counts()
        assert counts["blue"].errors == 0
        assert counts["green"].requests == counts["green"].errors > 20

    with_router(harness, body)


def test_a_dead_candidate_costs_no_request_and_shows(harness: EnvoyHarness) -> None:
    async def body(router: EnvoyRouter) -> None:
        await put(router, harness, Split.of({"blue": 5000, "green": 5000}))
        harness.behind["green"].shut()
        assert harness.send(200) == {"blue": 200}
        counts = await router.counts()
        assert counts["blue"].requests >= 200
        assert counts["green"].errors == counts["green"].requests

    with_router(harness, body)


def test_metrics_are_those_of_each_slots_own_requests(harness: EnvoyHarness) -> None:
    name = "envoy_cluster_upstream_rq_total"

    async def body(router: EnvoyRouter) -> None:
        await put(router, harness, Split.of({"blue": 5000, "green": 5000}, {"green": WHOLE}))
        answered = harness.send(60)
        pages = {page.slot: page for page in await router.pages(frozenset({name}))}
        for slot in harness.slots:
            (series,) = pages[slot].series[name]
            assert series.value == answered[slot]
            assert pages[slot].engine == "envoy"

    with_router(harness, body)


def ask_twenty_times(url: str) -> None:
    with httpx.Client(trust_env=False) as client:
        for _ in range(20):
            assert client.get(url).status_code == 200


@pytest.mark.parametrize("service", ["team:fraud eu", "it's (a) |b|", "[x]*+", "名前"])
def test_a_service_of_any_name_is_routed_counted_and_measured(tmp_path: Path, service: str) -> None:
    name = "envoy_cluster_upstream_rq_total"
    ref, split = traffic_ref(service), Split.of({"blue": 5000, "gr:een": 5000})

    async def body(envoy: Envoy) -> None:
        options = Options(routes=str(envoy.routes), admin=envoy.admin, timeout=10.0)
        router = open_backend(options, Context(service, slots=("blue", "gr:een")))
        await router.write(ref, split, before=Split.all_on("blue"), revision="")
        await asyncio.to_thread(ask_twenty_times, envoy.url)
        counts = await router.counts()
        assert sum(one.requests for one in counts.values()) == 20
        for page in await router.pages(frozenset({name})):
            (series,) = page.series[name]
            assert series.value == counts[page.slot].requests > 0
        assert all(line.ok is not False for line in await router.check())
        await router.close()

    with upstreams("blue", "gr:een") as behind:
        ports = {slot: one.port for slot, one in behind.items()}
        with envoy_proxy(tmp_path, ports, service=service) as envoy:
            asyncio.run(body(envoy))
