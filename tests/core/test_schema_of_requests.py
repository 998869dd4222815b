"""What callers send against what a version takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gate import Check
from core.inference_log import InferenceLogConfig, Kind, LogColumns, check_requests
from core.signature import Column, Signature
from tests.core.values import quick

CONFIG = InferenceLogConfig("log/*.parquet", max_age=3600.0)
TAKES = Signature((Column("age", "double"), Column("city", "string"), Column("vip", "boolean")))
SENT: dict[str, Kind] = {"age": "number", "city": "text", "vip": "boolean"}


def check(
    sent: dict[str, Kind] | None = None, takes: Signature = TAKES, *, age: float = 10.0
) -> Check:
    return check_requests(
        takes, LogColumns("a.parquet", age, SENT if sent is None else sent), CONFIG
    )


def test_what_is_sent_and_taken_passes() -> None:
    assert check().verdict == "passed"
    assert check({**SENT, "beside": "other"}).verdict == "passed", "the model ignores it"


def test_an_input_that_nobody_sends_fails_by_name() -> None:
    found = check({"age": "number", "vip": "boolean"})
    assert found.verdict == "failed"
    assert "city (string) is not sent" in found.evidence


def test_an_optional_input_need_not_be_sent_but_fits_where_it_is() -> None:
    takes = Signature((Column("age", "double"), Column("city", "string", required=False)))
    assert check({"age": "number"}, takes).verdict == "passed"
    assert check({"age": "number", "city": "integer"}, takes).verdict == "failed"


@pytest.mark.parametrize(
    ("sent", "taken", "verdict"),
    [
        ("integer", "double", "passed"),
        ("number", "long", "failed"),
        ("text", "double", "failed"),
        ("integer", "string", "failed"),
        ("boolean", "long", "failed"),
        ("text", "datetime", "passed"),
        ("other", "array {}", "passed"),
    ],
)
def test_a_type_must_be_one_that_the_model_takes(sent: Kind, taken: str, verdict: str) -> None:
    found = check({"x": sent}, Signature((Column("x", taken),)))
    assert found.verdict == verdict
    assert (f"x is sent as {sent}" in found.evidence) is (verdict == "failed")


def test_what_is_not_known_is_no_evidence() -> None:
    tensor = Signature((Column("0", "tensor float32 [-1, 28]"),))
    for found, why in (
        (check(age=3601.0), "older than 1h"),
        (check({}), "no features"),
        (check({**SENT, "age": "unknown"}), "nothing but empty values of age"),
        (check(age=-3600.0), "in the future"),
        (check(takes=tensor), "tensor"),
        (check(takes=Signature(why="the model was logged without one")), "without one"),
        (check_requests(TAKES, "no file is named log/*", CONFIG), "no file is named"),
    ):
        assert found.verdict == "no_evidence"
        assert why in found.evidence


@quick
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_whatever_is_left_out_is_noticed(names: list[str], data: st.DataObject) -> None:
    takes = Signature(tuple(Column(name, "double") for name in names))
    left_out = data.draw(st.sets(st.sampled_from(names)))
    sent: dict[str, Kind] = {name: "number" for name in names if name not in left_out}
    found = check({**sent, "beside": "text"}, takes) if not sent else check(sent, takes)
    assert (found.verdict == "failed") is bool(left_out)
