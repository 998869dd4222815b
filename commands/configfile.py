"""Finding the config file, reading it, and saying in which line it is wrong."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from backends import catalog
from core.config import Config, read_config
from core.errors import UsageError, nearest
from core.schema import Problem


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config and the file that it came from; no file means that there is none at all."""

    config: Config
    path: Path | None

    @property
    def environment(self) -> str:
        """The environment's name: the config's own, else that of its file."""
        return self.config.environment.name or (self.path.stem if self.path else "local")

    @property
    def journal(self) -> Path:
        """The journal's file, where it is one: `[journal] url` names a database instead.

        A config that names no environment gets a journal of its own: its file's name alone could
        be that of another config, and their changes would mix.
        """
        if self.config.journal.path:
            return Path(self.config.journal.path).expanduser()
        name = self.environment
        if self.config.environment.name is None and self.path is not None:
            place = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:8]
            name = f"{self.path.stem[:60]}-{place}"
        return state_folder() / f"{name}.db"


def config_folder() -> Path:
    """The platform's folder for modeldeck's configs."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "modeldeck"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "modeldeck"


def state_folder() -> Path:
    """Where the journal and the log lie unless the config says otherwise."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "modeldeck" / "state"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "modeldeck"


def find_config(path: str | None, env: str | None) -> Path | None:
    """--config, --env, MODELDECK_CONFIG, else the only file there is or default.toml."""
    if path and env:
        raise UsageError("--config and --env both name a config: give one of them")
    named = path or (None if env else os.environ.get("MODELDECK_CONFIG"))
    if named:
        file = Path(named).expanduser()
        if not file.is_file():
            whence = "--config" if path else "MODELDECK_CONFIG"
            raise UsageError(f"{file}, which {whence} names, is no file")
        return file
    folder = config_folder()
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if env:
        file = folder / f"{env}.toml"
        if file not in files:
            known = [item.stem for item in files]
            raise UsageError(
                f"there is no environment {env!r}.{nearest(env, known)}",
                hint=f"{file} would be its config; there are {', '.join(known) or 'none'}",
            )
        return file
    if len(files) > 1:
        default = folder / "default.toml"
        if default not in files:
            listed = ", ".join(item.stem for item in files)
            raise UsageError(f"several environments: {listed}", hint="pick one with --env NAME")
        return default
    return files[0] if files else None


def load(path: str | None = None, env: str | None = None) -> Loaded:
    """The config in force; an empty one where no file was found and none was named."""
    file = find_config(path, env)
    if file is None:
        return Loaded(Config(), None)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{file} cannot be read: {why}") from error
    return Loaded(parse(text, str(file)), file)


def parse(text: str, name: str) -> Config:
    """The config in a TOML text. Raises UsageError with every problem, its line and its key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: this is not TOML: {error}") from error
    config, problems = read_config(table, catalog.options_of, catalog.kinds_of)
    if config is None:
        lines = [_say(name, text, problem) for problem in problems]
        raise UsageError("\n".join(lines), hint="config.example.toml explains every key")
    return config


def _say(name: str, text: str, problem: Problem) -> str:
    key = ".".join(problem.path) or "the file"
    return f"{name}:{find_line(text, problem.path)}: {key} {problem.message}"


def find_line(text: str, path: tuple[str, ...]) -> int:
    """The line that names most of a key's path: tomllib gives no line for a wrong value."""
    header: tuple[str, ...] = ()
    best_line, best = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        table = re.match(r"\[\[?([^\]]+)\]\]?", stripped)
        if table:
            header = here = _keys(table[1])
        else:
            key, equals, _ = stripped.partition("=")
            if not equals or stripped.startswith("#"):
                continue
            here = (*header, *_keys(key))
        same = 0
        while same < min(len(here), len(path)) and here[same] == path[same]:
            same += 1
        # A table that only the header of a longer one names is named there.
        if same > best and (same == len(here) or same == len(path)):
            best_line, best = number, same
    return best_line


def _keys(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r"\"([^\"]*)\"|'([^']*)'|([^.\s\"']+)", dotted.strip())
    return tuple(next((part for part in group if part), "") for group in parts)
