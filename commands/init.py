"""`init`: look at what is there, and write a read-only config to start from."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends import catalog
from backends.base import Context, Registry
from commands.common import Common
from commands.configfile import config_folder, parse
from commands.output import envelope, print_json
from commands.spec import Invocation, Spec, option
from core.errors import Refused, UsageError
from core.redaction import shown
from core.schema import Adapter, Secret
from core.text import clean


@dataclass(frozen=True, slots=True)
class Args:
    mlflow: str | None = option("--mlflow", "the MLflow server", default=None, metavar="URL")
    engine: str | None = option(
        "--engine",
        "a model server (Open Inference Protocol) to look at",
        default=None,
        metavar="URL",
    )
    to: str | None = option("--to", "the file to write", default=None, metavar="PATH")
    force: bool = option("--force", "replace a file that is there", default=False)


@dataclass
class Found:
    """What was seen, in words, and the config that follows from it."""

    said: list[str] = field(default_factory=list)
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    gpus: int = 0


async def look(args: Args) -> Found:
    """Ask the registry for its models and the driver for its GPUs. Raises BackendError."""
    found = Found()
    whence, url = _mlflow(args)
    if url.startswith("http"):
        await _models(url, found)
    elif url:
        # It may be the address of a database, with a password in it.
        scheme = clean(url.partition(":")[0]) if "://" in url else "a path"
        found.said.append(f"{whence} names {scheme}: not a server that can be asked")
    await _gpus(found)
    return found


def check_urls(args: Args) -> None:
    """Raises UsageError for a URL that holds a password: secrets are references, never values."""
    whence, url = _mlflow(args)
    if args.mlflow and not args.mlflow.startswith(("http://", "https://")):
        raise UsageError(
            "--mlflow does not name a server",
            hint="write its address as http://HOST:PORT or https://HOST",
        )
    if url.startswith("http") and "@" in url:
        raise UsageError(
            f"{whence} holds a user or a password, which the config must not hold",
            hint="leave it out of the URL and set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD",
        )
    if "@" in (args.engine or ""):
        raise UsageError(
            "--engine holds a user or a password, which the config must not hold",
            hint="leave it out of the URL: model servers are asked without one",
        )


def _mlflow(args: Args) -> tuple[str, str]:
    """What names the MLflow server, and its URL."""
    if args.mlflow:
        return "--mlflow", args.mlflow
    return "MLFLOW_TRACKING_URI", os.environ.get("MLFLOW_TRACKING_URI") or ""


def _access() -> dict[str, Any]:
    """How MLflow's own client would sign in: the same variables, in the same order."""
    user, password, token = (
        os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if user and password:
        return {"username": user, "password": Secret(env="MLFLOW_TRACKING_PASSWORD")}
    return {"token": Secret(env="MLFLOW_TRACKING_TOKEN")} if token else {}


async def _models(url: str, found: Found) -> None:
    options = catalog.options_of("registry", "mlflow")
    assert options is not None
    registry: Registry = catalog.open_backend(
        "registry", Adapter("mlflow", options(url=url, **_access())), Context()
    )
    try:
        names = await registry.names()
        aliases = await registry.aliases(names)
    finally:
        await registry.close()
    found.said.append(f"{url}: {len(names)} registered models")
    for name in names:
        champion = aliases.get(name, {}).get("champion")
        found.services[name] = {"champion": champion or ""}


async def _gpus(found: Found) -> None:
    gpus: Any = catalog.open_backend(
        "gpus", Adapter("nvml", catalog.new_options("gpus", "nvml")), Context()
    )
    try:
        report = await gpus.sample()
    finally:
        await gpus.close()
    found.gpus = report.seen
    for host in report.hosts.values():
        found.said.append(f"GPUs of {host.host}: {host.count}; {host.because}")


def write_config(args: Args, found: Found) -> str:
    """The config as TOML. It is read-only until somebody says otherwise."""
    _, url = _mlflow(args)
    lines = [
        "# Written by `modeldeck init` from what it saw. config.example.toml explains every key.",
        "",
        "[environment]",
        "# The header and the journal take this file's name; this is another one:",
        '# name = "prod"',
        "# Nothing can be changed until this is false.",
        "read_only = true",
    ]
    if url.startswith("http"):
        lines += ["", "[registry]", 'kind = "mlflow"', f"url = {_toml(url)}"]
        for key, value in _access().items():
            written = f'{{ env = "{value.env}" }}' if isinstance(value, Secret) else _toml(value)
            lines.append(f"{key} = {written}")
    for name, service in found.services.items():
        lines += ["", f"[services.{_toml(name)}]", f"model = {_toml(name)}"]
        said = f"v{service['champion']}" if service["champion"] else "no version yet"
        lines.append(f"# @champion names {said}. A router and slots make its traffic visible:")
        lines.append("# see [services.NAME.router] and [services.NAME.slots.NAME].")
    if args.engine:
        lines += _engine(args.engine, found)
    return "\n".join(lines) + "\n"


def _engine(url: str, found: Found) -> list[str]:
    name = next(iter(found.services), "service")
    head = [] if found.services else ["", f"[services.{_toml(name)}]"]
    table = f"[services.{_toml(name)}.slots.main]"
    return [*head, "", table, 'kind = "v2"', f"url = {_toml(url)}"]


def _toml(text: str) -> str:
    """A TOML basic string; JSON's escapes are all TOML's too."""
    return json.dumps(text, ensure_ascii=True)


def target(args: Args) -> Path:
    """The file to write. Raises Refused where there is one already."""
    file = Path(args.to).expanduser() if args.to else config_folder() / "default.toml"
    if file.exists() and not args.force:
        raise Refused(f"{file} is there already: it was left alone", hint="--force replaces it")
    return file


async def run(_deck: Any, given: Invocation) -> int:
    args = given.args
    assert isinstance(args, Args)
    check_urls(args)
    file = target(args)
    found = await look(args)
    text = write_config(args, found)
    parse(text, str(file))
    save(file, text)
    _say(file, found, given.common)
    return 0


def save(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Made with mode 0600: nobody else reads it, not even while it is written.
        real = file.resolve()
        descriptor, beside = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                written.write(text)
            Path(beside).replace(real)
        except BaseException:
            Path(beside).unlink()
            raise
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def _say(file: Path, found: Found, common: Common) -> None:
    data: Mapping[str, Any] = {
        "path": str(file),
        "services": list(found.services),
        "gpus": found.gpus,
        "found": found.said,
    }
    if common.json:
        print_json(envelope("init", data, None))
        return
    seen: Sequence[str] = found.said or ["nothing was found: name a server with --mlflow URL"]
    for line in seen:
        print(shown(line))
    print(f"wrote {file} (read-only: nothing can be changed through it)")


SPEC = Spec(
    "init",
    "other",
    "Look at what is there, and write a read-only config to start from",
    Args,
    run,
    ("modeldeck init --mlflow http://mlflow:5000", "modeldeck init --to ./prod.toml"),
    needs_deck=False,
)
