"""From a table of plain values to a frozen dataclass, collecting every problem on the way."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from core.errors import nearest
from core.units import parse_duration

T = TypeVar("T")
Path = tuple[str, ...]
OptionsOf = Callable[[str, str], type | None]
"""(role, kind) to the dataclass of that adapter's options; None for an unknown kind."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value written as a string that stands for something else."""

    says: str
    parse: Callable[[str], Any]
    number: Callable[[float], Any] | None = None
    """What a bare number stands for; None where it is wrong, or is the value itself."""


Duration = Annotated[float, Leaf('a duration such as "10m"', parse_duration)]
"""Seconds."""


def _limit(text: str) -> float:
    """A figure with or without a unit: "60ms" is 0.06, "2 %" is 0.02."""
    stripped = text.strip()
    if stripped.endswith("%"):
        return float(stripped[:-1]) / 100
    return parse_duration(stripped)


Figure = Annotated[
    float, Leaf('a number, a duration such as "60ms" or a share such as "2 %"', _limit)
]
"""A threshold in SI units and fractions of 1."""


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://", "unix:")):
        raise ValueError(text)
    return text


Url = Annotated[str, Leaf('a URL such as "http://host:5000" or "unix:///run/a.sock"', _url)]
"""Where a server answers: over TCP, or on a Unix socket."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret lies; never the secret itself. Exactly one of the three."""

    env: str | None = None
    file: str | None = None
    keyring: str | None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """One back end of a role: which adapter, and its own options."""

    kind: str
    options: Any


@dataclass(frozen=True, slots=True)
class Problem:
    path: Path
    message: str


class Reader:
    """Reads tables into dataclasses; `problems` is empty when everything was right."""

    def __init__(self, options_of: OptionsOf, kinds_of: Callable[[str], list[str]]) -> None:
        self.problems: list[Problem] = []
        self._options_of = options_of
        self._kinds_of = kinds_of

    def table(self, cls: type[T], value: Any, path: Path) -> T | None:
        if not isinstance(value, Mapping):
            self._bad(path, f"is {_name(value)}, it should be a table")
            return None
        # A dataclass; a type variable cannot say so.
        kind: Any = cls
        hints = _hints(kind)
        known = {field.name: field for field in dataclasses.fields(kind)}
        for key in value:
            if key not in known:
                right = nearest(key, known) or f" It takes {_listed(known)}."
                self._bad((*path, key), f"is no key that modeldeck knows.{right}")
        arguments: dict[str, Any] = {}
        for name, field in known.items():
            here = (*path, name)
            if name not in value:
                if field.default is MISSING and field.default_factory is MISSING:
                    self._bad(path, f"lacks {name!r}")
                continue
            role = field.metadata.get("role")
            convert = self._adapter_of(role, hints[name]) if role else self._value
            arguments[name] = convert(hints[name], value[name], here)
        if self.problems:
            return None
        try:
            return cls(**arguments)
        except ValueError as error:
            self._bad(path, str(error))
            return None

    def _bad(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))

    def _adapter_of(self, role: str, hint: Any) -> Callable[[Any, Any, Path], Any]:
        many = get_origin(hint) in (dict, Mapping) or "Mapping" in str(hint)

        def one(value: Any, path: Path) -> Adapter | None:
            kinds = self._kinds_of(role)
            if not isinstance(value, Mapping):
                self._bad(path, f'is {_name(value)}, it should be a table with kind = "{kinds[0]}"')
                return None
            kind = value.get("kind", kinds[0] if len(kinds) == 1 else None)
            options = self._options_of(role, kind) if isinstance(kind, str) else None
            if options is None:
                said = f"{kind!r} is no kind of {role}" if kind is not None else "lacks 'kind'"
                guess = nearest(str(kind), kinds) or f" There is {_listed(kinds)}."
                self._bad((*path, "kind") if "kind" in value else path, said + "." + guess)
                return None
            rest = {key: item for key, item in value.items() if key != "kind"}
            return Adapter(str(kind), self.table(options, rest, path))

        def convert(_hint: Any, value: Any, path: Path) -> Any:
            if not many:
                return one(value, path)
            if not isinstance(value, Mapping):
                self._bad(path, f"is {_name(value)}, it should be a table of tables")
                return None
            return {key: one(item, (*path, key)) for key, item in value.items()}

        return convert

    def _value(self, hint: Any, value: Any, path: Path) -> Any:
        origin = get_origin(hint)
        if origin is Annotated:
            return self._leaf(hint, value, path)
        if origin in (Union, types.UnionType):
            inner = next(item for item in get_args(hint) if item is not types.NoneType)
            return self._value(inner, value, path)
        if origin is Literal:
            allowed = get_args(hint)
            if value not in allowed:
                guess = nearest(str(value), allowed)
                self._bad(path, f"is {value!r}; it can be {_listed(allowed)}.{guess}")
            return value
        if origin in (tuple, list):
            return self._list(get_args(hint)[0], value, path)
        if origin in (dict, Mapping) or str(origin).endswith("Mapping'>"):
            return self._mapping(get_args(hint)[1], value, path)
        if hint is Secret and not isinstance(value, Mapping):
            # Whatever stands here may be the secret: it is not repeated.
            self._bad(path, 'is a reference, never the secret itself; write { env = "NAME" }')
            return None
        if dataclasses.is_dataclass(hint):
            short = getattr(hint, "SHORT", None)
            if short is not None and isinstance(value, str):
                # `policy = "approved"`: the one key that most write, without its table.
                value = {short: value}
            return self.table(cast("type[Any]", hint), value, path)
        return self._plain(hint, value, path)

    def _leaf(self, hint: Any, value: Any, path: Path) -> Any:
        plain, leaf = get_args(hint)
        if isinstance(value, str):
            try:
                return leaf.parse(value)
            except ValueError:
                self._bad(path, f"is {value!r}; write {leaf.says}")
                return None
        if leaf.number and isinstance(value, int | float) and not isinstance(value, bool):
            return leaf.number(float(value))
        if plain is float and isinstance(value, int | float) and not isinstance(value, bool):
            if "number" in leaf.says:
                return float(value)
            self._bad(path, f"is the bare number {value}; write {leaf.says}")
            return None
        self._bad(path, f"is {_name(value)}; write {leaf.says}")
        return None

    def _list(self, item: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            self._bad(path, f"is {_name(value)}, it should be a list")
            return ()
        return tuple(self._value(item, one, (*path, str(i))) for i, one in enumerate(value))

    def _mapping(self, item: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            self._bad(path, f"is {_name(value)}, it should be a table")
            return {}
        return {key: self._value(item, one, (*path, key)) for key, one in value.items()}

    def _plain(self, hint: Any, value: Any, path: Path) -> Any:
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
            self._bad(path, f"is {_name(value)}, it should be {_ENGLISH[hint]}")
            return None
        return value


@functools.cache
def _hints(cls: type) -> Mapping[str, Any]:
    """Evaluated once: a config holds many tables of few classes."""
    return get_type_hints(cls, include_extras=True)


_ENGLISH = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, str):
        return f"the string {value!r}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "a table"


def _listed(words: Any) -> str:
    return ", ".join(str(word) for word in words) or "nothing"
