"""Putting models, versions, prompts and runs into an MLflow server, over its own interface."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx

from core.evidence import Key, RunRecord

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

    def recorded(self, name: str, record: RunRecord, files: Mapping[Key, str]) -> dict[str, str]:
        """A model with one version, made from a logged model as MLflow 3 makes one.

        The ids of its run and its logged model, and the number of the version.
        """
        info = self.run({})
        run_id = info["run_id"]
        for kind, said in (("set-tag", record.tags), ("log-parameter", record.params)):
            for key, value in said.items():
                self.post(f"runs/{kind}", {"run_id": run_id, "key": key, "value": value})
        inputs = [
            {
                "tags": [{"key": "mlflow.data.context", "value": data.context}],
                "dataset": {
                    "name": data.name,
                    "digest": data.digest,
                    "source_type": "s3",
                    "source": json.dumps({"uri": data.source}),
                },
            }
            for data in record.datasets
        ]
        self.post("runs/log-inputs", {"run_id": run_id, "datasets": inputs})
        body = {"experiment_id": "0", "name": "model", "source_run_id": run_id}
        model = dict(self.post("logged-models", body)["model"]["info"])
        for moment, metric in enumerate(record.metrics, 1):
            logged = {
                "run_id": run_id,
                "model_id": model["model_id"],
                "key": metric.name,
                "value": "NaN" if math.isnan(metric.value) else metric.value,
                "timestamp": moment,
                "dataset_name": metric.dataset,
                "dataset_digest": metric.digest,
            }
            self.post("runs/log-metric", logged)
        places = {"model": model["artifact_uri"], "artifacts": info["artifact_uri"]}
        for key, text in files.items():
            path = Path(urlparse(places[key.kind]).path) / key.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.model(name)
        made_from = {"source": f"models:/{model['model_id']}", "model_id": model["model_id"]}
        number = self.version(name, run_id=run_id, **made_from)
        return {"run": run_id, "logged_model": model["model_id"], "version": number}

    def delete_run(self, run_id: str) -> None:
        self.post("runs/delete", {"run_id": run_id})

    def delete_logged_model(self, model_id: str) -> None:
        self.delete(f"logged-models/{model_id}")

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
