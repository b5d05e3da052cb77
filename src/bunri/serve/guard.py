"""What stands before the API: who may call, how often, how much, how long, and what a browser may do with an answer.

Against DNS rebinding the ``Host`` header must be an address, ``localhost`` or a name that was allowed; against forged
requests of other pages a browser's ``Origin`` must be the host itself.
"""

import asyncio
import ipaddress
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bunri.serve.errors import Refusal
from bunri.serve.settings import ServeSettings

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

CLIENTS = 10_000
"""So many clients are counted at most; the oldest is forgotten."""


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        """Stand before ``app``."""
        self._app, self._settings = app, settings
        self._rate, self._at_once = RateLimit(settings.requests_per_minute), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_security_headers(send)
        try:
            headers = Headers(scope=scope)
            self._check(scope, headers)
            if scope["method"] in ("GET", "HEAD"):
                await self._app(scope, receive, send)
            else:
                await self._with_body(scope, headers, receive, send)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if not is_allowed_host(host, self._settings.allowed_hosts):
            raise Refusal(421, "wrong_host", f"this server must be called by an allowed name, but got {host[:100]!r}")
        origin = headers.get("origin")
        same = origin is None or urlsplit(origin).netloc == host
        if not same or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refusal(403, "other_origin", "requests must come from the page of this server, but came from another")
        if scope["path"].startswith("/api/"):
            self._rate.count((scope.get("client") or ("",))[0])

    async def _with_body(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        most = self._settings.max_request_bytes
        length = headers.get("content-length")
        if length is not None and (not length.isdecimal() or int(length) > most):
            raise _too_large(most)
        if self._at_once >= self._settings.max_waiting:
            raise Refusal(503, "busy", "the server is busy. Try again in some seconds.", {"Retry-After": "5"})
        body = _Body(receive, most, self._settings.seconds_to_send)
        self._at_once += 1
        try:
            await self._app(scope, body.receive, body.guarding(send))
        finally:
            self._at_once -= 1
        if body.refusal is not None:
            raise body.refusal


class _Body:
    """A body, refused where it grows too large or comes too slowly.

    Whoever parses it makes an error of its own of ours: the refusal is kept, and the answer to that error not sent.
    """

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._deadline, self._got, self._whole = time.monotonic() + seconds, 0, False
        self.refusal: Refusal | None = None

    async def receive(self) -> Message:
        """The next piece."""
        if self._whole:  # what comes now is the client's good-bye
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(self._deadline - time.monotonic(), 0.0))
        except TimeoutError:
            words = f"a request must be sent within {self._seconds:g} seconds, but was not"
            raise self._refused(Refusal(408, "too_slow", words, {"Connection": "close"})) from None
        self._got += len(message.get("body", b""))
        if self._got > self._most:
            raise self._refused(_too_large(self._most))
        self._whole = not message.get("more_body", False)
        return message

    def _refused(self, refusal: Refusal) -> Refusal:
        self.refusal = refusal
        return refusal

    def guarding(self, send: Send) -> Send:
        """Send an answer only where the body was not refused."""

        async def sending(message: Message) -> None:
            if self.refusal is None:
                await send(message)

        return sending


def _too_large(most: int) -> Refusal:
    words = f"a request must have at most {most} bytes, but has more"
    return Refusal(413, "too_many_bytes", words, {"Connection": "close"})


def is_allowed_host(host: str, names: tuple[str, ...]) -> bool:
    """Whether a ``Host`` header cannot be a stranger's name for this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in (allowed.casefold() for allowed in names):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class RateLimit:
    """A bucket of tokens for each client, filled evenly over a minute."""

    def __init__(self, per_minute: int) -> None:
        """Allow each client so many requests a minute."""
        self._per_minute = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}

    def count(self, client: str) -> None:
        """Take a token.

        Raises:
            Refusal: There is none left.
        """
        now = time.monotonic()
        tokens, since = self._buckets.pop(client, (float(self._per_minute), now))
        tokens = min(tokens + (now - since) * self._per_minute / 60, self._per_minute)
        if len(self._buckets) >= CLIENTS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[client] = (max(tokens - 1, 0.0), now)
        if tokens < 1:
            words = f"a client may send {self._per_minute} requests a minute, but sent more"
            raise Refusal(429, "too_often", words, {"Retry-After": str(int((1 - tokens) * 60 / self._per_minute) + 1)})


def _with_security_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
