"""The one place that decides how HTTP is spoken: timeouts, retries, TLS, tokens, redirects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, cast

from core.errors import BackendError, BadAnswer, Denied, Timeout, Unreachable
from core.redaction import redact, remember
from core.text import clean

if TYPE_CHECKING:
    import httpx

TIMEOUT = 3.0
"""Seconds for a whole request, shorter than a lease (`changes.md`, rule 8)."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes, unpacked; a larger answer is a bad one."""
_IDLE = 4.0
"""Seconds; below the five after which uvicorn drops a connection that it may be asked on."""


class Http:
    """A client of one backend. Retries only GET, once, where the connection failed.

    `timeout` is for a whole request with its retry, in seconds. Redirects are not followed, so
    that credentials never reach another host. `address` is the base URL as it may be shown.
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
        self.address = _shown(self.base_url)
        self.timeout = timeout
        self._headers = {"user-agent": "modeldeck"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self.date = ""
        """The `Date` of the last answer: the server's clock, which all its clients share."""
        self._auth = auth
        _remember(self.base_url, auth)
        self._client: httpx.AsyncClient | None = None

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            _without_command_line()
            import httpx

            url, transport = self.base_url, None
            verify = _tls_context() if url.startswith("https:") else _no_tls_context()
            if url.startswith("unix:"):
                path = url.removeprefix("unix:").removeprefix("//")
                transport = httpx.AsyncHTTPTransport(uds=path, verify=verify)
                url = "http://localhost"
            # A proxy of the environment cannot see this host's loopback or sockets.
            own_host = transport is not None or _LOOPBACK.match(url) is not None
            self._client = httpx.AsyncClient(
                base_url=url,
                timeout=self.timeout,
                headers=self._headers,
                auth=self._auth,
                follow_redirects=False,
                transport=transport,
                verify=verify,
                trust_env=not own_host,
                limits=httpx.Limits(max_connections=20, keepalive_expiry=_IDLE),
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await asyncio.wait_for(client.aclose(), 1)
            # asyncio closes the sockets of cancelled connections one turn of the loop later.
            await asyncio.sleep(0)

    async def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, Any] | None = None,
        json_body: Any = None,
        ok: tuple[int, ...] = (200,),
        timeout: float | None = None,
        most: int | None = None,
    ) -> httpx.Response:
        """The answer, its status one of `ok`. `what` says in words what is asked.

        With `most` reading ends after that many bytes, and what follows is left.

        Raises Unreachable, Timeout (also where a write is answered 5xx: its outcome is unknown),
        Denied (any 4xx) or BadAnswer, with backend and operation.
        """
        _without_command_line()
        import httpx

        limit = self.timeout if timeout is None else timeout
        # Shorter, so that a write which was never sent is not taken for one that may have landed.
        timeouts = httpx.Timeout(limit, connect=limit * 0.8, pool=limit * 0.8)
        try:
            request = self._open().build_request(
                method, path, params=params, json=json_body, timeout=timeouts
            )
        except httpx.InvalidURL as error:
            raise self._error(Unreachable, what, f"{self.address} is no address") from error
        except ValueError as error:
            said = "what should be sent holds characters that no request can carry"
            raise self._error(Denied, what, said) from error
        try:
            async with asyncio.timeout(limit):
                answer = await self._send(request, what, most)
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            said = f"no connection to {self.address} within {limit:g} s"
            raise self._error(Unreachable, what, said) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            said = f"no answer from {self.address} within {limit:g} s"
            raise self._error(Timeout, what, said) from error
        self.date = answer.headers.get("date", "")
        if answer.status_code in ok:
            return answer
        raise self._refusal(method, what, answer)

    async def _send(
        self, request: httpx.Request, what: str, most: int | None, *, again: bool = True
    ) -> httpx.Response:
        import httpx

        reading = request.method == "GET"
        try:
            answer = await self._open().send(request, stream=True)
            try:
                return await self._whole(answer, what, most)
            finally:
                await answer.aclose()
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError as error:
            if reading and again:
                return await self._send(request, what, most, again=False)
            if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol):
                said = f"nothing answers at {self.address}"
                raise self._error(Unreachable, what, said) from error
            # The connection broke while an answer was awaited: a write may have landed.
            said = f"{self.address} broke the connection off ({type(error).__name__})"
            raise self._error(BadAnswer if reading else Timeout, what, said) from error

    async def _whole(self, answer: httpx.Response, what: str, most: int | None) -> httpx.Response:
        """The answer with its body, read piece by piece so that no endless one fills the memory."""
        pieces: list[bytes] = []
        size = 0
        # httpx types its asynchronous generator as an iterator, which could not be closed.
        generator = cast("AsyncGenerator[bytes]", answer.aiter_bytes())
        async with contextlib.aclosing(generator) as body:
            async for piece in body:
                size += len(piece)
                pieces.append(piece)
                if most is not None and size >= most:
                    break
                if size > MAX_ANSWER:
                    raise self.bad(what, f"{self.address} answered more than {MAX_ANSWER} bytes")
        answer._content = b"".join(pieces)[:most]
        return answer

    async def json(self, method: str, path: str, *, what: str, **kwargs: Any) -> Any:
        """Like `request`, for an answer that is a JSON object."""
        answer = await self.request(method, path, what=what, **kwargs)
        if not answer.content and method != "GET":
            return {}
        try:
            value = json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            kind = answer.headers.get("content-type", "no content type").split(";")[0]
            said = f"{self.address} answered {clean(kind)} where JSON was expected"
            raise self._error(BadAnswer, what, said) from error
        if not isinstance(value, dict):
            raise self.bad(
                what, f"{self.address} answered a JSON {type(value).__name__}, not an object"
            )
        return value

    def bad(self, what: str, message: str) -> BadAnswer:
        """A BadAnswer for an adapter that does not understand what it was told."""
        return BadAnswer(
            f"{what}: {message}",
            backend=self.backend,
            operation=what,
            hint=f"is {self.address} the right address? `modeldeck doctor` checks every backend",
        )

    def _error(self, kind: type[BackendError], what: str, message: str) -> BackendError:
        hint = "`modeldeck doctor` checks every backend"
        return kind(f"{what}: {message}", backend=self.backend, operation=what, hint=hint)

    def _refusal(self, method: str, what: str, answer: httpx.Response) -> BackendError:
        said = f"{self.address} answered {answer.status_code} {answer.reason_phrase}".rstrip()
        detail = _detail(answer)
        kind: type[BackendError] = Denied if 400 <= answer.status_code < 500 else BadAnswer
        if answer.status_code >= 500 and method != "GET":
            # A gateway in between, or a server that failed half-way: the write may have landed.
            kind, said = Timeout, f"{said}; whether it took effect is not known"
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
        error.http_status = answer.status_code
        return error


def _detail(answer: httpx.Response) -> str:
    """What the server said itself, short and harmless."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    text = body.get("message") or body.get("error") or body.get("detail") or ""
    # A secret that the cut went through would not be known any more.
    return clean(redact(text))[:300] if isinstance(text, str) else ""


_LOOPBACK = re.compile(r"https?://(localhost|127\.[0-9.]+|\[::1\])(:|/|$)")


def _shown(url: str) -> str:
    """The URL without the user and password that it may carry."""
    return clean(re.sub(r"//[^/@]*@", "//", url))


def _remember(url: str, auth: tuple[str, str] | None) -> None:
    """A server may repeat the whole header, and a URL may carry a password of its own."""
    from base64 import b64encode
    from urllib.parse import unquote

    for user, password in re.findall(r"//([^/@:]*):([^/@]*)@", url):
        auth = auth or (unquote(user), unquote(password))
        remember(password)
    if auth is not None:
        remember(auth[1])
        remember(b64encode(":".join(auth).encode()).decode())


def _without_command_line() -> None:
    """Import httpx without its own command line client, which brings click, rich and pygments
    wherever those are installed: a fifth of what a short command costs. httpx does without it.
    """
    if "httpx" in sys.modules:
        return
    # Where None stands, the import system says that there is no such module; its type does not.
    modules = cast("dict[str, object]", sys.modules)
    modules["httpx._main"] = None
    try:
        import httpx  # noqa: F401
    finally:
        del modules["httpx._main"]


_TLS: Any = None


def _tls_context() -> Any:
    """One context for all clients: loading the certificate store costs 30 ms each time."""
    global _TLS
    if _TLS is None:
        import ssl

        _TLS = ssl.create_default_context()
    return _TLS


_NO_TLS: Any = None


def _no_tls_context() -> Any:
    """For clients that never use one: left alone, httpx loads the certificates for each of them,
    which takes 30 ms and 0.8 MB.
    """
    global _NO_TLS
    if _NO_TLS is None:
        import ssl

        _NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _NO_TLS
