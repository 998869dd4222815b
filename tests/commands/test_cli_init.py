"""`init`: what it asks with, and what it writes."""

from __future__ import annotations

import json
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import init
from commands.configfile import load
from core.schema import Secret
from tests.commands.driving import modeldeck
from tests.live.faulty import faulty_server, http

BASIC = b64encode(b'o"ps:pa55-of-init').decode()
VARIABLES = ("URI", "TOKEN", "USERNAME", "PASSWORD")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


def protected(header: str) -> Callable[[str], bytes]:
    """An MLflow without models that answers nobody else."""

    def answer(head: str) -> bytes:
        if f"authorization: {header}".lower() not in head.lower():
            return http(401, b'{"message": "who are you?"}')
        if "/experiments/get-by-name" in head:
            return http(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')
        return http(200, json.dumps({"registered_models": []}).encode())

    return answer


@pytest.mark.parametrize(
    ("variables", "header", "options"),
    [
        (
            {"TOKEN": "t0ken-of-init"},
            "Bearer t0ken-of-init",
            {"token": Secret(env="MLFLOW_TRACKING_TOKEN")},
        ),
        (
            {"TOKEN": "t0ken-of-init", "USERNAME": 'o"ps', "PASSWORD": "pa55-of-init"},
            f"Basic {BASIC}",
            {"username": 'o"ps', "password": Secret(env="MLFLOW_TRACKING_PASSWORD")},
        ),
    ],
)
def test_it_signs_in_as_the_config_that_it_writes_does(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    header: str,
    options: dict[str, object],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    file = folder / "made.toml"
    with faulty_server(protected(header)) as url:
        ran = modeldeck("init", "--mlflow", url, "--to", str(file), "-o", "json")
        assert ran.code == 0, ran.err
        checks = modeldeck("doctor", "-o", "json", config=file).data["checks"]
    asked = [check["ok"] for check in checks if check["backend"] == "registry"]
    assert asked[0] is True
    assert False not in asked
    registry = load(str(file)).config.registry
    assert registry is not None
    for name in ("token", "username", "password"):
        assert getattr(registry.options, name) == options.get(name)
    for secret in ("t0ken-of-init", "pa55-of-init"):
        assert secret not in file.read_text() + ran.out + ran.err


@pytest.mark.parametrize("how", ["--mlflow", "--engine", "environment"])
def test_a_password_in_a_url_is_refused_and_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    url = "http://ops:hunter22@127.0.0.1:1"
    file = folder / "made.toml"
    words = ["init", "--to", str(file), "-o", "json"]
    if how == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    else:
        words += [how, url]
    ran = modeldeck(*words)
    assert ran.code == 2
    assert ran.error["hint"]
    assert "hunter22" not in ran.out + ran.err
    assert not file.exists()


def test_an_address_without_a_scheme_is_refused_and_not_repeated(folder: Path) -> None:
    file = folder / "made.toml"
    ran = modeldeck("init", "--mlflow", "ops:hunter22@mlflow:5000", "--to", str(file))
    assert ran.code == 2
    assert "http://HOST:PORT" in ran.err
    assert "hunter22" not in ran.out + ran.err
    assert not file.exists()


def test_the_address_of_a_database_is_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ops:hunter22@db/mlflow")
    ran = modeldeck("init", "--to", str(folder / "made.toml"))
    assert ran.code == 0
    assert "names postgresql: not a server" in ran.out
    assert "hunter22" not in ran.out + ran.err + (folder / "made.toml").read_text()


def test_nobody_else_can_read_it_at_any_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "made.toml"
    file.write_text("old")
    file.chmod(0o644)
    before: list[int] = []

    def replace(self: Path, target: Path) -> Path:
        before.append(stat.S_IMODE(self.stat().st_mode))
        assert self.read_text() == "new"
        assert Path(target).read_text() == "old"
        return original(self, target)

    original = Path.replace
    monkeypatch.setattr(Path, "replace", replace)
    init.save(file, "new")
    assert before == [0o600]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "new"
    assert [one.name for one in folder.iterdir()] == ["made.toml"]
