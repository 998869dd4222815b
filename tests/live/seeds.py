"""Putting models, versions, prompts and runs into an MLflow server, over its own interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx

API = "/api/2.0/mlflow"


class Seeds:
    """Raises AssertionError where the server refuses."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"{API}/{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return dict(answer.json())

    def get(self, path: str, **params: str) -> dict[str, Any]:
        answer = self._client.get(f"{API}/{path}", params=params)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return dict(answer.json())

    def delete(self, path: str) -> None:
        answer = self._client.delete(f"{API}/{path}")
        assert answer.status_code == 200, f"{path}: {answer.text}"

    def model(self, name: str, versions: int = 0) -> str:
        """A registered model with that many versions; its name."""
        self.post("registered-models/create", {"name": name})
        for _ in range(versions):
            self.version(name)
        return name

    def version(self, name: str, **more: Any) -> str:
        """One more version; its number."""
        body = {"name": name, "source": "s3://bucket/model", **more}
        return str(self.post("model-versions/create", body)["model_version"]["version"])

    def alias(self, name: str, alias: str, version: str) -> None:
        self.post("registered-models/alias", {"name": name, "alias": alias, "version": version})

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        body = {"name": name, "version": version, "key": key, "value": value}
        self.post("model-versions/set-tag", body)

    def legacy_stage(self, name: str, version: str, stage: str) -> None:
        body = {
            "name": name,
            "version": version,
            "stage": stage,
            "archive_existing_versions": False,
        }
        self.post("model-versions/transition-stage", body)

    def prompt(self, name: str, texts: list[str]) -> str:
        """A prompt with one version per text; its name."""
        is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
        self.post("registered-models/create", {"name": name, "tags": [is_prompt]})
        for text in texts:
            tags = [is_prompt, {"key": "mlflow.prompt.text", "value": text}]
            self.version(name, source="dummy-source", tags=tags)
        return name

    def run(self, metrics: Mapping[str, float | str]) -> dict[str, Any]:
        """A run with these metrics; "NaN" stands for what JSON cannot say. Its info."""
        info = dict(self.post("runs/create", {"experiment_id": "0"})["run"]["info"])
        for key, value in metrics.items():
            body = {"run_id": info["run_id"], "key": key, "value": value, "timestamp": 1}
            self.post("runs/log-metric", body)
        return info

    def trained(self, name: str) -> str:
        """A version that a model server can load: two features, scikit-learn, saved as skops."""
        import skops.io
        from sklearn.linear_model import LogisticRegression

        info = self.run({})
        folder = Path(urlparse(info["artifact_uri"]).path) / "model"
        folder.mkdir(parents=True)
        model = LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])
        skops.io.dump(model, folder / "model.skops")
        inputs = [{"name": name, "type": "double"} for name in ("amount", "age")]
        described = {
            "flavors": {
                "sklearn": {"serialization_format": "skops", "pickled_model": "model.skops"}
            },
            "signature": {"inputs": json.dumps(inputs)},
        }
        # JSON is YAML too.
        (folder / "MLmodel").write_text(json.dumps(described))
        source = f"{info['artifact_uri']}/model"
        return self.version(name, source=source, run_id=info["run_id"])
