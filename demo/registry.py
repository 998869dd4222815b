"""The fleet's MLflow: how its server is started, and the few calls that the fleet makes to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import BackendError, Denied
from demo.layout import Layout
from demo.processes import python
from demo.services import CHAMPION, PROMPT, PROMPT_ALIAS

API = "/api/2.0/mlflow"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
_IS_PROMPT = "mlflow.prompt.is_prompt"
TIMEOUT = 5.0


def server_command(port: int) -> list[str]:
    """MLflow's own ASGI application: its command line would cost ten more seconds to start."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    return python("-m", "uvicorn", "mlflow.server.fastapi_app:app", *options)


def settings(layout: Layout) -> Mapping[str, str]:
    """The environment of the server and of the training, by the names in mlflow's constants."""
    artifacts = (layout.registry / "artifacts").as_uri()
    return {
        "_MLFLOW_SERVER_FILE_STORE": layout.database,
        "_MLFLOW_SERVER_REGISTRY_STORE": layout.database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": artifacts,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # It leaves a lock file per database behind in the temporary folder.
        "TMPDIR": str(layout.temporary),
        "MPLCONFIGDIR": str(layout.temporary),
    }


class RegistryCalls:
    """The calls, over HTTP. Raises BackendError."""

    def __init__(self, url: str) -> None:
        from backends.http import Http

        self._http = Http("demo registry", url, timeout=TIMEOUT)

    async def close(self) -> None:
        await self._http.close()

    async def listens(self) -> bool:
        """Whether the server is there, without its touching the database."""
        try:
            await self._http.request("GET", "/health", what="ask for health")
        except BackendError:
            return False
        return True

    async def answers(self) -> bool:
        """Whether the server answers, from its database."""
        try:
            await self._http.json(
                "GET",
                f"{API}/registered-models/search",
                what="ask for models",
                params={"max_results": 1},
            )
        except BackendError:
            return False
        return True

    async def _named(self, name: str, alias: str) -> Mapping[str, Any]:
        answer = await self._http.json(
            "GET",
            f"{API}/registered-models/alias",
            what=f"read {name}@{alias}",
            params={"name": name, "alias": alias},
        )
        version = answer.get("model_version")
        if not isinstance(version, dict) or "version" not in version:
            raise self._http.bad(f"read {name}@{alias}", "no version in the answer")
        return version

    async def version(self, model: str, alias: str = CHAMPION) -> str:
        """The version that an alias names."""
        return str((await self._named(model, alias))["version"])

    async def alias(self, model: str, alias: str) -> str | None:
        """Like `version`; None where the model has no such alias."""
        try:
            return await self.version(model, alias)
        except Denied:
            return None

    async def prompt(self) -> tuple[str, str]:
        """The version and the text of the prompt that is in use."""
        named = await self._named(PROMPT, PROMPT_ALIAS)
        tags = {tag["key"]: tag["value"] for tag in named.get("tags", [])}
        return str(named["version"]), str(tags.get(PROMPT_TEXT_TAG, ""))

    async def move_prompt(self, version: str) -> None:
        """Point the prompt's alias at another version, as anybody with access could."""
        await self._http.json(
            "POST",
            f"{API}/registered-models/alias",
            what=f"move {PROMPT}@{PROMPT_ALIAS}",
            json_body={"name": PROMPT, "alias": PROMPT_ALIAS, "version": version},
        )

    async def longest_prompt(self) -> str:
        """The version of the prompt whose text is the longest."""
        answer = await self._http.json(
            "GET",
            f"{API}/model-versions/search",
            what=f"read the versions of {PROMPT}",
            # Without this tag in the filter the search leaves prompts out.
            params={"filter": f"name = '{PROMPT}' AND tags.`{_IS_PROMPT}` = 'true'"},
        )
        lengths = {
            str(version["version"]): len(tag["value"])
            for version in answer.get("model_versions", [])
            for tag in version.get("tags", [])
            if tag["key"] == PROMPT_TEXT_TAG
        }
        if not lengths:
            raise self._http.bad(f"read the versions of {PROMPT}", "no prompt in the answer")
        return max(lengths, key=lambda version: lengths[version])
