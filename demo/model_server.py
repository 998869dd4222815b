"""The model server of one slot: the Open Inference Protocol (V2) with its repository calls.

python -m demo.prefork forks it; its arguments are JSON, see `SlotSettings`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.artifact import Loaded, LoadError, fetch, held, open_model
from demo.effects import Watcher, effect_for
from demo.inference_log import InferenceLog
from demo.measures import ServerMeasures
from demo.settings import SlotSettings

ROW_LIMIT = 1000
PATHS = {
    False: "/v2/models/{model_name}/infer",
    True: "/v2/models/{model_name}/versions/{model_version}/infer",
}
"""The label that MLServer gives an inference request, with and without a version."""


class Refusal(Exception):
    """An answer other than 200, in the protocol's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ModelServer:
    """Holds one version and answers for it; a new one takes over only once it is loaded."""

    def __init__(self, settings: SlotSettings) -> None:
        self.settings = settings
        self.loaded: Loaded | None = None
        self.measures = ServerMeasures()
        self.watcher = Watcher(Path(settings.effects))
        self.log = InferenceLog(Path(settings.log), settings.slot)
        self._disk = Path(settings.disk)
        self._loading = asyncio.Lock()

    def restore(self) -> None:
        """Take up again what the slot held before."""
        if held(self._disk):
            with contextlib.suppress(LoadError):
                self.loaded = open_model(self._disk)

    async def load(self, version: str) -> None:
        """Fetch a version from the registry and switch over to it. Raises LoadError."""
        async with self._loading:
            fresh = self._disk.with_name(f"{self._disk.name}.new")
            try:
                await fetch(self.settings.registry, self.settings.model, version, fresh)
                loaded = await asyncio.to_thread(open_model, fresh)
                old = self._disk.with_name(f"{self._disk.name}.old")
                shutil.rmtree(old, ignore_errors=True)
                if self._disk.exists():
                    self._disk.rename(old)
                fresh.rename(self._disk)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
            self.loaded = loaded

    async def unload(self) -> None:
        async with self._loading:
            self.loaded = None
            shutil.rmtree(self._disk, ignore_errors=True)

    def named(self, request: Request) -> Loaded:
        """The version that a path names. Raises Refusal where another one, or none, is held."""
        model, version = request.path_params["model"], request.path_params.get("version")
        if model != self.settings.model:
            raise Refusal(404, f"unknown model '{model}'")
        loaded = self.loaded
        if loaded is None:
            raise Refusal(404, f"model '{model}' has no version loaded")
        if version is not None and version != loaded.version:
            raise Refusal(404, f"'{model}' version {version} is not loaded: {loaded.version} is")
        return loaded

    # -- the protocol

    async def infer(self, request: Request) -> Response:
        path = PATHS["version" in request.path_params]
        with self.measures.request(path) as measured:
            answer = await self._infer(request)
            measured.status = answer.status_code
        return answer

    async def _infer(self, request: Request) -> Response:
        arrived = time.time()
        asked = request.headers.get("x-request-id", "")
        version = self.loaded.version if self.loaded else ""
        try:
            loaded = self.named(request)
            version = loaded.version
            body = await read_body(request)
            rows = tensor(body)
            effect = effect_for(
                self.watcher.staged, self.settings.service, self.settings.slot, version
            )
            await asyncio.sleep(effect.seconds())
            if effect.strikes():
                raise Refusal(500, "staged fault: this server errs on a share of the requests")
            with self.measures.inference(loaded.model, version):
                classes, scores = loaded.score(rows)
        except Refusal as refusal:
            self.measures.failed(self.settings.model, version)
            return failure(refusal.status, str(refusal), version)
        except ValueError as error:
            self.measures.failed(self.settings.model, version)
            return failure(400, str(error), version)
        except Exception as error:
            traceback.print_exc()
            self.measures.failed(self.settings.model, version)
            return failure(500, f"the model failed: {type(error).__name__}", version)
        number = str(body.get("id") or asked or uuid.uuid4().hex)
        mirrored = request.headers.get("host", "").partition(":")[0].endswith("-shadow")
        self.log.add(number, arrived, version, mirrored, loaded.features, rows, classes, scores)
        self.measures.succeeded(loaded.model, version)
        answer = {
            "model_name": loaded.model,
            "model_version": version,
            "id": number,
            "outputs": [
                {"name": "prediction", "shape": [len(rows)], "datatype": "INT64", "data": classes},
                {"name": "score", "shape": [len(rows)], "datatype": "FP64", "data": scores},
            ],
        }
        return JSONResponse(answer, headers={"x-model-version": version})

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        if self.loaded is None:
            return failure(400, "no model is loaded", "")
        return JSONResponse({"ready": True}, headers={"x-model-version": self.loaded.version})

    async def model_ready(self, request: Request) -> Response:
        loaded = self.named(request)
        answer = {"name": loaded.model, "ready": True}
        return JSONResponse(answer, headers={"x-model-version": loaded.version})

    async def metadata(self, request: Request) -> Response:
        loaded = self.named(request)
        width = len(loaded.features)
        answer = {
            "name": loaded.model,
            "versions": [loaded.version],
            "platform": "sklearn_skops",
            "inputs": [{"name": "features", "datatype": "FP64", "shape": [-1, width]}],
            "outputs": [
                {"name": "prediction", "datatype": "INT64", "shape": [-1]},
                {"name": "score", "datatype": "FP64", "shape": [-1]},
            ],
        }
        return JSONResponse(answer, headers={"x-model-version": loaded.version})

    async def index(self, _: Request) -> Response:
        entry = {"name": self.settings.model, "version": "", "state": "UNAVAILABLE", "reason": ""}
        if self.loaded:
            entry |= {"version": self.loaded.version, "state": "READY"}
        else:
            entry["reason"] = "unloaded"
        return JSONResponse([entry])

    async def load_call(self, request: Request) -> Response:
        if request.path_params["model"] != self.settings.model:
            return failure(400, f"unknown model '{request.path_params['model']}'", "")
        try:
            await self.load(wanted_version(await read_body(request)))
        except (Refusal, LoadError) as error:
            return failure(400, str(error), self.loaded.version if self.loaded else "")
        return Response(status_code=200)

    async def unload_call(self, request: Request) -> Response:
        if request.path_params["model"] != self.settings.model:
            return failure(400, f"unknown model '{request.path_params['model']}'", "")
        await self.unload()
        return Response(status_code=200)

    async def metrics(self, _: Request) -> Response:
        return Response(self.measures.exposition(), media_type=self.measures.media_type)

    async def refuse(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return failure(error.status, str(error), self.loaded.version if self.loaded else "")

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.watcher.follow()), asyncio.create_task(self.log.follow())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.log.close()

    def app(self) -> Starlette:
        model = "/v2/models/{model}"
        repository = "/v2/repository"
        routes = [
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route(model, self.metadata),
            Route(f"{model}/ready", self.model_ready),
            Route(f"{model}/versions/{{version}}", self.metadata),
            Route(f"{model}/versions/{{version}}/ready", self.model_ready),
            Route(f"{model}/infer", self.infer, methods=["POST"]),
            Route(f"{model}/versions/{{version}}/infer", self.infer, methods=["POST"]),
            Route(f"{repository}/index", self.index, methods=["POST"]),
            Route(f"{repository}/models/{{model}}/load", self.load_call, methods=["POST"]),
            Route(f"{repository}/models/{{model}}/unload", self.unload_call, methods=["POST"]),
            Route("/metrics", self.metrics),
        ]
        handlers = {Refusal: self.refuse}
        return Starlette(routes=routes, lifespan=self.lifespan, exception_handlers=handlers)


def failure(status: int, message: str, version: str) -> Response:
    headers = {"x-model-version": version} if version else {}
    return JSONResponse({"error": message}, status, headers=headers)


async def read_body(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; no body is an empty one. Raises Refusal."""
    raw = await request.body()
    try:
        body = json.loads(raw or b"{}")
    except ValueError as error:
        raise Refusal(400, "the body is no JSON") from error
    if not isinstance(body, dict):
        raise Refusal(400, "the body is no JSON object")
    return body


def tensor(body: Mapping[str, Any]) -> Any:
    """The rows of the one input tensor, as an array. Raises Refusal with what is asked for."""
    import numpy

    try:
        (given,) = body["inputs"]
        rows, width = given["shape"]
        array = numpy.asarray(given["data"], dtype=float).reshape(rows, width)
    except (KeyError, TypeError, ValueError) as error:
        asked = 'one input {"name": "features", "shape": [rows, columns], "data": [...]}'
        raise Refusal(400, f"the request needs {asked}") from error
    if not 1 <= rows <= ROW_LIMIT or not numpy.isfinite(array).all():
        raise Refusal(400, f"the request needs 1 to {ROW_LIMIT} rows of finite numbers")
    return array


def wanted_version(body: Mapping[str, Any]) -> str:
    """The version in Triton's form of a load request. Raises Refusal."""
    try:
        config = json.loads(body["parameters"]["config"])
        (version,) = config["version_policy"]["specific"]["versions"]
        return str(int(version))
    except (KeyError, TypeError, ValueError) as error:
        asked = '{"version_policy": {"specific": {"versions": [N]}}}'
        raise Refusal(
            400, f"the load request names no version; its config takes {asked}"
        ) from error


def main(arguments: list[str]) -> int:
    import uvicorn

    settings = SlotSettings(**json.loads(arguments[0]))
    server = ModelServer(settings)
    server.restore()
    uvicorn.run(
        server.app(),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    return 0
