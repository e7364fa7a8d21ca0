"""Real databases on loopback that real clients reach by the simulated network: through a NAT, over a lossy line.

The client comes in as the pc; port PORT of the simulated db leads to the real server.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.bridge.session import Bridge
from tests.bridge.tools import need, output, server
from tests.bridge.wan import free_port, lost, open_wan, translated

pytestmark = pytest.mark.slow


@contextmanager
def way_to(folder: Path, port: int, real: int) -> Iterator[tuple[str, str]]:
    """The address and port at which a real client finds the real server; checks that it went the long way."""
    with open_wan(folder, outward={("db", port): ("127.0.0.1", real)}) as bridge:
        address, number = bridge.endpoint("db", port)
        yield address, str(number)
        assert translated(bridge) > 0
        assert lost(bridge) > 0
        assert bridge.summary().connections > 0
        assert failures(bridge) == {}


def failures(bridge: Bridge) -> dict[str, int]:
    """Connections to the real server that did not end well."""
    found: dict[str, int] = bridge._own[0].failures
    return found


def test_redis(tmp_path: Path) -> None:
    need("redis-server", "redis-cli")
    real = free_port()
    options = ["--port", str(real), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    value = random.Random(1).randbytes(200_000).hex()
    with (
        server("redis-server", *options, ready="Ready to accept connections"),
        way_to(tmp_path, 6379, real) as (address, port),
    ):
        client = ["redis-cli", "-h", address, "-p", port]
        assert output(*client, "ping") == b"PONG\n"
        assert output(*client, "-x", "set", "key", data=value.encode()) == b"OK\n"
        assert output(*client, "get", "key") == value.encode() + b"\n"
        commands = "".join(f"rpush list {number}\n" for number in range(30)) + "llen list\n"
        assert output(*client, data=commands.encode()).splitlines()[-1] == b"30"
        assert output("redis-cli", "-p", str(real), "llen", "list") == b"30\n", "it is the real one"


@contextmanager
def postgres(real: int) -> Iterator[None]:
    """A new database cluster at this port. Its server refuses to be root, and needs a folder of its own user."""
    need("postgres", "initdb", "psql")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="packetsim-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        made = ["initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"]
        with server(*made, ready="Success", user=user, cwd=folder) as making:
            making.wait()
        settings = [f"port={real}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        options = [word for setting in settings for word in ("-c", setting)]
        with server("postgres", "-D", data, *options, ready="ready to accept connections", user=user, cwd=folder):
            yield
    finally:
        shutil.rmtree(folder)


def test_postgres(tmp_path: Path) -> None:
    real = free_port()
    with postgres(real), way_to(tmp_path, 5432, real) as (address, port):
        client = ["psql", "-X", "-q", "-A", "-t", "-h", address, "-p", port, "-U", "tester", "postgres"]
        rows = "".join(f"{number}\t{number * number}\n" for number in range(20_000))
        script = f"create table squares (n int, square bigint);\ncopy squares from stdin;\n{rows}\\.\n"
        output(*client, data=script.encode())
        assert output(*client, "-c", "copy squares to stdout") == rows.encode()
        assert output(*client, "-c", "select sum(square) from squares") == b"2666466670000\n"
