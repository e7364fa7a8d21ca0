"""A local socket that takes commands while the network runs: a line of JSON in, a line of JSON out.

    {"link": {"endpoints": ["pc", "gw"], "loss": "10%"}}     ->  {"ok": true}
    {"ports": true}                                          ->  {"ok": true, "ports": [...]}
    {"stop": true}                                           ->  {"ok": true}

It is a file that only its owner may open (mode 0600), and whoever connects has to be that user, or root. The commands
are those of `sim.lab.commands`.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sim.bridge.doors import READ, WRITE, Doors
from sim.bridge.entrance import Entrance
from sim.bridge.loopback import BridgeError
from sim.errors import SimError

BACKLOG: Final = 128
LONGEST_LINE: Final = 65_536
MOST_CLIENTS: Final = 32
PEER: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid

Answer = Callable[[Any], dict[str, Any]]


class Control:
    """The socket at `path`; `answer(command)` does what a command says. Raises BridgeError if it cannot be made."""

    def __init__(self, doors: Doors, path: str | Path, answer: Answer) -> None:
        self.path = Path(path)
        self._doors = doors
        self._answer = answer
        self._clients: dict[socket.socket, _Client] = {}
        self._entrance = Entrance(doors, _listen(self.path), self._take)

    def close(self) -> None:
        """Take it away."""
        for client in list(self._clients.values()):
            client.close()
        self._entrance.close()
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _take(self, connection: socket.socket) -> None:
        if len(self._clients) >= MOST_CLIENTS or not _is_ours(connection):
            connection.close()
            return
        self._clients[connection] = _Client(self._doors, connection, self._do, self._gone)

    def _do(self, line: bytes) -> bytes:
        try:
            answer = {"ok": True, **self._answer(json.loads(line))}
        except (ValueError, RecursionError):
            answer = {"ok": False, "error": "this is not JSON"}
        except SimError as error:
            answer = {"ok": False, "error": str(error)}
        return json.dumps(answer).encode() + b"\n"

    def _gone(self, connection: socket.socket) -> None:
        self._clients.pop(connection, None)


class _Client:
    """One who commands."""

    def __init__(
        self,
        doors: Doors,
        connection: socket.socket,
        do: Callable[[bytes], bytes],
        gone: Callable[[socket.socket], None],
    ) -> None:
        self._doors = doors
        self._connection = connection
        self._do = do
        self._gone = gone
        self._asked = bytearray()
        self._answers = bytearray()
        doors.watch(connection, READ, self._ready)

    def close(self) -> None:
        self._doors.forget(self._connection)
        self._connection.close()
        self._gone(self._connection)

    def _ready(self, events: int) -> None:
        try:
            if events & READ:
                data = self._connection.recv(LONGEST_LINE)
                if not data or len(self._asked) + len(data) > LONGEST_LINE:
                    self.close()
                    return
                self._asked += data
                self._take_lines()
            if self._answers:
                del self._answers[: self._connection.send(self._answers)]
        except BlockingIOError:
            pass  # who asks and does not listen to the answers is asked no more
        except OSError:
            self.close()
            return
        self._doors.watch(self._connection, WRITE if self._answers else READ, self._ready)

    def _take_lines(self) -> None:
        *lines, self._asked = self._asked.split(b"\n")
        for line in lines:
            if line.strip():
                self._answers += self._do(bytes(line))


def _listen(path: Path) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise BridgeError("a control socket takes AF_UNIX, which this system has not")
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BridgeError(f"cannot make the control socket {path}: {error.strerror or error}") from None
    finally:
        os.umask(before)
    return listener


def _clear(path: Path) -> None:
    """A socket that nobody listens on is the rest of a run that was killed. Raises BridgeError for anything else."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise BridgeError(f"{path} is there already, and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise BridgeError(f"somebody listens on the control socket {path} already")


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other end is our own user, or root, where the system tells."""
    if sys.platform != "linux":
        return True  # the file's mode has to do
    _, user, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return user in (0, os.getuid())
