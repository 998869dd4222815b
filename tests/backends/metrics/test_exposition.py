"""The exposition parser, held against the official one and against hostile pages."""

from __future__ import annotations

import asyncio
import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from backends.http import Http
from backends.metrics.exposition import parse, scrape
from core.concepts import wanted
from core.errors import BadAnswer
from core.text import clean

EXPOSITIONS = Path(__file__).parents[2] / "fixtures" / "expositions"
Flat = list[tuple[str, tuple[tuple[str, str], ...], str]]


def flat(text: bytes, names: frozenset[str]) -> Flat:
    found = parse(text, names)
    return sorted(
        (name, tuple(sorted(sample.labels.items())), repr(sample.value))
        for name, samples in found.items()
        for sample in samples
    )


def oracle(text: str, names: frozenset[str]) -> Flat:
    """The official parser's samples. Without the types, for which it would rename counters."""
    untyped = re.sub(r"^# (TYPE|HELP) .*$", "", text, flags=re.M)
    return sorted(
        (
            sample.name,
            tuple(sorted((key, clean(value)) for key, value in sample.labels.items())),
            repr(float(sample.value)),
        )
        for family in text_string_to_metric_families(untyped)
        for sample in family.samples
        if sample.name in names
    )


def every_name(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?=[ {])", text, re.M))


@pytest.mark.parametrize("path", sorted(EXPOSITIONS.glob("*.prom")), ids=lambda path: path.name)
def test_reads_every_sample_of_real_servers_as_the_official_parser_does(path: Path) -> None:
    text = path.read_text()
    names = every_name(text)
    assert len(names) > 20
    assert flat(text.encode(), names) == oracle(text, names)


@pytest.mark.parametrize(
    ("engine", "file"),
    [
        ("vllm", "vllm-0.32.0-cpu"),
        ("envoy", "envoy-1.40.0"),
        ("mlserver", "mlserver-1.7.1"),
        ("v2", "mlserver-1.7.1"),
    ],
)
def test_reads_only_what_was_wanted(engine: str, file: str) -> None:
    text = (EXPOSITIONS / f"{file}.prom").read_text()
    names = wanted(engine)
    found = flat(text.encode(), names)
    assert found == oracle(text, names)
    assert {name for name, _, _ in found} <= names
    assert len(found) > 10


NAMES = ["requests", "requests_total", "requests_bucket", "vllm:running", "up"]
LABEL_VALUES = st.text(alphabet='ab0{}",\\#= \n\t[]é日\u202e\x1b', max_size=12)
NUMBERS = st.one_of(
    st.floats().map(repr), st.integers(-(10**20), 10**20).map(str), st.sampled_from(["+Inf", "Nan"])
)


def escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@st.composite
def lines(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(NAMES))
    labels = draw(st.dictionaries(st.sampled_from(["a", "le", "B_2", "_"]), LABEL_VALUES))
    inner = ",".join(f'{key}="{escaped(value)}"' for key, value in labels.items())
    braces = f"{{{inner}}}" if inner or draw(st.booleans()) else ""
    stamp = draw(st.sampled_from(["", " 1795412965974", " -3"]))
    return f"{name}{braces} {draw(NUMBERS)}{stamp}"


COMMENTS = st.sampled_from(["# a comment", "# HELP requests requests{} 3", "", "# TYPE up gauge"])


@settings(deadline=None)
@given(st.lists(st.one_of(lines(), COMMENTS)), st.sets(st.sampled_from(NAMES)))
def test_reads_any_page_as_the_official_parser_does(page: list[str], names: set[str]) -> None:
    text = "".join(line + "\n" for line in page)
    assert flat(text.encode(), frozenset(names)) == oracle(text, frozenset(names))


@settings(deadline=None)
@given(st.lists(lines(), min_size=1, max_size=5), st.data())
def test_a_page_cut_off_anywhere_loses_no_more_than_its_last_line(
    page: list[str], data: st.DataObject
) -> None:
    text = "".join(line + "\n" for line in page).encode()
    whole = text.split(b"\n")
    cut = data.draw(st.integers(1, len(text)))
    complete = b"".join(line + b"\n" for line in whole[: text[:cut].count(b"\n")])
    names = frozenset(NAMES)
    assert flat(b"# cut\n" + text[:cut], names) == flat(complete, names)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(junk: bytes) -> None:
    said = []
    for page in (junk, b"# page\n" + junk + b"\n", b'up{a="' + junk + b'"} 1\n', b"up" + junk):
        try:
            parse(page, frozenset({"up"}))
        except BadAnswer as error:
            said.append(error.message)
    assert said == [clean(message) for message in said]


def one(text: str, name: str = "up") -> tuple[dict[str, str], float]:
    (sample,) = parse(text.encode(), frozenset({name}))[name]
    return dict(sample.labels), sample.value


def test_exemplars_timestamps_and_the_end_mark_of_openmetrics_are_passed_over() -> None:
    text = '# TYPE up histogram\nup{le="1.0",b="}"} 5 # {trace_id="a}b"} 0.7 1520879607.789\n# EOF'
    assert one(text) == ({"le": "1.0", "b": "}"}, 5.0)
    assert one('up{a="b # c} 3"} 7 12\n') == ({"a": "b # c} 3"}, 7.0)
    assert one("up 4 # {} 1\n") == ({}, 4.0)
    assert one('up {a="b",} 1\r\n') == ({"a": "b"}, 1.0)


def test_nan_and_infinities_stay_what_they_are() -> None:
    assert math.isnan(one("up Nan\n")[1])
    assert one("up +Inf\n")[1] == math.inf
    assert one("up -Inf\n")[1] == -math.inf


def test_label_values_cannot_steer_a_terminal() -> None:
    assert one('up{a="\x1b]0;x\x07"} 1\n')[0]["a"] == r"\x1b]0;x\x07"
    assert one('up{a="two\\nlines"} 1\n')[0]["a"] == r"two\x0alines"


def test_names_that_only_start_alike_are_other_names() -> None:
    assert parse(b"up_total 1\nupper 2\nup 3\n", frozenset({"up"}))["up"][0].value == 3
    assert parse(b"upper 2\n", frozenset({"up"})) == {}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!doctype html><html><body>up 1</body></html>\n", "HTML"),
        (b"\n  <html>\nup 1\n</html>", "HTML"),
        (b'{"status": "ok"}', "JSON"),
        (b"\x1f\x8b\x08\x00garbage", "something else"),
    ],
)
def test_what_is_no_exposition_is_said_to_be_none(body: bytes, kind: str) -> None:
    with pytest.raises(BadAnswer, match=kind) as caught:
        parse(body, frozenset({"up"}), backend="envoy at :9901", what="counters")
    assert caught.value.backend == "envoy at :9901"
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("line", ['up{a="b} 1', "up one", "up 1_000", "up ", "up{a=b} 1"])
def test_a_wanted_line_that_lies_is_not_passed_over(line: str) -> None:
    with pytest.raises(BadAnswer, match="no sample"):
        parse(f"# page\n{line}\n".encode(), frozenset({"up"}))


def test_a_label_bomb_is_refused_and_one_of_unwanted_names_does_no_harm() -> None:
    bomb = b"".join(b'up{path="/%d"} 1\n' % number for number in range(100_000))
    with pytest.raises(BadAnswer, match="100000 series"):
        parse(bomb, frozenset({"up"}))
    assert parse(bomb + b"down 1\n", frozenset({"down"}))["down"][0].value == 1


def test_reads_wanted_names_at_fifty_megabytes_a_second() -> None:
    page = (EXPOSITIONS / "vllm-0.32.0-cpu.prom").read_bytes()
    text = page * (4_000_000 // len(page))
    names = wanted("vllm")

    def seconds() -> float:
        begun = time.process_time()
        parse(text, names)
        return time.process_time() - begun

    fastest = min(seconds() for _ in range(5))
    assert len(text) / fastest > 50e6


async def _serve(body: bytes, content_type: str) -> tuple[asyncio.Server, str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}"
        writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    return server, f"http://127.0.0.1:{port}"


def test_scrapes_a_page_over_http() -> None:
    async def go() -> None:
        body = (EXPOSITIONS / "mlserver-1.7.1.prom").read_bytes()
        server, url = await _serve(body, "text/plain; version=0.0.4")
        http = Http("mlserver", url)
        async with server:
            before = time.time()
            page = await scrape(http, "/metrics", wanted("v2"), engine="v2", slot="blue")
            await http.close()
        assert (page.engine, page.vantage, page.slot) == ("v2", "engine", "blue")
        assert before <= page.taken <= time.time()
        assert page.series["model_infer_request_success_total"][0].value == 92

    asyncio.run(go())


def test_a_server_that_answers_html_names_itself() -> None:
    async def go() -> None:
        server, url = await _serve(b"<html>login</html>", "text/html")
        http = Http("slot blue", url)
        async with server:
            with pytest.raises(BadAnswer, match="HTML") as caught:
                await scrape(http, "/metrics", wanted("v2"), engine="v2", slot="blue")
            await http.close()
        assert caught.value.backend == "slot blue"

    asyncio.run(go())
