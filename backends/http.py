"""The one place that decides how HTTP is spoken: timeouts, retries, TLS, tokens, redirects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import BackendError, BadAnswer, Denied, Timeout, Unreachable
from core.text import clean

if TYPE_CHECKING:
    import httpx

TIMEOUT = 3.0
"""Seconds for a whole request, shorter than a lease (`changes.md`, rule 8)."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes; a larger answer is a bad one."""


class Http:
    """A client of one backend. Retries only GET, once, where the connection could not be made.

    Redirects are not followed, so that credentials never reach another host.
    """

    def __init__(
        self,
        backend: str,
        base_url: str,
        *,
        timeout: float = TIMEOUT,
        token: str | None = None,
        auth: tuple[str, str] | None = None,
    ) -> None:
        self.backend = backend
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._headers = {"user-agent": "modeldeck"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._auth = auth
        self._client: httpx.AsyncClient | None = None

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            url, transport = self.base_url, None
            if url.startswith("unix:"):
                path = url.removeprefix("unix:").removeprefix("//")
                transport, url = httpx.AsyncHTTPTransport(uds=path), "http://localhost"
            verify: Any = _tls_context() if url.startswith("https:") else False
            self._client = httpx.AsyncClient(
                base_url=url,
                timeout=self.timeout,
                headers=self._headers,
                auth=self._auth,
                follow_redirects=False,
                transport=transport,
                verify=verify,
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await asyncio.wait_for(client.aclose(), 1)

    async def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, Any] | None = None,
        json_body: Any = None,
        ok: tuple[int, ...] = (200,),
    ) -> httpx.Response:
        """The answer, its status one of `ok`. `what` says in words what is asked.

        Raises Unreachable, Timeout, Denied (any 4xx) or BadAnswer, with backend and operation.
        """
        import httpx

        client = self._open()
        attempts = 2 if method == "GET" else 1
        for attempt in range(attempts):
            try:
                async with asyncio.timeout(self.timeout):
                    answer = await client.request(method, path, params=params, json=json_body)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if attempt + 1 == attempts:
                    raise self._error(
                        Unreachable, what, f"nothing answers at {self.base_url}"
                    ) from error
            except httpx.PoolTimeout as error:
                raise self._error(Unreachable, what, "all connections are in use") from error
            except (httpx.TimeoutException, TimeoutError) as error:
                said = f"no answer from {self.base_url} within {self.timeout:g} s"
                raise self._error(Timeout, what, said) from error
            except httpx.InvalidURL as error:
                raise self._error(Unreachable, what, f"{self.base_url} is no address") from error
            except httpx.HTTPError as error:
                # The connection broke while an answer was awaited: a write may have landed.
                if method == "GET" and attempt + 1 < attempts:
                    continue
                kind = BadAnswer if method == "GET" else Timeout
                said = f"{self.base_url} broke the connection off ({type(error).__name__})"
                raise self._error(kind, what, said) from error
        if answer.status_code in ok:
            return answer
        raise self._refusal(what, answer)

    async def json(self, method: str, path: str, *, what: str, **kwargs: Any) -> Any:
        """Like `request`, for an answer that is a JSON object."""
        answer = await self.request(method, path, what=what, **kwargs)
        if not answer.content:
            return {}
        try:
            value = json.loads(answer.content)
        except ValueError as error:
            kind = answer.headers.get("content-type", "no content type").split(";")[0]
            said = f"{self.base_url} answered {clean(kind)} where JSON was expected"
            raise self._error(BadAnswer, what, said) from error
        if not isinstance(value, dict):
            raise self.bad(
                what, f"{self.base_url} answered a JSON {type(value).__name__}, not an object"
            )
        return value

    def bad(self, what: str, message: str) -> BadAnswer:
        """A BadAnswer for an adapter that does not understand what it was told."""
        return BadAnswer(
            f"{what}: {message}",
            backend=self.backend,
            operation=what,
            hint=f"is {self.base_url} the right address? `modeldeck doctor` checks every backend",
        )

    def _error(self, kind: type[BackendError], what: str, message: str) -> BackendError:
        hint = "`modeldeck doctor` checks every backend"
        return kind(f"{what}: {message}", backend=self.backend, operation=what, hint=hint)

    def _refusal(self, what: str, answer: httpx.Response) -> BackendError:
        said = f"{self.base_url} answered {answer.status_code} {answer.reason_phrase}".rstrip()
        detail = _detail(answer)
        kind: type[BackendError] = Denied if 400 <= answer.status_code < 500 else BadAnswer
        hint = None
        if answer.status_code in (401, 403):
            hint = "check the token or password that the config names for this backend"
        elif answer.is_redirect:
            said += " (redirects are not followed, so that credentials stay with one host)"
        error = kind(
            f"{what}: {said}{': ' + detail if detail else ''}",
            backend=self.backend,
            operation=what,
            hint=hint or "`modeldeck doctor` checks every backend",
        )
        error.status = answer.status_code  # type: ignore[attr-defined]
        return error


def _detail(answer: httpx.Response) -> str:
    """What the server said itself, short and harmless."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    text = body.get("message") or body.get("error") or body.get("detail") or ""
    return clean(text)[:300] if isinstance(text, str) else ""


_TLS: Any = None


def _tls_context() -> Any:
    """One context for all clients: loading the certificate store costs 30 ms each time."""
    global _TLS
    if _TLS is None:
        import ssl

        _TLS = ssl.create_default_context()
    return _TLS
