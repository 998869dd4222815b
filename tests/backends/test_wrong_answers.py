"""Every adapter that speaks HTTP, against servers that answer wrongly, slowly or not at all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.base import Context
from backends.contract.settable import said_well
from backends.engines import openai, v2
from backends.registry import mlflow
from backends.traffic import envoy
from core.errors import BackendError, Conflict, Timeout, Unreachable
from core.evidence import Key
from core.refs import Ref, alias_ref, slot_ref, stage_ref, traffic_ref
from core.split import Split
from core.versions import Version
from tests.live.faulty import WRONG, Answer, faulty_server, http
from tests.live.processes import free_ports
from tests.live.servers import envoy_routes

LIMIT = 0.5
"""The adapters' timeout here, in seconds."""
WANTED = frozenset({"some_metric"})

Ask = Callable[[Any], Awaitable[Any]]
Open = Callable[[str, Path], Any]


def open_mlflow(url: str, _: Path) -> Any:
    return mlflow.open_backend(mlflow.Options(url, timeout=LIMIT), Context())


def open_mlflow_without_ledger(url: str, _: Path) -> Any:
    return mlflow.open_backend(mlflow.Options(url, timeout=LIMIT, ledger="off"), Context())


def open_envoy(url: str, folder: Path) -> Any:
    path = folder / "fraud.json"
    path.write_text(json.dumps(envoy_routes("fraud", ["fraud-blue", "fraud-green"])))
    options = envoy.Options(routes=str(path), admin=url, timeout=LIMIT)
    return envoy.open_backend(options, Context("fraud", slots=("blue", "green")))


def open_v2(url: str, _: Path) -> Any:
    options = v2.Options(url, load=True, timeout=LIMIT, load_timeout=LIMIT)
    return v2.open_backend(options, Context("fraud", "fraud", "green"))


def open_openai(url: str, _: Path) -> Any:
    return openai.open_backend(openai.Options(url, timeout=LIMIT), Context("chat", "", "only"))


VERSION = Version("fraud", "1", run_id="0" * 32, source="s3://bucket/model")
BLUE, GREEN = Split.all_on("blue"), Split.all_on("green")
LOGGED = replace(VERSION, source="models:/m-" + "0" * 32)
CALLS: dict[str, tuple[Open, Ask]] = {
    "mlflow aliases of one": (open_mlflow, lambda a: a.aliases(["fraud"])),
    "mlflow aliases of a fleet": (open_mlflow, lambda a: a.aliases(["fraud", "search"])),
    "mlflow model": (open_mlflow, lambda a: a.model("fraud")),
    "mlflow names": (open_mlflow, lambda a: a.names()),
    "mlflow run record": (open_mlflow, lambda a: a.run_record(VERSION)),
    "mlflow model file": (open_mlflow, lambda a: a.file(VERSION, Key("model", "MLmodel"), most=9)),
    "mlflow run file": (open_mlflow, lambda a: a.file(VERSION, Key("artifacts", "x.md"), most=9)),
    "mlflow evaluation": (open_mlflow, lambda a: a.evaluation(LOGGED, frozenset({"auc"}))),
    "mlflow signature": (open_mlflow, lambda a: a.signature(LOGGED)),
    "mlflow read alias": (open_mlflow, lambda a: a.read(alias_ref("fraud", "champion"))),
    "mlflow read prompt": (open_mlflow, lambda a: a.read(Ref("prompt", "p@production"))),
    "mlflow read stage": (open_mlflow, lambda a: a.read(stage_ref("fraud", "1"))),
    "mlflow ledger": (open_mlflow, lambda a: a.ledger(["fraud"])),
    "mlflow write alias": (
        open_mlflow,
        lambda a: a.write(alias_ref("fraud", "champion"), "2", before="1", revision=""),
    ),
    "mlflow write alias without a ledger": (
        open_mlflow_without_ledger,
        lambda a: a.write(alias_ref("fraud", "champion"), "2", before="1", revision=""),
    ),
    "mlflow write stage": (
        open_mlflow,
        lambda a: a.write(stage_ref("fraud", "1"), "Staging", before=None, revision=""),
    ),
    "envoy active": (open_envoy, lambda a: a.active()),
    "envoy counts": (open_envoy, lambda a: a.counts()),
    "envoy pages": (open_envoy, lambda a: a.pages(WANTED)),
    "envoy write": (
        open_envoy,
        lambda a: a.write(traffic_ref("fraud"), GREEN, before=BLUE, revision=""),
    ),
    "v2 state": (open_v2, lambda a: a.state()),
    "v2 read": (open_v2, lambda a: a.read(slot_ref("fraud", "green"))),
    "v2 pages": (open_v2, lambda a: a.pages(WANTED)),
    "v2 write": (
        open_v2,
        lambda a: a.write(slot_ref("fraud", "green"), "2", before="1", revision=""),
    ),
    "openai state": (open_openai, lambda a: a.state()),
    "openai read": (open_openai, lambda a: a.read(slot_ref("chat", "only"))),
    "openai pages": (open_openai, lambda a: a.pages(WANTED)),
}


def outcome(opener: Open, ask: Ask, url: str, folder: Path) -> tuple[Any, float]:
    """What the call gave or raised, and the seconds that it took."""

    async def body() -> tuple[Any, float]:
        adapter = opener(url, folder)
        started = time.monotonic()
        try:
            result: Any = await ask(adapter)
        except Exception as error:
            result = error
        took = time.monotonic() - started
        await adapter.close()
        return result, took

    return asyncio.run(body())


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_answer_is_an_error_of_the_backend(call: str, tmp_path: Path) -> None:
    opener, ask = CALLS[call]
    said: Answer = b""
    with faulty_server(lambda _: said) as url:
        for fault in WRONG:
            said = WRONG[fault]
            result, took = outcome(opener, ask, url, tmp_path)
            assert took < LIMIT + 2, fault
            if "pages" in call and fault == "empty":
                # An engine that has counted nothing yet.
                assert not any(page.series for page in result)
                continue
            assert isinstance(result, BackendError), f"{fault}: {result!r}"
            said_well(result)
            if call == "envoy write":
                written = json.loads((tmp_path / "fraud.json").read_text())
                assert written == envoy_routes("fraud", ["fraud-blue", "fraud-green"])
                assert not isinstance(result, Timeout), "nothing was written: that is known"


LIES: list[Any] = [
    {"registered_model": 5},
    {"registered_model": {}},
    {"registered_model": {"name": "another"}},
    {"registered_model": {"name": "fraud", "aliases": "champion"}},
    {"registered_model": {"name": "fraud", "aliases": [{"alias": "champion"}]}},
    {"registered_model": {"name": "fraud", "aliases": [{"alias": "champion", "version": "x"}]}},
    {"registered_model": {"name": "fraud", "tags": [None]}},
    {"registered_models": {}, "model_versions": {}},
    {"registered_models": [5], "model_versions": [5]},
    {"registered_models": [{"name": 5}], "model_versions": [{"name": "fraud"}]},
    {"registered_models": [], "model_versions": [], "next_page_token": "again"},
    {"registered_models": [], "model_versions": [], "next_page_token": 7},
    {"model_version": {"name": "fraud", "version": "2"}},
    {"model_version": {"name": "fraud", "version": "1", "tags": [{"value": "x"}]}},
    {"run": {"data": {"metrics": [{"key": "auc", "value": "much"}]}}},
    {"run": {"data": {"metrics": [{"key": "auc", "value": None}]}}},
    {"run": {"data": []}},
    {"error_code": 7},
    {"error_code": "INTERNAL_ERROR", "message": {"\u001b": 1}},
    {"stats": {}},
    {"stats": [7]},
    {"stats": [{"name": "cluster.fraud-blue.membership_total", "value": "many"}]},
    {"stats": [{"name": 7, "value": 7}]},
    {"configs": {}},
    {"configs": [7]},
    {"configs": [{"route_config": {"name": "fraud"}}]},
    {"configs": [{"route_config": {"name": "fraud", "virtual_hosts": [{"routes": 7}]}}]},
    {"name": "fraud"},
    {"name": "fraud", "versions": "13"},
    {"name": "fraud", "versions": [13]},
    {"name": "another", "versions": ["13"]},
    {"data": {}},
    {"data": [7]},
    {"data": [{"id": 7}]},
    {"data": [{"id": ""}]},
]
"""Whole JSON objects with something wrong in them, or of another system."""


@pytest.mark.parametrize("call", CALLS)
def test_a_lie_is_never_another_exception(call: str, tmp_path: Path) -> None:
    opener, ask = CALLS[call]
    said = b""
    with faulty_server(lambda _: said) as url:
        for lie in LIES:
            said = http(200, json.dumps(lie).encode())
            result, took = outcome(opener, ask, url, tmp_path)
            assert took < LIMIT + 2
            if isinstance(result, Exception) and not isinstance(result, Conflict):
                said_well(result)


@pytest.mark.parametrize("opener", [open_mlflow, open_envoy, open_v2, open_openai])
def test_doctor_gets_a_line_and_no_exception(opener: Open, tmp_path: Path) -> None:
    said: Answer = b""
    with faulty_server(lambda _: said) as url:
        for fault in WRONG:
            said = WRONG[fault]
            lines, took = outcome(opener, lambda a: a.check(), url, tmp_path)
            assert took < 4 * LIMIT + 2, fault
            assert any(line.ok is False for line in lines), fault
            assert all(line.what and line.detail.isprintable() for line in lines), fault


@pytest.mark.parametrize("call", CALLS)
def test_where_nothing_listens_nothing_had_an_effect(call: str, tmp_path: Path) -> None:
    opener, ask = CALLS[call]
    (port,) = free_ports(1)
    error, took = outcome(opener, ask, f"http://127.0.0.1:{port}", tmp_path)
    assert isinstance(error, Unreachable), repr(error)
    said_well(error)
    assert took < LIMIT + 2


@pytest.mark.parametrize("call", [name for name in CALLS if name.startswith("envoy")])
def test_a_missing_admin_socket_is_unreachable(call: str, tmp_path: Path) -> None:
    opener, ask = CALLS[call]
    error, _ = outcome(opener, ask, f"unix://{tmp_path}/no.sock", tmp_path)
    assert isinstance(error, Unreachable), repr(error)
    said_well(error)


def test_envoys_split_is_read_while_its_admin_is_gone(tmp_path: Path) -> None:
    result, took = outcome(
        open_envoy, lambda a: a.read(traffic_ref("fraud")), "http://127.0.0.1:1", tmp_path
    )
    assert result.value == BLUE
    assert took < 0.5


def test_a_claim_that_a_gateway_lost_has_not_moved_the_alias(tmp_path: Path) -> None:
    model = {"registered_model": {"name": "fraud", "aliases": [{"alias": "c", "version": "1"}]}}
    moved: list[str] = []

    def answer(line: str) -> bytes:
        if "/experiments/get-by-name" in line:
            return http(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')
        if line.startswith("GET"):
            return http(200, json.dumps(model).encode())
        moved.extend([line] if "alias" in line else [])
        return http(502, b"<html>bad gateway</html>", "text/html")

    with faulty_server(answer) as url:
        error, _ = outcome(
            open_mlflow,
            lambda a: a.write(alias_ref("fraud", "c"), "2", before="1", revision=""),
            url,
            tmp_path,
        )
    assert isinstance(error, Unreachable), repr(error)
    assert not moved
    said_well(error)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_write_that_a_gateway_lost_has_no_known_outcome(status: int, tmp_path: Path) -> None:
    model = {"registered_model": {"name": "fraud", "aliases": [{"alias": "c", "version": "1"}]}}

    def answer(line: str) -> bytes:
        if line.startswith("GET") and "/version" not in line:
            return http(200, json.dumps(model).encode())
        return http(status, b"<html>bad gateway</html>", "text/html")

    with faulty_server(answer) as url:
        error, _ = outcome(
            open_mlflow_without_ledger,
            lambda a: a.write(alias_ref("fraud", "c"), "2", before="1", revision=""),
            url,
            tmp_path,
        )
    assert isinstance(error, Timeout), repr(error)
    said_well(error)
