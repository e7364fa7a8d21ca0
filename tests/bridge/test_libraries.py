"""requests, aiohttp and websockets, in plain processes and as programs inside, through a NAT and a lossy line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge import plain
from tests.bridge.office import host, run_inside
from tests.bridge.tools import output, server
from tests.bridge.wan import PUBLIC, free_port, lost, open_wan, translated

PORT = 8080
SCRIPT = str(Path(plain.__file__))
Client = Callable[[str], str]

pytestmark = pytest.mark.slow
clients = pytest.mark.parametrize("client", plain.CLIENTS, ids=lambda client: client.__name__)


@pytest.fixture
def real() -> Iterator[int]:
    """The server of aiohttp as a plain process; its port."""
    port = free_port()
    with server(sys.executable, SCRIPT, "serve", str(port), ready="ready"):
        yield port


@clients
def test_a_plain_client_and_a_server_inside(tmp_path: Path, client: Client) -> None:
    with open_wan(tmp_path) as bridge:
        bridge.call(lambda: host(bridge, "web").spawn(plain.serve, str(PORT)))
        address, port = bridge.endpoint("web", PORT)
        said = output(sys.executable, SCRIPT, client.__name__, f"{address}:{port}").decode().strip()
        assert said == ("talked" if client is plain.with_websockets else PUBLIC)
        assert translated(bridge) > 0
        assert lost(bridge) > 0


@clients
def test_a_client_inside_and_a_plain_server(tmp_path: Path, real: int, client: Client) -> None:
    with open_wan(tmp_path, outward={("web", PORT): ("127.0.0.1", real)}) as bridge:
        said = run_inside(bridge, "pc", client, f"web.corp.test:{PORT}")
        assert said == ("talked" if client is plain.with_websockets else "127.0.0.1")
        assert translated(bridge) > 0
        assert lost(bridge) > 0


@clients
def test_a_plain_client_and_a_plain_server(tmp_path: Path, real: int, client: Client) -> None:
    """In by the pc, out by the web server: a real path with something in between."""
    with open_wan(tmp_path, outward={("web", PORT): ("127.0.0.1", real)}) as bridge:
        address, port = bridge.endpoint("web", PORT)
        said = output(sys.executable, SCRIPT, client.__name__, f"{address}:{port}").decode().strip()
        assert said == ("talked" if client is plain.with_websockets else "127.0.0.1")
        assert translated(bridge) > 0
        assert lost(bridge) > 0


def test_requests_beside_the_network(tmp_path: Path) -> None:
    """The client is in the process that the network runs in, and knows nothing of that."""
    with open_wan(tmp_path) as bridge:
        bridge.call(lambda: host(bridge, "web").spawn(plain.serve, str(PORT)))
        address, port = bridge.endpoint("web", PORT)
        assert plain.with_requests(f"{address}:{port}") == PUBLIC
        assert plain.with_aiohttp(f"{address}:{port}") == PUBLIC
