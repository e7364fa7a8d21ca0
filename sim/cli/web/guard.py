"""Who may come in: only pages of our own, opened with the token that was printed.

Any page of the web may send requests to this machine's loopback, under a name of its own if it likes (DNS rebinding).
So the Host has to be ours, the Origin too where there is one, and the token has to be right: it is compared in a time
that does not tell how much of it was.
"""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import parse_qs

NAMES: Final = ("127.0.0.1", "localhost")
Scope = Any
Receive = Any
Send = Any


class Guard:
    """An ASGI application before another one."""

    def __init__(self, app: Any, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in NAMES}
        if port == 80:  # browsers leave out what goes without saying
            self._hosts |= {name.encode() for name in NAMES}
        self._origins = {b"http://" + host for host in self._hosts}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._admits(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # before it is accepted: 403
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"Open the URL that sim serve has printed.\n"})

    def _admits(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return False
        if any(origin.lower() not in self._origins for origin in origins):
            return False
        tokens = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [])
        return len(tokens) == 1 and hmac.compare_digest(tokens[0].encode(), self._token)
