"""Programs of simulated hosts, and real servers on loopback that they reach."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.bridge.loopback import BridgeError
from sim.bridge.session import Bridge
from tests.bridge.office import OFFICE, PAIR, open_bridge, run_inside

PORT = 5000


@contextlib.contextmanager
def real_server(talk: Callable[[socket.socket], object]) -> Iterator[tuple[str, int]]:
    """A real server on loopback that does something with each connection; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def ask(name: str, port: int = PORT) -> bytes:
    """A program that talks to an echo server."""
    with socket.create_connection((name, port)) as client:
        client.sendall(b"hello" * 10_000)
        client.shutdown(socket.SHUT_WR)
        data = bytearray()
        while more := client.recv(65536):
            data += more
    return bytes(data)


def test_a_port_of_a_node_leads_outside(tmp_path: Path) -> None:
    with real_server(echo) as real, open_bridge(tmp_path, PAIR, outward={("server", PORT): real}) as bridge:
        assert run_inside(bridge, "pc", ask, "server") == b"hello" * 10_000
        assert bridge.summary().connections == 1
        with socket.create_connection(bridge.endpoint("server", PORT), timeout=5) as client:  # in by pc, out by server
            client.sendall(b"through")
            assert client.recv(100) == b"through"


@pytest.mark.slow
def test_a_name_that_no_node_has_leads_outside_through_the_exit(tmp_path: Path) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"for {self.headers['Host']}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def fetch() -> bytes:
        with urllib.request.urlopen("http://api.example.test/") as answer:
            body: bytes = answer.read()
            return body

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            outward = {("api.example.test", 80): ("127.0.0.1", server.server_port)}
            with open_bridge(tmp_path, OFFICE, outward=outward, exit_at="gw") as bridge:
                assert run_inside(bridge, "pc", fetch) == b"for api.example.test"
        finally:
            server.shutdown()
            thread.join()


def test_the_file_may_say_so_too(tmp_path: Path) -> None:
    with real_server(echo) as (address, port):
        text = f"{PAIR}bridge: {{enter_at: pc, outward: {{'10.0.0.2:{PORT}': '{address}:{port}'}}}}\n"
        with open_bridge(tmp_path, text) as bridge:
            assert run_inside(bridge, "pc", ask, "server") == b"hello" * 10_000


def test_a_real_server_that_is_not_there_is_a_reset(tmp_path: Path) -> None:
    def program() -> str:
        with socket.create_connection(("server", PORT)) as client:
            try:
                client.recv(1)
            except ConnectionResetError:
                return "reset"
        return "no reset"

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        with open_bridge(tmp_path, PAIR, outward={("server", PORT): nobody.getsockname()}) as bridge:
            assert run_inside(bridge, "pc", program) == "reset"
            (way, _) = bridge._own
            assert way.failures == {"ECONNREFUSED": 1}
            assert not bridge.call(lambda: way.relays)


def test_a_real_server_that_resets(tmp_path: Path) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def program() -> str:
        with socket.create_connection(("server", PORT)) as client:
            client.sendall(b"x")
            with contextlib.suppress(ConnectionResetError):
                client.recv(1)
                return "no reset"
        return "reset"

    with real_server(reset) as real, open_bridge(tmp_path, PAIR, outward={("server", PORT): real}) as bridge:
        assert run_inside(bridge, "pc", program) == "reset"


def exchange(count: int) -> list[bytes]:
    """A program that sends datagrams from sockets of their own, and waits for the answers."""
    answers = []
    for number in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            for _ in range(2):
                client.sendto(b"ping %d" % number, ("server", PORT))
                answers.append(client.recvfrom(100)[0])
    return answers


@pytest.fixture
def datagrams() -> Iterator[tuple[str, int]]:
    """A real server that answers each datagram, in capital letters; its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, address = server.recvfrom(65536)
                if not data:
                    return
                server.sendto(data.upper(), address)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join()


def test_datagrams_go_out_and_come_back(tmp_path: Path, datagrams: tuple[str, int]) -> None:
    with open_bridge(tmp_path, PAIR, outward={("server", PORT): datagrams}) as bridge:
        assert run_inside(bridge, "pc", exchange, 3) == [b"PING %d" % (number // 2) for number in range(6)]


@pytest.mark.slow
def test_senders_that_are_silent_are_forgotten(tmp_path: Path, datagrams: tuple[str, int]) -> None:
    def wait_a_minute(seconds: int) -> None:
        import time

        exchange(3)
        time.sleep(seconds)
        exchange(1)

    with open_bridge(tmp_path, PAIR, speed=100.0, outward={("server", PORT): datagrams}) as bridge:
        (_, way) = bridge._own
        run_inside(bridge, "pc", wait_a_minute, 61)
        assert bridge.call(lambda: len(way._senders)) == 1


def test_a_real_udp_server_that_is_not_there(tmp_path: Path) -> None:
    def program() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            for _ in range(3):
                client.sendto(b"anybody?", ("server", PORT))
            try:
                client.recv(100)
            except TimeoutError:
                return "nothing"
        return "something"

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = nobody.getsockname()
    with open_bridge(tmp_path, PAIR, outward={("server", PORT): address}) as bridge:
        assert run_inside(bridge, "pc", program) == "nothing"
        assert bridge.call(lambda: 1) == 1


def test_the_power_of_the_node_fails_and_comes_back(tmp_path: Path, datagrams: tuple[str, int]) -> None:
    with real_server(echo) as real:
        outward = {("server", PORT): real}
        with open_bridge(tmp_path, PAIR, outward=outward) as bridge:
            power(bridge)
            assert run_inside(bridge, "pc", ask, "server") == b"hello" * 10_000
    with open_bridge(tmp_path, PAIR, outward={("server", PORT): datagrams}) as bridge:
        assert run_inside(bridge, "pc", exchange, 1) == [b"PING 0", b"PING 0"]
        power(bridge)
        assert run_inside(bridge, "pc", exchange, 1) == [b"PING 0", b"PING 0"]


def power(bridge: Bridge) -> None:
    """Off and on."""
    for state in ("down", "up"):
        bridge.step(node={"name": "server", "state": state})


def test_a_port_that_a_program_has_cannot_lead_outside(tmp_path: Path) -> None:
    with open_bridge(tmp_path, PAIR) as bridge:
        bridge.endpoint("server", 7)
    text = PAIR.replace("services: [echo]", "services: [{echo: {port: 9}}]")
    with open_bridge(tmp_path, text, outward={("server", 7): ("127.0.0.1", 9)}) as bridge:
        bridge.endpoint("server", 9)


def test_other_machines_only_when_that_is_said(tmp_path: Path) -> None:
    outward = {("server", PORT): ("203.0.113.1", 9)}
    with pytest.raises(BridgeError, match=r"203\.0\.113\.1:9 is not on this machine's loopback"):
        open_bridge(tmp_path, PAIR, outward=outward)
    bridge = open_bridge(tmp_path, PAIR, outward=outward, anywhere=True)  # and nobody is contacted yet
    bridge.close()
