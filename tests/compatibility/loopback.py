#!/usr/bin/env python3
"""Runs one probe for real: its server and its client are two processes on this machine's loopback interface.

python -m tests.compatibility.loopback PROBE FOLDER

Prints one line of JSON, as `drive.py` does for simulated hosts: a probe that works there has to work here, unchanged.
Linux tells when the server listens.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.compatibility.described import described

HOST = "127.0.0.1"
SEVERAL = 8
"""A probe uses its port and a few numbers behind it."""
PATIENCE = 20
"""Real seconds for the server to begin, and twice as many for the client to end."""
LISTENS = "0A"


def real(probe: Path, folder: str) -> dict[str, str]:
    """`outcome` is works or fails; `detail` says why."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, str(probe)]
    told = Path(folder, "server.log")
    with told.open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, "server", HOST, folder, str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        if not _wait_for(server, port):
            return {"outcome": "fails", "detail": f"the real server does not listen: {last_line(told)}"}
        client = subprocess.run(
            [*command, "client", HOST, folder, str(port)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"outcome": "fails", "detail": f"the real client has not ended: {last_line(told)}"}
    finally:
        server.kill()
        server.wait()
    if client.stdout.strip() == described(probe).expected:
        return {"outcome": "works", "detail": ""}
    return {"outcome": "fails", "detail": f"for real it printed {client.stdout!r} {client.stderr[-500:]!r}"}


def last_line(log: Path) -> str:
    """What the server has said last."""
    return (log.read_text(encoding="utf-8").strip().splitlines() or ["the server has said nothing"])[-1]


def _wait_for(server: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it listens, in the end. To connect would be to use it up: some serve one connection at a time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if listens(port):
            time.sleep(0.2)  # what else it opens
            return True
        time.sleep(0.05)
    return False


def listens(port: int) -> bool:
    """Whether somebody on this machine listens on a TCP port, as the kernel's table has it."""
    tables = [Path("/proc/net", name) for name in ("tcp", "tcp6")]  # a socket of IPv6 may serve IPv4 as well
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == LISTENS for row in rows)


def free_port() -> int:
    """The first of several ports in a row that nobody has."""
    while True:
        port = random.randrange(20_000, 30_000, SEVERAL)
        if all(_is_free(port + number, kind) for number in range(SEVERAL) for kind in ("SOCK_STREAM", "SOCK_DGRAM")):
            return port


def _is_free(port: int, kind: str) -> bool:
    with socket.socket(socket.AF_INET, getattr(socket, kind)) as sock:
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    print(json.dumps(real(Path(sys.argv[1]), sys.argv[2])))
