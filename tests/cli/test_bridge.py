"""`sim bridge`, as a process of its own that others talk to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build

PATIENCE = 20
PAIR = """
name: pair
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.1/24}
  server: {kind: host, ip: 10.0.0.2/24, services: [{echo: {port: 7007}}]}
links: [{endpoints: [pc, server], delay: 1ms}]
"""
LOOPBACK = "127.64.0.2" if sys.platform == "linux" else "127.0.0.1"


def sim(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["bridge", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR)
    return str(path)


class Running:
    """`sim bridge` at work. Its lines of JSON are read one by one."""

    def __init__(self, *arguments: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "sim", "bridge", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> Any:
        """The next one."""
        assert self._popen.stdout is not None
        return json.loads(self._popen.stdout.readline())

    def wait_for(self, key: str) -> Any:
        """The next one that has this key: its value."""
        while True:
            line = self.line()
            if key in line:
                return line[key]

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def end(self) -> tuple[int, list[Any], str]:
        """Wait for its end: exit status, the rest of the lines, and errors."""
        out, err = self._popen.communicate(timeout=PATIENCE)
        return self._popen.returncode, [json.loads(line) for line in out.splitlines()], err

    def close(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()


@pytest.fixture
def running(file: str, tmp_path: Path) -> Iterator[Running]:
    process = Running(file, "--control", str(tmp_path / "control"), "--out", str(tmp_path / "out"), "--socks", "0")
    try:
        yield process
    finally:
        process.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(running: Running, tmp_path: Path, number: int) -> None:
    first = running.line()
    assert first["entry"] == "pc"
    assert first["addresses"]["server"] == LOOPBACK
    assert first["socks"].startswith("127.0.0.1:")
    where = running.wait_for("opened")
    assert (where["host"], where["port"]) == ("server", 7007)
    with socket.create_connection((where["address"], where["real_port"]), PATIENCE) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as commands:
            commands.connect(str(tmp_path / "control"))
            commands.sendall(b'{"node": {"name": "server", "state": "down"}}\n')
            assert json.loads(commands.recv(1000)) == {"ok": True}
        assert running.wait_for("closed") == where
        running.signal(number)
        status, lines, errors = running.end()
    assert (status, errors) == (0, "")
    assert lines[-1]["connections"] == 1
    assert "behind the clock" in lines[-1]["lag"]
    assert lines[-1]["problems"] == []
    assert not (tmp_path / "control").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where["address"], where["real_port"]), PATIENCE)
    if shutil.which("tshark") is not None:
        capture = next((tmp_path / "out").glob("**/*server*.pcap*"))
        told = ["tshark", "-r", str(capture), "-Y", "echo || tcp.port == 7007", "-T", "fields", "-e", "tcp.payload"]
        found = subprocess.run(told, capture_output=True, text=True, check=True).stdout.split()
        assert b"hello".hex() in found


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a control socket takes AF_UNIX")
def test_stop_is_a_command(running: Running, tmp_path: Path) -> None:
    running.wait_for("opened")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as commands:
        commands.connect(str(tmp_path / "control"))
        commands.sendall(b'{"stop": true}\n')
        assert json.loads(commands.recv(1000)) == {"ok": True}
    assert running.end()[0] == 0


def test_it_ends_by_itself(file: str) -> None:
    result = sim(file, "--until", "50ms")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "pair  the world enters at pc"
    assert f"  open    server tcp 7007 is {LOOPBACK}:7007" in lines
    assert lines[-1].startswith("0 connections; at most ")
    assert "\x1b" not in result.stdout


def test_the_scenario_goes_on_in_real_time(tmp_path: Path) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text(
        PAIR + "scenario:\n"
        "  - {at: 100ms, name: dark, node: {name: server, state: down}}\n"
        "  - {at: 200ms, name: nobody, ping: {from: pc, to: server, timeout: 50ms}, expect: {received: 1}}\n"
    )
    result = sim(str(path), "--until", "1s", "--speed", "20", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    steps = [line["step"] for line in lines if "step" in line]
    assert [(step["name"], step["passed"]) for step in steps] == [("dark", True), ("nobody", False)]
    assert {"closed"} <= {key for line in lines for key in line}
    assert result.exit_code == 1


def test_a_port_that_cannot_be_had_is_told(file: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = sim(file, "--socks", str(port), "--until", "10ms")
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--map", "server:80"], "server:80 is no mapping: write api.test:443=127.0.0.1:8443"),
        (["--map", "server:80=127.0.0.1"], "127.0.0.1 is no host and port"),
        (["--map", "server:0=127.0.0.1:80"], "server:0 is no host and port"),
        (["--map", "server:80=203.0.113.1:80"], "203.0.113.1:80 is not on this machine's loopback; --anywhere allows"),
        (["--map", "server:80=localhost:80"], "'localhost' is no IPv4 address: names are not looked up outside"),
        (["--map", "api.test:80=127.0.0.1:80"], "no node is called api.test"),
        (["--enter-at", "web"], "there is no node called 'web'"),
        (["--speed", "0"], "0"),
        (["--socks", "70000"], "65535"),
        (["--until", "soon"], "soon"),
        (["--control", "/nowhere/control"], "cannot make the control socket"),
    ],
)
def test_wrong_usage(file: str, arguments: list[str], text: str) -> None:
    result = sim(file, *arguments)
    assert result.exit_code == 2
    assert text in " ".join(result.stderr.replace("│", "").split())
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = sim(str(tmp_path / "nothing.yaml"))
    assert result.exit_code == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
def test_nothing_but_loopback_is_touched(file: str, tmp_path: Path) -> None:
    """All that the process binds, connects to or sends to, from the mouth of the interpreter."""
    log = tmp_path / "log"
    program = (
        "import sys\n"
        f"log = open({str(log)!r}, 'w', buffering=1)\n"
        "def hook(event, arguments):\n"
        "    if event in ('socket.bind', 'socket.connect', 'socket.sendto', 'socket.sendmsg', 'socket.getaddrinfo',\n"
        "                 'socket.gethostbyname'):\n"
        "        log.write(f'{event} {arguments[1:]!r}\\n')\n"
        "sys.addaudithook(hook)\n"
        "from sim.cli.main import main\n"
        "main()\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as real:
        real.settimeout(PATIENCE)
        port = real.getsockname()[1]
        path = tmp_path / "asks.yaml"
        path.write_text(f"{PAIR}scenario: [{{tcp: {{from: pc, to: server, port: 80, data: x, listen: false}}}}]\n")
        arguments = ["--socks", "0", "--proxy", "0", "--map", f"server:80=127.0.0.1:{port}", "--until", "500ms"]
        subprocess.run(
            [sys.executable, "-c", program, "bridge", str(path), *arguments, "--control", str(tmp_path / "c")],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        real.accept()[0].close()
    lines = log.read_text().splitlines()
    assert any(f"('127.0.0.1', {port})" in line for line in lines if "connect" in line)
    assert len(lines) > 5
    assert [line for line in lines if "('127." not in line and str(tmp_path) not in line] == []
