"""The example programs run unchanged on a real machine: as processes, over its loopback interface."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.loopback import served

PROGRAMS = Path(__file__).parent.parent / "topologies" / "programs"
PATIENCE = 20  # s, before a test gives up
pytestmark = pytest.mark.slow

Start = Callable[..., "Program"]


class Program:
    """A process that runs one of the programs."""

    def __init__(self, name: str, arguments: tuple[object, ...]) -> None:
        command = [sys.executable, "-X", "utf8", "-W", "error", str(PROGRAMS / name), *map(str, arguments)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8")

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def port(self) -> int:
        """The port that it says it listens on."""
        return int(self.line().split()[-1])

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, list[str], str]:
        """Wait for its end: exit code, the lines that were not read yet, standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out.splitlines(), err

    def stop(self) -> tuple[int, list[str], str]:
        """Ctrl-C."""
        import signal

        self.process.send_signal(signal.SIGINT)
        return self.end()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs; what still runs at the end is killed, also by a timer, so that no test waits for ever."""
    from threading import Timer

    programs: list[Program] = []

    def start(name: str, *arguments: object) -> Program:
        programs.append(Program(name, arguments))
        return programs[-1]

    def kill() -> None:
        for program in programs:
            program.process.kill()

    timer = Timer(PATIENCE, kill)
    timer.start()
    yield start
    timer.cancel()
    kill()
    for program in programs:
        program.process.communicate()


def test_tcp(start: Start) -> None:
    server = start("tcp_server.py", "127.0.0.1", 0, 3)
    port = server.port()
    first = start("tcp_long.py", "127.0.0.1", port, "你好", "再见")
    assert first.end() == (0, ["收到: 你好", "收到: 再见", "1 connection, 2 messages"], "")
    second = start("tcp_short.py", "127.0.0.1", port, "一", "二")
    assert second.end() == (0, ["收到: 一", "收到: 二", "2 connections, 2 messages"], "")
    code, lines, _ = server.end()
    assert code == 0
    assert lines == [
        "client 1 from 127.0.0.1",
        "  received 4 bytes: 你好",
        "  received 4 bytes: 再见",
        "client 1 has closed: recv returned b''",
        "client 2 from 127.0.0.1",
        "  received 2 bytes: 一",
        "client 2 has closed: recv returned b''",
        "client 3 from 127.0.0.1",
        "  received 2 bytes: 二",
        "client 3 has closed: recv returned b''",
    ]


def test_udp(start: Start) -> None:
    receiver = start("udp_receive.py", "127.0.0.1", 0, 2)
    sender = start("udp_send.py", "127.0.0.1", receiver.port(), "你好", "hello")
    assert sender.end() == (0, ["got 你好", "got hello", "sent from 1 port"], "")
    assert receiver.end() == (0, ["6 bytes from 127.0.0.1: 你好", "5 bytes from 127.0.0.1: hello"], "")


def test_echo(start: Start) -> None:
    server = start("echo_server.py", "127.0.0.1", 0)
    client = start("echo_client.py", "127.0.0.1", server.port(), "hello, world")
    assert client.end() == (
        0,
        ["sent 'hello, world'", "received 'hello, world'", "the server has closed the connection"],
        "",
    )
    lines = [server.line() for _ in range(4)]
    assert lines[1:] == ["received 'hello, world'", "end of file: closing", "connection to 127.0.0.1 lost: None"]
    assert server.stop() == (0, ["stopped"], "")


def test_time(start: Start) -> None:
    import datetime

    server = start("time_server.py", "127.0.0.1", 0)
    port = server.port()
    code, (answer,), _ = start("time_client.py", "127.0.0.1", port).end()
    assert code == 0
    assert abs(datetime.datetime.now() - datetime.datetime.fromisoformat(answer)).total_seconds() < 2 * PATIENCE
    assert start("time_client.py", "127.0.0.1", port, "weather").end() == (0, ["ask me for the time"], "")
    assert server.stop()[:2] == (0, ["127.0.0.1 asks 'time'", "127.0.0.1 asks 'weather'", "stopped"])
    assert start("time_client.py", "127.0.0.1", port).end() == (1, [], "error: Connection refused\n")


def test_chat(start: Start) -> None:
    server = start("chat_server.py", "127.0.0.1", 0)
    port = server.port()
    ann = start("chat_client.py", "127.0.0.1", port, "ann")
    assert ann.line() == "* ann is here, 1 in the room"
    bob = start("chat_client.py", "127.0.0.1", port, "bob")
    assert (ann.line(), bob.line()) == ("* bob is here, 2 in the room",) * 2
    ann.type("hi")
    assert bob.line() == "ann: hi"
    bob.type("hello ann")
    assert ann.line() == "bob: hello ann"
    assert bob.end() == (0, [], "")
    assert ann.line() == "* bob has left"
    assert ann.end() == (0, [], "")
    assert server.stop()[1][-2:] == ["* ann has left", "stopped"]


def test_registered_sockets(start: Start) -> None:
    assert start("register_socketpair.py").end() == (0, ["add_reader: abc", "protocol: def", "streams: ghi"], "")


def test_http(start: Start) -> None:
    server = start("web_server.py", "127.0.0.1", 0)
    port = server.port()
    code, lines, _ = start("http_headers.py", f"http://127.0.0.1:{port}/").end()
    assert (code, lines[0], lines[3:]) == (
        0,
        "HTTP/1.1 200 OK",
        ["Content-Type: text/html; charset=utf-8", "Content-Length: 48"],
    )
    assert start("http_headers.py", f"http://127.0.0.1:{port}/missing").end()[1][0] == "HTTP/1.1 404 Not Found"
    assert start("http_headers.py").end()[0] == 1
    assert server.stop()[1][-1] == "stopped"


@pytest.mark.root
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="a raw socket takes root")
def test_ping(start: Start) -> None:
    code, lines, errors = start("ping.py", "-c", "2", "-i", "0.01", "localhost").end()
    assert (code, errors, lines[0]) == (0, "", "PING localhost (127.0.0.1) 56(84) bytes of data.")
    for number, line in enumerate(lines[1:3], start=1):
        assert re.fullmatch(rf"64 bytes from 127\.0\.0\.1: icmp_seq={number} ttl=64 time=\d+\.\d{{3}} ms", line)
    assert lines[3:5] == ["", "--- localhost ping statistics ---"]
    assert re.fullmatch(r"2 packets transmitted, 2 received, 0% packet loss, time \d+ms", lines[5])
    assert re.fullmatch(r"rtt min/avg/max/mdev = \d+\.\d{3}(/\d+\.\d{3}){3} ms", lines[6])


def test_a_mail_and_the_clock(start: Start) -> None:
    with served("smtp_sink", domains=["b.test"]) as port:
        mail = start("mail_client.py", "127.0.0.1", port, "a@a.test", "b@b.test", "Hello")
        mail.type("text")
        assert mail.end() == (0, ["sent"], "")
        refused = start("mail_client.py", "127.0.0.1", port, "a@a.test", "c@c.test", "Hello").end()
        assert refused == (1, ["refused: 550 5.7.1 no mail for c.test here"], "")
    with served("ntp_server", udp=True, offset=5_000_000_000) as port:
        code, (line,), _ = start("ntp_client.py", "127.0.0.1", port).end()
        assert (code, line.split(",")[0]) == (0, "stratum 1")
        assert float(line.split()[3]) == pytest.approx(5, abs=0.5)
    with served("echo") as port:
        assert start("ask_port.py", "127.0.0.1", port, 1000, "hello").end() == (0, ["hello"], "")


def test_a_page_through_proxies(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with served("http_server.server", body="a page") as web:
        with served("socks_proxy", users={"ann": "secret"}) as port:
            through = start("socks_client.py", "127.0.0.1", port, "localhost", web, "ann", "secret").end()
            assert through == (0, ["through", "HTTP/1.1 200 OK", "a page"], "")
            assert (
                start("socks_client.py", "127.0.0.1", port, "localhost", web, "ann", "x").end()[2] == "wrong password\n"
            )
        with served("http_proxy") as port:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("no_proxy", "")
            fetched = start("fetch.py", f"http://127.0.0.1:{web}/", f"http://127.0.0.1:{web}/x").end()
            assert fetched == (0, ["200 1.1 packetsim a page", "404 Not Found"], "")


def test_they_need_the_standard_library_only() -> None:
    import ast

    for path in sorted(PROGRAMS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names, path
            assert not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] in sys.stdlib_module_names
