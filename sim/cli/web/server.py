"""Listens on 127.0.0.1, and serves until it is told to stop."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sim.bridge.loopback import BridgeError, exactly
from sim.cli.web.app import application
from sim.cli.web.messages import LONGEST
from sim.cli.web.show import Show

ADDRESS: Final = "127.0.0.1"
PORT: Final = 8000
PORTS: Final = 100
"""Ports that are tried from there on."""
GRACE: Final = 2
"""Seconds that open connections have to end."""


class Server:
    """The live page of a show. `url` is where it is, with its token."""

    def __init__(self, show: Show, port: int | None = None) -> None:
        self._socket, self.port = _listen(port)
        self.token = secrets.token_urlsafe(24)
        self.failure: BaseException | None = None
        config = uvicorn.Config(
            application(show, self.port, self.token, self._fail),
            http="h11",
            ws=cast("Any", _Protocol),
            ws_max_size=LONGEST,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Uvicorn(config)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.port}/?token={self.token}"

    def run(self) -> None:
        """Serve in this thread, to Ctrl-C, SIGTERM or `stop`."""
        with _signals(self.stop):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End it, from any thread."""
        self._server.should_exit = True

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self.stop()


class _Uvicorn(uvicorn.Server):
    """Signals are handled by whoever runs it: uvicorn would raise them once more when it has ended."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(WebSocketsSansIOProtocol):
    """Lets the application cut a connection whose other end does not read, and does so itself when pings are not
    answered: closing it would wait for the buffers to be read."""

    async def run_asgi(self) -> None:
        extensions = cast("dict[str, Any]", self.scope["extensions"])
        extensions["packetsim.abort"] = {"call": self.transport.abort}
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(port: int | None) -> tuple[socket.socket, int]:
    """The port that is wanted (0: any), or else 8000 or the next one that is free. Raises BridgeError."""
    if port is not None:
        return exactly(ADDRESS, port, socket.SOCK_STREAM)
    for number in range(PORT, PORT + PORTS):
        with contextlib.suppress(BridgeError):
            return exactly(ADDRESS, number, socket.SOCK_STREAM)
    return exactly(ADDRESS, 0, socket.SOCK_STREAM)
