"""Two worlds with one API: a simulated host, and this machine's kernel on its loopback interface as the oracle."""

from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sim.lab.network import Network

POLLRDHUP = 0x2000
ALL = 0x1 | 0x2 | 0x4 | POLLRDHUP
PATIENCE = 2000  # ms that the kernel may take for what it does at once


class Simulated:
    """A host of its own; what it sends to itself goes through its loopback interface."""

    def __init__(self) -> None:
        self.net = Network()
        self.host = self.net.host("h1", "10.0.0.1/24")

    def socket(self, kind: int, proto: int = 0, family: int = socket.AF_INET) -> Any:
        return self.host.socket(family, kind, proto)

    def accept(self, server: Any) -> tuple[Any, tuple[str, int]]:
        accepted: tuple[Any, tuple[str, int]] = server.accept()
        return accepted

    def poll(self, sock: Any) -> int:
        return int(sock.poll())

    def wait(self, sock: Any, events: int) -> None:
        if not sock.poll() & events:
            sock.on_event = self.net.engine.stop
            self.net.run_until(lambda: bool(sock.poll() & events))
            sock.on_event = None
        assert sock.poll() & events

    def settle(self) -> None:
        self.net.run(self.net.now + 10_000_000)


class Linux:
    """The kernel."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def socket(self, kind: int, proto: int = 0, family: int = socket.AF_INET) -> Any:
        made = socket.socket(family, kind, proto)
        made.setblocking(False)
        self._open.append(made)
        return made

    def accept(self, server: Any) -> tuple[Any, tuple[str, int]]:
        accepted, address = server.accept()
        accepted.setblocking(False)
        self._open.append(accepted)
        return accepted, address

    def poll(self, sock: Any) -> int:
        poller = select.poll()
        poller.register(sock, ALL)
        found = poller.poll(0)
        return found[0][1] if found else 0

    def wait(self, sock: Any, events: int) -> None:
        poller = select.poll()
        poller.register(sock, events)
        assert poller.poll(PATIENCE)

    def settle(self) -> None:
        """Loopback delivers before a call returns."""

    def close(self) -> None:
        for made in self._open:
            made.close()


World = Simulated | Linux


@pytest.fixture(params=["simulated", "linux"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "simulated":
        yield Simulated()
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("the oracle is Linux")
    kernel = Linux()
    yield kernel
    kernel.close()


Tried = Callable[..., Any]


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or the name of its errno, or its exception's class and text."""
    try:
        return call(*arguments)
    except OSError as error:
        number = error.errno or 0
        if type(error) is not type(OSError(number, "")):  # not the class that Python picks for it
            return f"{type(error).__name__} {number}"
        name = errno.errorcode[number]
        return "EOPNOTSUPP" if name == "ENOTSUP" else name
    except (TypeError, ValueError, OverflowError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture
def tried() -> Tried:
    return outcome
