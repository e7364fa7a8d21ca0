"""Services as real processes on loopback: they are ordinary programs, and the real clients are their judges."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WAIT = 20
"""Seconds of real time that a process may take to begin."""


def free_port() -> int:
    """A port that nobody uses, by TCP and by UDP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def served(module: str, *, udp: bool = False, **settings: object) -> Iterator[int]:
    """`sim.services.MODULE.serve(...)` in a process of its own on 127.0.0.1; the port on which it listens, by TCP, or
    by UDP alone."""
    port = free_port()
    arguments = {"address": "127.0.0.1", "port": port, **settings}
    code = f"import importlib; importlib.import_module('sim.services.{module}').serve(**{arguments!r})"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            _await(port, process, _bound if udp else _connects)
            yield port
        finally:
            process.terminate()


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _bound(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        try:
            datagrams.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _await(port: int, process: subprocess.Popen[str], listens: Callable[[int], bool]) -> None:
    """Wait until it listens."""
    import time

    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read())
        if listens(port):
            return
        time.sleep(0.01)
    raise AssertionError(f"nobody listens on port {port}")
