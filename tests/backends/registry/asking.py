"""One question to a real MLflow, on an adapter of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from backends.base import Context
from backends.registry.mlflow import MlflowRegistry, Options, open_backend


def ask(url: str, body: Callable[[MlflowRegistry], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        registry = open_backend(Options(url, timeout=20.0), Context())
        try:
            return await body(registry)
        finally:
            await registry.close()

    return asyncio.run(whole())
