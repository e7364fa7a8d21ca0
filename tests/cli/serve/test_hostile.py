"""Who would stall the run: messages without end, clients without number, and those that do not listen."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sim.cli.web.viewers import MOST_WAITING, SlowViewerError, Viewer
from tests.cli.serve.conftest import Serve
from tests.cli.serve.serving import PATIENCE, Onlooker, Serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")]
TEN_MEGABYTES = 10_000_000
LATE = 0.5
"""Seconds within which a ping of 2 ms is answered on a machine that is busy with tests; a stalled run takes longer."""


def quick(page: Onlooker) -> float:
    """How long it takes until the network has been pinged (s)."""
    before = time.monotonic()
    seen = len(page.said["pc"])
    page.ask({"console": "pc", "line": "ping -c 1 server"})
    page.wait(lambda: "1 received" in page.said["pc"][seen:])
    return time.monotonic() - before


def test_a_message_of_ten_megabytes_is_refused(shared: Serving) -> None:
    with Onlooker(shared) as page, Onlooker(shared) as rude:
        with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012 - either of them may see it
            rude.socket.send("x" * TEN_MEGABYTES)
            rude.wait(lambda: False)
        assert caught.value.rcvd is None or caught.value.rcvd.code == 1009
        assert quick(page) < LATE


def test_two_hundred_idle_clients(shared: Serving) -> None:
    with ExitStack() as idle, Onlooker(shared) as page:
        for number in range(200):
            if number % 2:
                idle.enter_context(socket.create_connection(("127.0.0.1", shared.port), PATIENCE))
            else:
                idle.callback(connect(shared.socket_url, max_size=None).__enter__().socket.close)
        assert quick(page) < LATE
        assert min(quick(page) for _ in range(5)) < LATE / 4


def test_garbage_is_answered(shared: Serving) -> None:
    with Onlooker(shared) as page:
        for garbage in ("", "{", "[" * 50_000, "null", "[]", '"x"', "NaN", '{"n": {}}', '{"n": 1e999, "pause": 1}'):
            page.seen.clear()
            page.socket.send(garbage)
            page.wait(lambda: any("error" in one for one in page.seen))
        page.seen.clear()
        page.socket.send(b"\x00\xff")
        page.wait(lambda: {"error": "messages are texts"} in page.seen)
        assert quick(page) < LATE


def test_who_never_reads_is_sent_away(serve: Serve) -> None:
    serving = serve()
    with Onlooker(serving) as page:
        drive_away(serving, page)
        assert quick(page) < LATE
    lines = serving.interrupt()[1]
    assert lines[-1]["sent_away"] == 1


def drive_away(serving: Serving, page: Onlooker) -> None:
    """Look without ever reading, until one is cut off."""
    before = descriptors(serving.pid)
    deaf = socket.create_connection(("127.0.0.1", serving.port), PATIENCE)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = (
        f"GET /live?token={serving.token} HTTP/1.1\r\nHost: 127.0.0.1:{serving.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    deaf.sendall(request.encode())
    with deaf:
        deadline = time.monotonic() + 3 * PATIENCE
        number = 0
        while number < 10 or descriptors(serving.pid) > before:
            assert time.monotonic() < deadline, "the deaf one is still there"
            number += 1
            page.ask({"inject": {"port": "pc", "scapy": f"Ether()/IP(dst='10.0.0.2')/'{number:050000}'"}})


def descriptors(pid: int) -> int:
    """How many sockets a process has open."""
    if sys.platform != "linux":
        pytest.skip("it takes /proc to count the sockets of another process")
    links = (os.path.join(f"/proc/{pid}/fd", name) for name in os.listdir(f"/proc/{pid}/fd"))
    return sum(1 for link in links if os.path.lexists(link) and os.readlink(link).startswith("socket:"))


def test_a_viewer_s_queue_has_an_end() -> None:
    import asyncio

    async def watch() -> None:
        viewer = Viewer()
        viewer.put(["the film"])
        for _ in range(MOST_WAITING + 1):
            viewer.tell("news")
        with pytest.raises(SlowViewerError):
            await viewer.pump(send)

    async def send(text: str) -> None:
        assert text == "the film"

    asyncio.run(watch())


STORM = """
name: storm
nodes:
  pc: {kind: host, ip: 10.0.0.1/24}
  a: {kind: switch}
  b: {kind: switch}
links: [[pc, a], {endpoints: [a, b], delay: 50us}, {endpoints: [a, b], delay: 50us}]
"""


def test_a_storm_is_shown_in_part_and_memory_stays_bounded(serve: Serve) -> None:
    """A loop of switches: what is recorded is let go again, and the page says how much it does not show."""
    serving = serve(STORM)
    with Onlooker(serving) as page:
        page.ask({"inject": {"port": "pc", "scapy": "Ether()/IP(dst='255.255.255.255')/UDP()"}})
        page.wait(lambda: page.live["missed"] > 1000)
        page.wait(lambda: page.live["letGo"] > 0, 4 * PATIENCE)
        assert page.films >= 2
        settled = memory(serving.pid)
        let_go = page.live["letGo"]
        page.wait(lambda: page.live["letGo"] > let_go, 4 * PATIENCE)
        assert memory(serving.pid) < settled * 1.5
        answer = page.ask({"do": {"link": {"endpoints": ["a:eth2", "b:eth1"], "state": "down"}}})
        assert "reply" in answer
    status, lines, errors = serving.interrupt()
    assert (status, errors) == (0, "")
    assert lines[-1]["frames"] > 50_000


def memory(pid: int) -> int:
    """The resident memory of a process in kB."""
    if sys.platform != "linux":
        pytest.skip("it takes /proc to see the memory of another process")
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def test_hostile_names_and_bodies_are_text(serve: Serve) -> None:
    """They come as they are: it is for the page to put them in as text."""
    serving = serve()
    with Onlooker(serving) as page:
        page.ask({"console": "pc", "line": "curl http://10.0.0.2/"})
        page.wait(lambda: "<b>hello</b>" in page.said["pc"])
        page.ask({"console": "pc", "line": "</script><script>alert(1)</script>"})
        page.wait(lambda: "alert(1)</script>: there is no such command" in page.said["pc"])
        assert json.dumps(page.said)
