"""The Prometheus text format, read only for the names that somebody wants.

Names stay as they are written: no `_total` is added or taken away. An engine that serves
thousands of series costs a search for its line starts and no more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from backends.base import MetricsPage, Series
from core.errors import BadAnswer
from core.redaction import shown
from core.text import clean

if TYPE_CHECKING:
    from backends.http import Http

MAX_SERIES = 50_000
"""Wanted series of one page; more is a label bomb, and adding up a part of it would lie."""

_NO_LABELS: Mapping[str, str] = MappingProxyType({})
_CACHED_LABELS = 512
"""Bytes; longer label sets are read afresh, so that no server fills the memory."""

_LABEL = rb'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*'
_ONE_LABEL = re.compile(_LABEL + rb"(?:,|$)", re.S)
_ALL_LABELS = re.compile(rb"(?:" + _LABEL + rb"(?:,\s*|$))*", re.S)
# The quoted strings are stepped over, so that a brace inside a value or an exemplar misleads nobody.
_BRACED = re.compile(rb'\{((?:[^"{}]|"[^"\\]*(?:\\.[^"\\]*)*")*)\}(.*)', re.S)
_ESCAPE = re.compile(r'\\([\\n"])')
_ESCAPED = {"\\": "\\", "n": "\n", '"': '"'}
# The last form is a metric whose name is quoted; in JSON a colon would follow.
_METRIC_LINE = re.compile(rb'#|[a-zA-Z_:][a-zA-Z0-9_:]*[ \t{]|\{[ \t]*"[^"]*"[ \t]*[,}]')


def parse(
    text: bytes,
    wanted: frozenset[str],
    *,
    backend: str = "metrics",
    what: str = "metrics",
    limit: int = MAX_SERIES,
) -> dict[str, list[Series]]:
    """The samples of the wanted names, by exact sample name (with `_bucket`, `_sum`, `_count`).

    A name without samples is left out. Timestamps and exemplars are ignored; a last line without
    its line end was cut off and is dropped. Label values are cleaned; label mappings are
    read-only and shared between samples.

    Raises BadAnswer for HTML, JSON or anything else that is no exposition, for a wanted line that
    cannot be read, and for more than `limit` wanted series.
    """
    _expect_exposition(text, backend, what)
    found: dict[str, list[Series]] = {}
    if not wanted:
        return found
    lines = _finder(wanted).findall(b"\n" + text)
    if len(lines) > limit:
        message = f"{len(lines)} series of the names asked for, more than {limit}"
        raise _bad(backend, what, f"{message}: too many label values to add up", None)
    for name, rest in lines:
        series = _sample(rest)
        if series is None:
            said = shown((name + rest).decode("utf-8", "replace"))[:120]
            raise _bad(backend, what, f"a line that is no sample: {said}", None)
        found.setdefault(_text(name), []).append(series)
    return found


async def scrape(
    http: Http,
    path: str,
    wanted: frozenset[str],
    *,
    engine: str,
    slot: str,
    vantage: str = "engine",
    what: str = "metrics",
) -> MetricsPage:
    """One page of `path`, taken now. Raises BackendError."""
    answer = await http.request("GET", path, what=what)
    series = parse(answer.content, wanted, backend=http.backend, what=what)
    return MetricsPage(engine, vantage, slot, time.time(), series)


@lru_cache(maxsize=64)
def _finder(wanted: frozenset[str]) -> re.Pattern[bytes]:
    """Whole lines that start with a wanted name; the line end before it makes the search fast."""
    longest_first = sorted((re.escape(name.encode()) for name in wanted), key=len, reverse=True)
    names = b"|".join(longest_first)
    return re.compile(rb"\n(" + names + rb")(?=[ \t{])([^\n]*)(?=\n)")


def _sample(rest: bytes) -> Series | None:
    """What follows the name: labels, value, and a timestamp or an exemplar that nobody needs."""
    if b"#" in rest:
        return _sample_with_care(rest)
    # A value and a timestamp hold no brace: the last one ends the labels.
    braced, brace, after = rest.rpartition(b"}")
    if not brace:
        return _series(_NO_LABELS, rest)
    opened, brace, inner = braced.partition(b"{")
    if not brace or opened.strip():
        return None
    labels = _cached_labels(inner) if len(inner) <= _CACHED_LABELS else _labels(inner)
    return None if labels is None else _series(labels, after)


def _sample_with_care(rest: bytes) -> Series | None:
    match = _BRACED.match(rest.lstrip())
    inner, after = match.groups() if match else (b"", rest)
    labels = _labels(inner)
    return None if labels is None else _series(labels, after.partition(b"#")[0])


def _series(labels: Mapping[str, str], numbers: bytes) -> Series | None:
    value = numbers.split(None, 1)[:1]
    # Python reads 1_000 as a number, the format does not.
    if not value or b"_" in value[0]:
        return None
    try:
        return Series(labels, float(value[0]))
    except ValueError:
        return None


def _labels(raw: bytes) -> Mapping[str, str] | None:
    """The labels between the braces, or None where they cannot be read."""
    if _ALL_LABELS.fullmatch(raw) is None:
        return _NO_LABELS if not raw.strip() else None
    return MappingProxyType(
        {_text(name): clean(_value(value)) for name, value in _ONE_LABEL.findall(raw)}
    )


@lru_cache(maxsize=8192)
def _cached_labels(raw: bytes) -> Mapping[str, str] | None:
    return _labels(raw)


def _value(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], text) if "\\" in text else text


@lru_cache(maxsize=1024)
def _text(name: bytes) -> str:
    return name.decode()


def _expect_exposition(text: bytes, backend: str, what: str) -> None:
    start = text[:2048].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start or _METRIC_LINE.match(start):
        return
    kind = {b"<": "HTML", b"{": "JSON", b"[": "JSON"}.get(start[:1], "something else")
    hint = "does the address lead to the metrics page? It usually ends in /metrics"
    raise _bad(backend, what, f"the answer is {kind}, not Prometheus metrics", hint)


def _bad(backend: str, what: str, message: str, hint: str | None) -> BadAnswer:
    return BadAnswer(f"{what}: {message}", backend=backend, operation=what, hint=hint)
