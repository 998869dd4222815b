"""What each command may load: starting up is part of the on-call engineer's bad night."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from commands import VERSION, catalog
from demo.envoy import first_routes
from demo.services import SERVICES
from tests.startup.program import Program, closed_ports

CLI = {
    "typer", "shellingham", "annotated_doc", "annotated_types", "pydantic", "pydantic_core",
    "typing_extensions", "typing_inspection",
}  # fmt: skip
HTTP = {"httpx", "httpcore", "h11", "anyio", "sniffio", "certifi", "idna"}
YAML = {"yaml", "cython_runtime"}
TABLES = {"rich"}
ON_THE_NETWORK = {
    "status": ["status"],
    "versions": ["versions", "tumor"],
    "lineage": ["lineage", "tumor"],
    "card": ["card", "tumor"],
    "gate": ["gate", "tumor", "3"],
    "promote": ["promote", "tumor", "3", "--to", "Staging"],
    "canary": ["canary", "tumor", "3", "--weight", "5"],
    "shadow": ["shadow", "tumor", "--off"],
    "cutover": ["cutover", "tumor", "3"],
    "abort": ["abort", "tumor"],
    "rollback": ["rollback", "tumor"],
    "changes": ["changes"],
    "metrics": ["metrics", "tumor"],
    "slots": ["slots"],
    "doctor": ["doctor"],
    "init": ["init", "--to", "written.toml"],
}
ON_ITS_OWN = {
    "releases": ["releases", "tumor"],
    "recover": ["recover"],
    "approvals": ["approvals"],
    "approve": ["approve", "A-1"],
    "reject": ["reject", "A-1", "--reason", "no"],
    "freeze": ["freeze", "tumor", "--for", "1h"],
    "unfreeze": ["unfreeze", "tumor"],
    "gpus": ["gpus"],
    "whoami": ["whoami"],
}


def _no_console(loaded: frozenset[str]) -> bool:
    return not any(name.startswith("tui.") and name != "tui.launch" for name in loaded)


def test_every_command_has_its_list() -> None:
    # `demo` starts a fleet: what it may load until then is what its help loads.
    assert {*ON_THE_NETWORK, *ON_ITS_OWN, "demo"} == set(catalog.NAMES)


def test_the_version_is_told_before_anything_loads(program: Program) -> None:
    ran = program.run("--version")
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert (ran.code, ran.out) == (0, f"modeldeck {project['version']}\n")
    assert project["version"] == VERSION
    assert ran.third_party == set()
    assert "asyncio" not in ran.loaded
    own = {name for name in ran.loaded if name.partition(".")[0] in {"commands", "tui", "core"}}
    assert own == {"commands", "tui", "tui.launch"}


@pytest.mark.parametrize("name", ON_THE_NETWORK)
def test_what_a_command_loads_for_a_script(program: Program, name: str) -> None:
    ran = program.run(*ON_THE_NETWORK[name], "-o", "json")
    assert json.loads(ran.out)["command"] == name, ran.err
    assert "Traceback" not in ran.err
    assert ran.third_party <= CLI | HTTP
    assert _no_console(ran.loaded)


@pytest.mark.parametrize("name", ON_ITS_OWN)
def test_what_a_command_loads_that_asks_nobody(program: Program, name: str) -> None:
    ran = program.run(*ON_ITS_OWN[name], "-o", "json")
    assert json.loads(ran.out)["command"] == name, ran.err
    assert ran.third_party <= CLI
    assert _no_console(ran.loaded)


def test_only_a_journal_in_postgresql_loads_psycopg(program: Program) -> None:
    pytest.importorskip("psycopg")
    named = f'path = "{program.journal}"'
    text = program.config.read_text()
    assert named in text
    with closed_ports(1) as (port,):
        url = f"postgresql://ana@127.0.0.1:{port}/deck"
        program.config.write_text(text.replace(named, f'url = "{url}"'))
        ran = program.run("releases", "tumor", "-o", "json")
    assert json.loads(ran.out)["error"]["code"] == "unreachable", ran.err
    assert "psycopg" in ran.third_party
    assert ran.third_party <= CLI | {"psycopg", "psycopg_binary", "cython_runtime"}


def test_only_a_route_file_in_yaml_loads_yaml(program: Program) -> None:
    routes = first_routes(SERVICES["tumor"], "blue")
    program.routes.write_text(yaml.safe_dump(json.loads(json.dumps(routes))))
    ran = program.run("status", "-o", "json")
    assert "yaml" in ran.loaded
    assert ran.third_party <= CLI | HTTP | YAML


def test_a_table_for_people_loads_what_draws_it_and_no_more(program: Program) -> None:
    ran = program.run("status")
    assert "tumor" in ran.out
    assert "rich" in ran.loaded
    assert ran.third_party <= CLI | HTTP | TABLES


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"], ["status", "--help"]])
def test_help_needs_no_backend(program: Program, words: list[str]) -> None:
    ran = program.run(*words)
    assert ran.code == 0
    assert ran.third_party <= CLI
    assert _no_console(ran.loaded)


def test_a_wrong_line_is_refused_before_a_backend_loads(program: Program) -> None:
    ran = program.run("stauts", "-o", "json")
    assert ran.code == 2
    assert "status" in json.loads(ran.out)["error"]["message"]
    assert not ran.third_party & HTTP


_ASKS = """
import asyncio, ssl, sys
from backends.http import Http
from core.errors import Unreachable

def loads(*_, **__):
    raise AssertionError("certificates were loaded for an address without TLS")

ssl.SSLContext.load_verify_locations = ssl.SSLContext.load_default_certs = loads

async def ask(address):
    try:
        await Http("x", address).request("GET", "/", what="x")
    except Unreachable:
        return
    sys.exit("something answered")

for address in sys.argv[1:]:
    asyncio.run(ask(address))
assert not {"rich", "click", "httpx._main"} & set(sys.modules), "its program was loaded"
import httpx._main
"""


def test_httpx_loads_neither_its_own_program_nor_certificates(tmp_path: Path) -> None:
    pytest.importorskip("click", reason="without click httpx has no program")
    with closed_ports(1) as (port,):
        addresses = [f"http://127.0.0.1:{port}", f"unix://{tmp_path}/nobody.sock"]
        asks = [sys.executable, "-c", _ASKS, *addresses]
        done = subprocess.run(asks, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
