"""Who may ask: a browser on this machine, on the page whose link was printed, and nobody else."""

import secrets
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ser.explore.refusals import HOST, ORIGIN, TOKEN, Refusal

TOKEN_HEADER = "x-ser-token"
_HARMLESS = ("GET", "HEAD")
# the script and the style are files of the package; wavesurfer.js adds one style, by the nonce
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' "
    "data:; media-src blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def refused(refusal: Refusal) -> JSONResponse:
    """A refusal as the page reads it."""
    content = {"code": refusal.code, "sentence": refusal.sentence}
    # what was not read of a body must not be taken for the next request
    return JSONResponse(content, refusal.status, headers={"connection": "close"})


@dataclass(frozen=True)
class Guard:
    """Stands before the application; adds to every response what browsers are to forbid.

    The name of the host is compared, for another site may let its own name point to this machine
    (DNS rebinding). What answers asks for a token that only the printed link has: it is behind the
    `#`, which no browser sends anywhere, and the page gives it in a header, which no other site
    may set.

    Attributes:
        port: at which the page is.
        token: of this run.
    """

    app: ASGIApp
    port: int
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["content-security-policy"] = _POLICY.format(nonce=nonce)
            await send(message)

        refusal = self._refusal(scope)
        app = refused(refusal) if refusal else self.app
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        hosts = [f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")]
        named, origins = headers.getlist("host"), headers.getlist("origin")
        if len(named) != 1 or named[0] not in hosts:
            return HOST
        origin_is_needed = scope["method"] not in _HARMLESS
        if (origin_is_needed or origins) and origins != [f"http://{named[0]}"]:
            return ORIGIN
        given = headers.get(TOKEN_HEADER, "").encode()
        is_open = not scope["path"].startswith("/api/")
        return None if is_open or secrets.compare_digest(given, self.token.encode()) else TOKEN
