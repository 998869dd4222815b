"""The metrics of the fleet's servers, under the names that MLServer and vLLM give them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    generate_latest,
)


@dataclass(slots=True)
class Measured:
    status: int = 500


class Measures:
    """A registry of its own, since several servers may live in one test process."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


class ServerMeasures(Measures):
    """MLServer's names."""

    def __init__(self) -> None:
        super().__init__()
        model = ("model", "version")
        rest = ("app_name", "method", "path", "status_code")
        self._success = Counter(
            "model_infer_request_success",
            "Model infer request success count",
            model,
            registry=self.registry,
        )
        self._failure = Counter(
            "model_infer_request_failure",
            "Model infer request failure count",
            model,
            registry=self.registry,
        )
        self._inference = Summary(
            "model_infer_request_duration",
            "Model infer request duration",
            model,
            registry=self.registry,
        )
        self._requests = Counter(
            "rest_server_requests", "Total HTTP requests", rest, registry=self.registry
        )
        self._seconds = Histogram(
            "rest_server_request_duration_seconds",
            "HTTP request duration, in seconds",
            rest,
            registry=self.registry,
        )
        self._active = Gauge(
            "rest_server_requests_in_progress",
            "Total HTTP requests currently in progress",
            ("app_name", "method"),
            registry=self.registry,
        )
        self._active.labels("modeldeck-demo", "POST").set(0)

    @contextlib.contextmanager
    def request(self, path: str) -> Iterator[Measured]:
        """Around one inference request; the block sets the status that was answered."""
        active = self._active.labels("modeldeck-demo", "POST")
        measured, began = Measured(), time.perf_counter()
        active.inc()
        try:
            yield measured
        finally:
            active.dec()
            labels = ("modeldeck-demo", "POST", path, str(measured.status))
            self._requests.labels(*labels).inc()
            self._seconds.labels(*labels).observe(time.perf_counter() - began)

    @contextlib.contextmanager
    def inference(self, model: str, version: str) -> Iterator[None]:
        with self._inference.labels(model, version).time():
            yield

    def succeeded(self, model: str, version: str) -> None:
        self._success.labels(model, version).inc()

    def failed(self, model: str, version: str) -> None:
        self._failure.labels(model, version).inc()


# vLLM's own bounds, in seconds.
_TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_LATENCY = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0)
_INTER = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0)
FINISHED = ("stop", "length", "abort", "error")


class EngineMeasures(Measures):
    """vLLM's names."""

    def __init__(self, model: str) -> None:
        super().__init__()
        labels, own = ("engine", "model_name"), ("0", model)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"vllm:{name}", text, labels, registry=self.registry).labels(*own)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"vllm:{name}", text, labels, registry=self.registry).labels(*own)

        def histogram(name: str, text: str, bounds: tuple[float, ...]) -> Histogram:
            return Histogram(
                f"vllm:{name}", text, labels, buckets=bounds, registry=self.registry
            ).labels(*own)

        self.running = gauge("num_requests_running", "Requests in model execution batches")
        self.waiting = gauge("num_requests_waiting", "Requests waiting to be processed")
        self.cache = gauge("kv_cache_usage_perc", "KV-cache usage; 1 is all of it")
        self.prompt_tokens = counter("prompt_tokens", "Prefill tokens processed")
        self.generation_tokens = counter("generation_tokens", "Generation tokens processed")
        self.prompt_length = histogram("request_prompt_tokens", "Prefill tokens", _TOKENS)
        self.answer_length = histogram("request_generation_tokens", "Generation tokens", _TOKENS)
        self.first_token = histogram("time_to_first_token_seconds", "Time to first token", _TTFT)
        self.between = histogram("inter_token_latency_seconds", "Inter-token latency", _INTER)
        self.latency = histogram("e2e_request_latency_seconds", "E2E request latency", _LATENCY)
        self.queued = histogram("request_queue_time_seconds", "Time in WAITING phase", _LATENCY)
        success = Counter(
            "vllm:request_success",
            "Successfully processed requests",
            ("engine", "finished_reason", "model_name"),
            registry=self.registry,
        )
        self.finished = {reason: success.labels("0", reason, model) for reason in FINISHED}
        self._answers = Counter(
            "http_requests",
            "Requests by method, status and handler",
            ("handler", "method", "status"),
            registry=self.registry,
        )

    def answered(self, handler: str, status: int) -> None:
        self._answers.labels(handler, "POST", f"{status // 100}xx").inc()
