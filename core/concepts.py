"""The catalog of what can be measured, as data: what a figure means, and which engine tells it how."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from core.config import Layer
from core.figures import Direction, Unit

Kind = Literal["rate", "gauge", "quantile", "ratio"]
Vantage = Literal["proxy", "engine", "client"]

START_TIME = "process_start_time_seconds"
"""Where an engine shows it, a restart is certain even when no counter fell."""


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """The series of one sample name whose labels match; compared by identity, and shared.

    `where` maps labels to patterns that match the whole value, as `=~` in PromQL; a label that
    is not there is the empty string. `absent_is_zero`: the engine makes the series with the first
    event, so that none means 0; otherwise it means that nobody can tell.
    """

    name: str
    where: Mapping[str, str] = field(default_factory=dict)
    absent_is_zero: bool = False
    _patterns: tuple[tuple[str, re.Pattern[str]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        patterns = tuple((label, re.compile(text)) for label, text in self.where.items())
        object.__setattr__(self, "_patterns", patterns)

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(pattern.fullmatch(labels.get(label, "")) for label, pattern in self._patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to tell a concept.

    rate: increase of `of` per second. gauge: sum of `of` now. quantile: `q` of the one `_bucket`
    name in `of`. ratio: increase of `of` by increase of `per`. `scale` leads to SI units.
    """

    kind: Kind
    vantage: Vantage
    of: tuple[Pick, ...]
    per: tuple[Pick, ...] = ()
    scale: float = 1.0
    q: float = 0.0

    @property
    def anchors(self) -> tuple[Pick, ...]:
        """The picks of which at least one must be on the page for the rule to apply."""
        return self.per or self.of

    @property
    def picks(self) -> tuple[Pick, ...]:
        return self.of + self.per


@dataclass(frozen=True, slots=True)
class Concept:
    """`vantages` in the order of preference. `rules` per engine, the best first.

    `least` is the number of requests below which a ratio cannot tell.
    """

    name: str
    title: str
    layer: Layer
    unit: Unit
    direction: Direction
    vantages: tuple[Vantage, ...]
    rules: Mapping[str, tuple[Rule, ...]]
    least: int = 1


Catalog = Mapping[str, Concept]

_USERS: tuple[Vantage, ...] = ("proxy", "engine", "client")
_INSIDE: tuple[Vantage, ...] = ("engine", "proxy", "client")
_MILLI = 0.001

# Completed counts what users were answered; total counts every attempt, retries too, but is there
# before the first request.
_ENVOY_COMPLETED = Pick("envoy_cluster_upstream_rq_completed")
_ENVOY_TOTAL = Pick("envoy_cluster_upstream_rq_total")
_ENVOY_ANSWERS = Pick("envoy_cluster_upstream_rq_xx")
_ENVOY_5XX = Pick(
    "envoy_cluster_upstream_rq_xx", {"envoy_response_code_class": "5"}, absent_is_zero=True
)
_ENVOY_TIME = Pick("envoy_cluster_upstream_rq_time_bucket")
_ENVOY_ACTIVE = Pick("envoy_cluster_upstream_rq_active")
_ENVOY_PENDING = Pick("envoy_cluster_upstream_rq_pending_active")

_MLSERVER_OK = Pick("model_infer_request_success_total", absent_is_zero=True)
_MLSERVER_FAILED = Pick("model_infer_request_failure_total", absent_is_zero=True)
_INFER = {"path": ".*/infer|"}
_MLSERVER_REST = Pick("rest_server_requests_total", _INFER)
_MLSERVER_5XX = Pick(
    "rest_server_requests_total", {**_INFER, "status_code": "5.."}, absent_is_zero=True
)
_MLSERVER_TIME = Pick("rest_server_request_duration_seconds_bucket", _INFER)
_MLSERVER_ACTIVE = Pick("rest_server_requests_in_progress", {"method": "POST|"})

# A 4xx is the client's error, at every vantage point.
_VLLM_API = {"handler": "/v1/.*|", "method": "POST|"}
_VLLM_HTTP = Pick("http_requests_total", _VLLM_API)
_VLLM_5XX = Pick("http_requests_total", {**_VLLM_API, "status": "5.*"}, absent_is_zero=True)
_VLLM_DONE = Pick("vllm:request_success_total")
_VLLM_TIME = Pick("vllm:e2e_request_latency_seconds_bucket")
_VLLM_TTFT = Pick("vllm:time_to_first_token_seconds_bucket")
_VLLM_WAITING = Pick("vllm:num_requests_waiting")
_VLLM_RUNNING = Pick("vllm:num_requests_running")


def _latency(q: float) -> Mapping[str, tuple[Rule, ...]]:
    return {
        "envoy": (Rule("quantile", "proxy", (_ENVOY_TIME,), scale=_MILLI, q=q),),
        "mlserver": (Rule("quantile", "engine", (_MLSERVER_TIME,), q=q),),
        "vllm": (Rule("quantile", "engine", (_VLLM_TIME,), q=q),),
    }


def _gauge(vantage: Vantage, *picks: Pick) -> tuple[Rule, ...]:
    return (Rule("gauge", vantage, picks),)


def _vllm_mean(histogram: str) -> tuple[Rule, ...]:
    sums, counts = Pick(f"{histogram}_sum"), Pick(f"{histogram}_count")
    return (Rule("ratio", "engine", (sums,), (counts,)),)


_CONCEPTS = (
    Concept(
        "request_rate",
        "requests",
        "system",
        "per_second",
        "",
        _USERS,
        {
            "envoy": (
                Rule("rate", "proxy", (_ENVOY_COMPLETED,)),
                Rule("rate", "proxy", (_ENVOY_TOTAL,)),
            ),
            "mlserver": (
                Rule("rate", "engine", (_MLSERVER_OK, _MLSERVER_FAILED)),
                Rule("rate", "engine", (_MLSERVER_REST,)),
            ),
            "vllm": (
                Rule("rate", "engine", (_VLLM_HTTP,)),
                Rule("rate", "engine", (_VLLM_DONE,)),
            ),
        },
    ),
    Concept(
        "error_share",
        "errors",
        "system",
        "share",
        "lower",
        _USERS,
        {
            "envoy": (Rule("ratio", "proxy", (_ENVOY_5XX,), (_ENVOY_ANSWERS,)),),
            "mlserver": (
                Rule("ratio", "engine", (_MLSERVER_FAILED,), (_MLSERVER_OK, _MLSERVER_FAILED)),
                Rule("ratio", "engine", (_MLSERVER_5XX,), (_MLSERVER_REST,)),
            ),
            "vllm": (Rule("ratio", "engine", (_VLLM_5XX,), (_VLLM_HTTP,)),),
        },
        least=10,
    ),
    Concept("latency_p50", "latency p50", "system", "seconds", "lower", _USERS, _latency(0.5)),
    Concept("latency_p95", "latency p95", "system", "seconds", "lower", _USERS, _latency(0.95)),
    Concept("latency_p99", "latency p99", "system", "seconds", "lower", _USERS, _latency(0.99)),
    Concept(
        "active",
        "in flight",
        "system",
        "count",
        "",
        _USERS,
        {
            "envoy": _gauge("proxy", _ENVOY_ACTIVE),
            "mlserver": _gauge("engine", _MLSERVER_ACTIVE),
            "vllm": _gauge("engine", _VLLM_RUNNING, _VLLM_WAITING),
        },
    ),
    Concept(
        "ttft_p95",
        "TTFT p95",
        "system",
        "seconds",
        "lower",
        _INSIDE,
        {"vllm": (Rule("quantile", "engine", (_VLLM_TTFT,), q=0.95),)},
    ),
    Concept(
        "tokens_in",
        "tokens in/req",
        "system",
        "tokens",
        "",
        _INSIDE,
        {"vllm": _vllm_mean("vllm:request_prompt_tokens")},
    ),
    Concept(
        "tokens_out",
        "tokens out/req",
        "system",
        "tokens",
        "",
        _INSIDE,
        {"vllm": _vllm_mean("vllm:request_generation_tokens")},
    ),
    Concept(
        "queue_depth",
        "queue",
        "system",
        "count",
        "lower",
        _INSIDE,
        {
            "envoy": _gauge("proxy", _ENVOY_PENDING),
            "vllm": _gauge("engine", _VLLM_WAITING),
        },
    ),
    Concept(
        "running",
        "running",
        "system",
        "count",
        "",
        _INSIDE,
        {
            "mlserver": _gauge("engine", _MLSERVER_ACTIVE),
            "vllm": _gauge("engine", _VLLM_RUNNING),
        },
    ),
)

CATALOG: Catalog = {concept.name: concept for concept in _CONCEPTS}

SPOKEN_BY: Mapping[str, tuple[str, ...]] = {"v2": ("mlserver",), "openai": ("vllm",)}
"""A protocol to the engines that speak it; the page tells which of their names it has."""


def engines_of(engine: str) -> tuple[str, ...]:
    """The engines whose rules apply to a page of `engine`, which may be a protocol's name."""
    return SPOKEN_BY.get(engine, (engine,))


def rules(concept: Concept, engine: str) -> Iterator[Rule]:
    """The concept's rules for a page of `engine`, the best first."""
    for name in engines_of(engine):
        yield from concept.rules.get(name, ())


def picks(engine: str, catalog: Catalog = CATALOG) -> Mapping[Pick, Kind]:
    """Every pick that the catalog needs of an engine, with the kind of rule that uses it."""
    if catalog is CATALOG:
        return _own_picks(engine)
    return _all_picks(engine, catalog)


@lru_cache(maxsize=64)
def _own_picks(engine: str) -> Mapping[Pick, Kind]:
    return _all_picks(engine, CATALOG)


def _all_picks(engine: str, catalog: Catalog) -> Mapping[Pick, Kind]:
    return {
        pick: rule.kind
        for concept in catalog.values()
        for rule in rules(concept, engine)
        for pick in rule.picks
    }


def wanted(engine: str, catalog: Catalog = CATALOG) -> frozenset[str]:
    """Every sample name that the catalog needs of an engine; nothing for an unknown one."""
    names = frozenset(pick.name for pick in picks(engine, catalog))
    return names | {START_TIME} if names else names
