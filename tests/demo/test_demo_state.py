"""The state folder: whose it is, who runs in it, and what is removed."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import Refused, UsageError
from demo import faults, ports
from demo.config import config, write_config
from demo.fleet import Fleet
from demo.layout import Layout, read_json, write_json
from demo.pids import PidFile, birth, kill_leftovers
from demo.state import Lock, is_running, make_runtime_folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.make()
    return made


def enter(state: Path) -> None:
    async def enter_and_leave() -> None:
        async with Fleet(state, say=lambda _: None):
            raise AssertionError("it started")

    asyncio.run(enter_and_leave())


def test_a_folder_with_somebodys_files_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match="not of a demo"):
        enter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be used"):
        enter(tmp_path / "file" / "state")


def test_reset_removes_a_state_folder_and_nothing_else(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    Fleet.reset(layout.state)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    Fleet.reset(layout.state)


def test_reset_refuses_what_is_not_a_demos(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match="nothing was removed"):
        Fleet.reset(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_reset_refuses_a_link_to_a_state_folder(layout: Layout, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(layout.state)
    with pytest.raises(Refused, match="nothing was removed"):
        Fleet.reset(link)
    assert layout.marker.exists()


def test_a_lock_is_seen_from_outside_and_ends_with_its_holder(layout: Layout) -> None:
    assert not is_running(layout)
    code = (
        "import sys, pathlib; from demo.layout import Layout; from demo.state import Lock;"
        "Lock(Layout(pathlib.Path(sys.argv[1]))).take(); print('taken', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(layout.state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "taken\n"
        assert is_running(layout)
        with pytest.raises(Refused, match=f"process {holder.pid}"):
            Lock(layout).take()
        holder.kill()
    assert not is_running(layout)
    lock = Lock(layout)
    lock.take()
    lock.release()


def test_a_fault_needs_a_known_name_and_a_running_fleet(layout: Layout) -> None:
    with pytest.raises(UsageError, match="Did you mean 'slow-server'"):
        faults.switch(layout.state, "slow-sever")
    with pytest.raises(Refused, match="no demo runs"):
        faults.switch(layout.state, "slow-server")
    assert not layout.fault.exists()
    lock = Lock(layout)
    lock.take()
    try:
        assert faults.switch(layout.state, "slow-server").name == "slow-server"
        assert read_json(layout.fault)["name"] == "slow-server"
    finally:
        lock.release()
    assert faults.staged(layout.state) == "none"


def test_only_the_processes_of_the_list_are_ended(layout: Layout) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours, other = subprocess.Popen(sleep), subprocess.Popen(sleep)
    try:
        pids = PidFile(layout.pids)
        pids.add("envoy", ours.pid)
        entries = read_json(layout.pids)
        entries += [
            {"name": "mlflow", "pid": other.pid, "born": "another/1"},
            {"name": "load", "pid": os.getpid(), "born": birth(os.getpid())},
            {"name": "odd", "pid": "no number", "born": ""},
            "nonsense",
        ]
        write_json(layout.pids, entries)
        # It is gone only once it is waited for: until then it is a zombie, which counts as gone.
        assert kill_leftovers(layout.pids) == ["envoy"]
        assert ours.wait(1) == -9
        assert other.poll() is None
        assert not layout.pids.exists()
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_a_damaged_list_of_processes_is_no_obstacle(layout: Layout) -> None:
    layout.pids.write_text("{half")
    assert kill_leftovers(layout.pids) == []


def test_ports_stay_the_same_unless_one_is_taken(layout: Layout) -> None:
    import socket

    first = dict(ports.choose(layout))
    assert len(set(first.values())) == len(ports.names())
    assert ports.choose(layout) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["tumor"]))
        taken.listen()
        second = dict(ports.choose(layout))
    assert second.pop("tumor") != first.pop("tumor")
    assert second == first


def test_a_long_state_folder_gets_a_short_private_one_for_its_socket(tmp_path: Path) -> None:
    deep = Layout(tmp_path.joinpath(*["a-rather-long-folder-name"] * 4))
    deep.make()
    assert len(os.fsencode(deep.admin_socket())) <= 107
    make_runtime_folder(deep)
    folder = deep.admin_socket().parent
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        make_runtime_folder(deep)
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(Refused, match="not a folder of this account"):
            make_runtime_folder(deep)
    finally:
        folder.unlink()
    short = Layout(Path("/s"))
    assert short.admin_socket() == Path("/s/envoy/admin.sock")


def test_the_config_is_the_table_that_it_was_made_from(layout: Layout) -> None:
    import tomllib

    chosen = ports.choose(layout)
    odd = Layout(layout.state.parent / 'a "quoted" folder \\ é')
    odd.make()
    admin = odd.admin_socket()
    path = write_config(odd, admin, chosen, simulate_gpus=True)
    assert tomllib.loads(path.read_text()) == config(odd, admin, chosen, simulate_gpus=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
