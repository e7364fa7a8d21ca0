"""Services as real processes on loopback: they are ordinary programs, and the real clients are their judges."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
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
def served(module: str, **settings: object) -> Iterator[int]:
    """`sim.services.MODULE.serve(...)` in a process of its own on 127.0.0.1; the TCP port on which it listens."""
    port = free_port()
    arguments = {"address": "127.0.0.1", "port": port, **settings}
    code = f"import importlib; importlib.import_module('sim.services.{module}').serve(**{arguments!r})"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            _await(port, process)
            yield port
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until it listens: a connection is tried until one is made."""
    import time

    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read())
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"nobody listens on port {port}")
