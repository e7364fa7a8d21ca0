"""The local socket that takes commands while the network runs."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.bridge.control import LONGEST_LINE, MOST_CLIENTS, Control
from sim.bridge.doors import Doors
from sim.bridge.loopback import BridgeError
from sim.bridge.session import Bridge
from tests.bridge.office import PAIR, PATIENCE, connect, open_bridge, receive, was_reset

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a control socket takes AF_UNIX")

STEP = {"link": {"endpoints": ["pc", "server"], "state": "down"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control"


@pytest.fixture
def bridge(tmp_path: Path, path: Path) -> Iterator[Bridge]:
    bridge = open_bridge(tmp_path, PAIR)
    bridge.listen_for_commands(path)
    with bridge:
        yield bridge


class Commander:
    """A connection to the control socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Commander:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def answer(self) -> Any:
        """The next line, None at the end."""
        line = self._file.readline()
        return json.loads(line) if line else None

    def ask(self, command: Any) -> Any:
        self.socket.sendall(json.dumps(command).encode() + b"\n")
        return self.answer()


def test_commands_and_their_answers(bridge: Bridge, path: Path) -> None:
    where = bridge.endpoint("server", 7)
    bridge.endpoint("server", 7, "udp")
    with Commander(path) as commander:
        ports = commander.ask({"ports": True})
        assert ports["ok"] is True
        assert {(port["host"], port["protocol"], port["port"]) for port in ports["ports"]} == {
            ("server", "tcp", 7),
            ("server", "udp", 7),
        }
        assert commander.ask(STEP) == {"ok": True}
        with connect(where) as client:
            assert was_reset(client), "its own cable is out: there is no way"
        assert commander.ask({"link": {"endpoints": ["pc", "server"], "state": "up"}}) == {"ok": True}
        with connect(where) as client:
            client.sendall(b"hello")
            assert receive(client, 5) == b"hello"


def test_what_is_no_command_is_told(bridge: Bridge, path: Path) -> None:
    with Commander(path) as commander:
        for wrong in (b"what?", b"\xff\xfe\0", b"[" * 60_000, b'{"link": ', b'"\\ud800"x'):
            commander.socket.sendall(wrong + b"\n")
            assert commander.answer() == {"ok": False, "error": "this is not JSON"}
        answer = commander.ask({"link": {"endpoints": ["pc", "gw"], "state": "down"}})
        assert answer["ok"] is False
        assert "gw" in answer["error"]
        assert commander.ask(3)["error"].startswith("error: a command is one of link, node, partition, heal")
        assert commander.ask({"ports": True})["ok"] is True


def test_lines_come_in_pieces_and_several_at_once(bridge: Bridge, path: Path) -> None:
    with Commander(path) as commander:
        line = json.dumps({"heal": True}).encode()
        commander.socket.sendall(b"\n  \n" + line[:5])
        assert bridge.call(lambda: 1) == 1
        commander.socket.sendall(line[5:] + b"\n" + line + b"\n" + line)
        assert [commander.answer(), commander.answer()] == [{"ok": True}] * 2
        commander.socket.shutdown(socket.SHUT_WR)  # the last one has no end
        assert commander.answer() is None


def test_a_line_that_is_too_long_ends_the_connection(bridge: Bridge, path: Path) -> None:
    with Commander(path) as commander:
        try:
            commander.socket.sendall(b"x" * (LONGEST_LINE + 1))
            assert commander.answer() is None
        except (BrokenPipeError, ConnectionResetError):
            pass
    with Commander(path) as commander:
        assert commander.ask({"heal": True}) == {"ok": True}


def test_only_so_many_at_once(bridge: Bridge, path: Path) -> None:
    commanders = [Commander(path) for _ in range(MOST_CLIENTS)]
    assert all(commander.ask({"heal": True}) == {"ok": True} for commander in commanders)
    with Commander(path) as one_more:
        assert one_more.answer() is None
    commanders.pop().__exit__()
    assert bridge.call(lambda: 1) == 1
    while True:  # until it is known that one has gone
        with Commander(path) as another:
            try:
                if another.ask({"heal": True}):
                    break
            except (BrokenPipeError, ConnectionResetError):
                continue
    for commander in commanders:
        commander.__exit__()


def test_one_who_never_reads_is_asked_no_more(bridge: Bridge, path: Path) -> None:
    with Commander(path) as deaf, Commander(path) as other:
        deaf.socket.setblocking(False)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += deaf.socket.send(b'{"ports": true}\n' * 100)
        except BlockingIOError:
            pass
        assert other.ask({"heal": True}) == {"ok": True}
        assert sent < 50_000_000


def test_stop(bridge: Bridge, path: Path) -> None:
    where = bridge.endpoint("server", 7)
    with Commander(path) as commander:
        assert commander.ask({"stop": True}) == {"ok": True}
        assert commander.answer() is None
    assert bridge._thread is not None
    bridge._thread.join(PATIENCE)
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError):
        connect(where)


def test_only_its_owner_may_open_it(bridge: Bridge, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="being somebody else takes root")
def test_another_user_is_not_heard(bridge: Bridge, path: Path, tmp_path: Path) -> None:
    """Even where the file's mode would let him."""
    ask = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "os.chdir(os.path.dirname(sys.argv[1]))\n"
        "os.setuid(65534)\n"
        "s.connect('control')\n"
        "try:\n    s.sendall(b'{\"heal\": true}\\n')\n    print(s.recv(100))\nexcept OSError:\n    print('refused')\n"
    )
    for folder in (tmp_path, tmp_path.parent):
        folder.chmod(0o755)
    for mode, expected in ((0o600, "PermissionError"), (0o666, "")):
        path.chmod(mode)
        result = subprocess.run([sys.executable, "-c", ask, str(path)], capture_output=True, text=True, check=False)
        assert "true" not in result.stdout
        assert expected in result.stderr
        if not expected:
            assert result.stdout.strip() in ("b''", "refused")


def test_the_rest_of_a_run_that_was_killed_is_in_nobodys_way(tmp_path: Path, path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    doors = Doors()
    control = Control(doors, path, lambda _: {})
    control.close()
    assert not path.exists()
    doors.close()


def test_what_is_there_already(bridge: Bridge, tmp_path: Path, path: Path) -> None:
    doors = Doors()
    with pytest.raises(BridgeError, match=r"somebody listens on the control socket .*control already"):
        Control(doors, path, lambda _: {})
    letter = tmp_path / "letter"
    letter.write_text("dear")
    with pytest.raises(BridgeError, match="letter is there already, and no socket"):
        Control(doors, letter, lambda _: {})
    assert letter.read_text() == "dear"
    with pytest.raises(BridgeError, match=r"cannot make the control socket .*: No such file or directory"):
        Control(doors, tmp_path / "nowhere" / "control", lambda _: {})
    with pytest.raises(BridgeError, match="cannot make the control socket"):
        Control(doors, tmp_path / ("x" * 200), lambda _: {})
    doors.close()
