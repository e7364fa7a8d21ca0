"""Who is let in: our own pages, with the token, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from sim.cli.web.guard import Guard
from tests.cli.serve.serving import PATIENCE, Serving

TOKEN = "k" * 32
HOST = (b"host", b"127.0.0.1:8000")


def answer(kind: str, headers: list[tuple[bytes, bytes]], query: bytes, port: int = 8000) -> str:
    """What becomes of a request: "in", or how it is refused."""
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "in"})

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(application, port, TOKEN)({"type": kind, "headers": headers, "query_string": query}, None, send))
    first = sent[0]
    return "in" if first["type"] == "in" else str(first.get("status", first["type"]))


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [(b"host", b"localhost:8000")],
        [(b"host", b"LocalHost:8000"), (b"origin", b"http://localhost:8000")],
        [HOST, (b"origin", b"http://127.0.0.1:8000")],
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_our_own_come_in(kind: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert answer(kind, headers, f"token={TOKEN}".encode()) == "in"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([], f"token={TOKEN}"),
        ([HOST, HOST], f"token={TOKEN}"),
        ([(b"host", b"evil.test")], f"token={TOKEN}"),
        ([(b"host", b"evil.test:8000")], f"token={TOKEN}"),
        ([(b"host", b"127.0.0.1")], f"token={TOKEN}"),
        ([(b"host", b"127.0.0.1:8001")], f"token={TOKEN}"),
        ([(b"host", b"127.0.0.1:8000.evil.test")], f"token={TOKEN}"),
        ([HOST, (b"origin", b"http://evil.test")], f"token={TOKEN}"),
        ([HOST, (b"origin", b"https://127.0.0.1:8000")], f"token={TOKEN}"),
        ([HOST, (b"origin", b"http://127.0.0.1:9000")], f"token={TOKEN}"),
        ([HOST, (b"origin", b"null")], f"token={TOKEN}"),
        ([HOST, (b"origin", b"http://127.0.0.1:8000"), (b"origin", b"http://evil.test")], f"token={TOKEN}"),
        ([HOST], ""),
        ([HOST], "token="),
        ([HOST], f"token={TOKEN[:-1]}"),
        ([HOST], f"token={TOKEN}x"),
        ([HOST], f"token={TOKEN}&token=x"),
        ([HOST], f"tokens={TOKEN}"),
        ([HOST], "token=%ff%fe%00"),
        ([HOST], "token=é"),
    ],
)
def test_others_do_not(headers: list[tuple[bytes, bytes]], query: str) -> None:
    assert answer("http", headers, query.encode()) == "403"
    assert answer("websocket", headers, query.encode()) == "websocket.close"


def test_the_usual_port_may_be_left_out() -> None:
    assert answer("http", [(b"host", b"localhost")], f"token={TOKEN}".encode(), 80) == "in"


@pytest.mark.slow
def test_over_a_real_socket(shared: Serving) -> None:
    base = f"http://127.0.0.1:{shared.port}"
    assert requests.get(shared.url, timeout=PATIENCE).status_code == 200
    for url, headers in [
        (base, {}),
        (f"{base}/live", {}),
        (f"{base}/?token=wrong", {}),
        (shared.url, {"Host": "evil.test"}),
        (shared.url, {"Origin": "http://evil.test"}),
    ]:
        refused = requests.get(url, headers=headers, timeout=PATIENCE)
        assert refused.status_code == 403
        assert shared.token not in refused.text
    for url, origin in [(shared.socket_url, Origin("http://evil.test")), (f"ws://127.0.0.1:{shared.port}/live", None)]:
        with pytest.raises(InvalidStatus) as caught, connect(url, origin=origin):
            pass
        assert caught.value.response.status_code == 403
