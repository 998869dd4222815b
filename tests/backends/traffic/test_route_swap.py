"""Replacing a route file while others do the same."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.traffic import envoy, route_swap
from backends.traffic.envoy_clusters import Clusters
from backends.traffic.envoy_file import RouteFile
from backends.traffic.route_swap import Edit
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


def test_an_undo_that_changes_nothing_outdates_what_was_read_before(tmp_path: Path) -> None:
    """A console that was frozen after its read, and one that was frozen right before its rename."""
    path = shared_file(tmp_path)
    before, after = Split.all_on("blue"), Split.of({"blue": 9000, "green": 1000})

    async def body() -> None:
        frozen, undoing = route_file(path, "fraud"), route_file(path, "fraud")
        # The first write of all changes the file, whatever it writes.
        await shift(undoing, before)
        seen = await frozen.read("test")
        prepared = await frozen.edit("test", after, before, seen.revision)
        text = path.read_bytes()
        await shift(undoing, before)
        assert path.read_bytes() == text
        assert not await frozen.swap("test", prepared, time.monotonic() + 10)
        with pytest.raises(Conflict):
            await frozen.replace("test", after, before, seen.revision, time.monotonic() + 10)
        # A stamp that was cut off is like none that anybody has read.
        lock = route_swap.lock_path(path)
        seen = await frozen.read("test")
        lock.write_bytes(lock.read_bytes()[:-4])
        with pytest.raises(Conflict):
            await frozen.replace("test", after, before, seen.revision, time.monotonic() + 10)
        await shift(undoing, before)
        assert (await frozen.read("test")).split == before
        await shift(frozen, after)
        assert (await undoing.read("test")).split == after

    asyncio.run(body())


def test_what_was_taken_back_outdates_it_too(tmp_path: Path) -> None:
    path = shared_file(tmp_path)

    async def body() -> None:
        file = route_file(path, "fraud")
        seen = await file.read("test")
        deadline = time.monotonic() + 10
        edit = await file.replace("test", Split.all_on("green"), seen.split, "", deadline)
        assert await file.swap("test", edit.reversed(), deadline)
        assert path.read_bytes() == seen.text
        assert (await file.read("test")).revision != seen.revision

    asyncio.run(body())


def as_user(user: int, group: int, work: Callable[[], bool]) -> str:
    """What the work gives in a process of that user, in no group but that one."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Of threads: the child does nothing but the work.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            said = str(work())
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users")
def test_a_write_by_root_leaves_the_file_to_its_owner_and_group() -> None:
    owner, member, stranger, group = 61234, 61235, 61236, 61234
    # Other users may not enter the folder of the tests.
    folder = Path(tempfile.mkdtemp(prefix="modeldeck-"))
    path = folder / "routes.json"
    texts = [str(number).encode() for number in range(6)]
    path.write_bytes(texts[0])
    for one, mode in ((folder, 0o775), (path, 0o664)):
        os.chown(one, owner, group)
        one.chmod(mode)

    def write(number: int) -> bool:
        _, seen = route_swap.read_stamped(path, "fraud")
        edit = Edit.of("fraud", texts[number - 1], texts[number], seen)
        return route_swap.replace(path, edit, timeout=1, stop=threading.Event())

    umask = os.umask(0o077)
    try:
        assert write(1)
        lock = route_swap.lock_path(path).stat()
        assert (lock.st_uid, lock.st_gid, stat.S_IMODE(lock.st_mode)) == (owner, group, 0o664)
        assert as_user(owner, group, lambda: write(2)) == "True"
        assert as_user(member, group, lambda: write(3)) == "True"
        assert as_user(owner, group, lambda: write(4)) == "True"
        # The same where one of the group is the first to write.
        route_swap.lock_path(path).unlink()
        assert as_user(member, group, lambda: write(5)) == "True"
        status = path.stat()
        assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (group, 0o664)
        assert "PermissionError" in as_user(stranger, stranger, lambda: write(1))
    finally:
        os.umask(umask)
        shutil.rmtree(folder)


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
