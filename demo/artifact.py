"""A model as the registry holds it, fetched over HTTP and opened without pickle or mlflow."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.text import clean
from demo.layout import write_json

ARTIFACT_LIMIT = 64 * 1024 * 1024
FETCH_TIMEOUT = 10.0
_FILE = "model.skops"
_HELD = "version.json"


class LoadError(Exception):
    """Why a version cannot be loaded, for whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version, ready to answer."""

    model: str
    version: str
    features: tuple[str, ...]
    pipeline: Any

    def score(self, rows: Any) -> tuple[list[int], list[float]]:
        """Per row the predicted class and its probability; of class 1 where there are two.

        `rows` is an array of floats. Raises ValueError where it does not fit the model.
        """
        if rows.shape[1] != len(self.features):
            width = len(self.features)
            raise ValueError(f"{self.model} {self.version} takes rows of {width} features")
        chances = self.pipeline.predict_proba(rows)
        best = chances.argmax(axis=1)
        classes = self.pipeline.classes_[best]
        scores = chances[:, 1] if chances.shape[1] == 2 else chances.max(axis=1)
        return [int(one) for one in classes], [float(one) for one in scores]


async def fetch(registry: str, model: str, version: str, into: Path) -> None:
    """Put a version's artifact into a folder. Raises LoadError."""
    import httpx
    import yaml

    async with httpx.AsyncClient(
        base_url=registry, timeout=FETCH_TIMEOUT, trust_env=False, verify=False
    ) as client:

        async def file(path: str) -> bytes:
            asked = {"name": model, "version": version, "path": path}
            try:
                answer = await client.get("/model-versions/get-artifact", params=asked)
            except httpx.HTTPError as error:
                said = str(error) or type(error).__name__
                raise LoadError(f"the registry at {registry} does not answer: {said}") from error
            if answer.status_code != 200:
                said = f"answered {answer.status_code} for {path}: {clean(answer.text)[:200]}"
                raise LoadError(f"{model} version {version}: the registry {said}")
            if len(answer.content) > ARTIFACT_LIMIT:
                raise LoadError(f"{model} version {version}: {path} is larger than a model here is")
            return answer.content

        try:
            described = yaml.safe_load(await file("MLmodel"))
            flavor = described["flavors"]["sklearn"]
            kind, name = flavor["serialization_format"], flavor["pickled_model"]
            inputs = json.loads(described["signature"]["inputs"])
            features = [str(column["name"]) for column in inputs]
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise LoadError(
                f"{model} version {version}: its MLmodel is not what this server reads"
            ) from error
        if kind != "skops" or "/" in name:
            raise LoadError(f"{model} version {version} is saved as {clean(kind)}, not as skops")
        content = await file(name)
    await asyncio.to_thread(_keep, into, content, model, version, features)


def _keep(folder: Path, content: bytes, model: str, version: str, features: list[str]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _FILE).write_bytes(content)
    write_json(folder / _HELD, {"model": model, "version": version, "features": features})


def held(folder: Path) -> str | None:
    """The version that a folder holds, or None."""
    from demo.layout import read_json

    described = read_json(folder / _HELD)
    return str(described["version"]) if isinstance(described, dict) else None


def open_model(folder: Path) -> Loaded:
    """Open what `fetch` put into a folder. Raises LoadError."""
    import skops.io

    try:
        described = json.loads((folder / _HELD).read_text())
        # No type beyond the ones that skops itself trusts: nothing in the file can run code.
        pipeline = skops.io.load(folder / _FILE, trusted=[])
        return Loaded(
            described["model"], described["version"], tuple(described["features"]), pipeline
        )
    except Exception as error:
        raise LoadError(f"the artifact cannot be opened: {clean(error)[:200]}") from error
