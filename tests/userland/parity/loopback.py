"""Runs the functions of a parity file as real processes on the loopback interface: `loopback.py FILE`.

Prints JSON: per case and role the lines it has printed.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 20  # s that a case may take
HERE = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has, neither for streams nor for datagrams."""
    while True:
        with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            one.bind((HERE, 0))
            port: int = one.getsockname()[1]
            try:
                other.bind((HERE, port))
            except OSError:
                continue
            return port


def start(function: Callable[..., Any], *arguments: Any) -> tuple[int, int]:
    """A child process that calls a function; its number, and the file it prints to."""
    import signal

    output = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR)
    child = os.fork()
    if child:
        return child, output
    signal.alarm(PATIENCE)
    os.dup2(output, 1)
    code = 0
    try:
        function(*arguments)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code)


def finish(child: int, output: int, port: int) -> list[str]:
    """What it has printed, without what differs from run to run."""
    status = os.waitpid(child, 0)[1]
    size = os.lseek(output, 0, os.SEEK_END)
    text = os.pread(output, size, 0).decode().replace(HERE, "HOST").replace(str(port), "PORT")
    os.close(output)
    return text.splitlines() + ([f"ended with {status}"] if status else [])


def run_pair(server: Callable[..., Any], client: Callable[..., Any]) -> dict[str, list[str]]:
    """Server and client; the client begins when the server says that it is ready."""
    port = free_port()
    hear, say = os.pipe()
    serving = start(server, HERE, port, lambda: os.write(say, b"!"))
    os.close(say)
    os.read(hear, 1)
    calling = start(client, HERE, port)
    os.close(hear)
    return {"client": finish(*calling, port), "server": finish(*serving, port)}


def run(module: Any) -> dict[str, dict[str, list[str]]]:
    """All cases of a file."""
    found = {}
    for name in list(vars(module)):
        case, _, role = name.rpartition("_")
        if role == "alone":
            port = free_port()
            found[case] = {"alone": finish(*start(getattr(module, name), HERE, port), port)}
        elif role == "server":
            found[case] = run_pair(getattr(module, name), getattr(module, f"{case}_client"))
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    json.dump(run(importlib.import_module(f"tests.userland.parity.{sys.argv[1]}")), sys.stdout)
