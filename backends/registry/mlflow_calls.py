"""How MLflow's REST interface is called: pages, look-ups, and answers that are understood."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from backends.http import Http
from backends.registry import mlflow_answers as answers
from backends.registry.mlflow_fields import Malformed
from core.errors import Denied
from core.redaction import shown
from core.text import clean

T = TypeVar("T")
API = "/api/2.0/mlflow"
PAGE = 1000
NOTE = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run or an experiment."""
_MOST_PAGES = 200


class MlflowCalls:
    """One MLflow server. Raises BackendError."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float = 3.0,
    ) -> None:
        self.timeout = timeout
        self._http = Http("MLflow", url, timeout=timeout, token=token, auth=auth)
        self._http.backend = f"MLflow at {self._http.address}"

    async def close(self) -> None:
        await self._http.close()

    async def _pages(
        self, path: str, key: str, params: Mapping[str, Any], what: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        token: str | None = None
        for _ in range(_MOST_PAGES):
            asked = {"max_results": PAGE, **params, **({"page_token": token} if token else {})}
            answer = await self._get(path, asked, what)
            items, following = self._understand(answers.page, answer, key, what=what)
            for item in items:
                yield item
            if following is None:
                return
            if following == token:
                raise self._http.bad(what, "the same page comes again and again")
            token = following
        raise self._http.bad(what, f"more than {_MOST_PAGES} pages")

    async def _get(self, path: str, params: Mapping[str, Any], what: str) -> Any:
        return await self._http.json("GET", f"{API}/{path}", what=what, params=params)

    async def _look_up(self, path: str, params: Mapping[str, Any], what: str) -> Any:
        """None where MLflow itself says that there is no such thing.

        The status alone would not do: any web server answers 404 to what it does not know.
        """
        answer = await self._http.json(
            "GET", f"{API}/{path}", what=what, params=params, ok=(200, 400, 404)
        )
        code = answer.get("error_code")
        if code == "RESOURCE_DOES_NOT_EXIST":
            return None
        if isinstance(code, str):
            raise self._denied(what, f"{what}: {shown(answer.get('message', code))[:300]}")
        return answer

    async def _send(self, method: str, path: str, body: Mapping[str, Any], what: str) -> None:
        await self._http.json(method, f"{API}/{path}", what=what, json_body=body)

    def _understand(self, parse: Callable[..., T], *parts: Any, what: str = "models") -> T:
        try:
            return parse(*parts)
        except Malformed as error:
            raise self._http.bad(what, f"{self._http.address} {clean(error)}") from error

    def _denied(self, what: str, message: str, hint: str | None = None) -> Denied:
        return Denied(
            message,
            backend=self._http.backend,
            operation=what,
            hint=hint or "`modeldeck versions SERVICE` lists what there is",
        )
