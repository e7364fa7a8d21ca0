"""What is said of a probe: works, refused, or fails and why; with probes that need no library."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.compatibility.drive import drive
from tests.compatibility.loopback import real

START = '{"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))'
CONSTANTS = ('LIBRARIES = ("socket",)', 'REPEATS = "bytes"', 'EXPECTED = "HELLO"')
SERVER = """
    def server(host, folder, port):
        with socket.create_server((host, port)) as listener:
            while True:
                with listener.accept()[0] as connection:
                    connection.sendall(connection.recv(100).upper())
    """
CLIENT = """
    def client(host, folder, port):
        with socket.create_connection((host, port)) as sock:
            sock.sendall(b"hello")
            print(sock.recv(100).decode())
    """


def probe(folder: Path, *, server: str = SERVER, client: str = CLIENT) -> Path:
    """A probe whose client is to print HELLO."""
    begin = ['"""Says hello."""', "import socket, sys", *CONSTANTS]
    end = ['if __name__ == "__main__":', f"    {START}"]
    path = folder / "with_nothing.py"
    path.write_text("\n".join([*begin, dedent(server), dedent(client), *end]))
    return path


def outcome(path: Path, **options: Any) -> tuple[str, str]:
    found = drive(path, str(path.parent), **options)
    return found["outcome"], found["detail"]


@pytest.mark.parametrize("options", [{}, {"before": True}, {"loss": "20%"}], ids=str)
def test_a_probe_that_prints_what_is_expected_works(tmp_path: Path, options: dict[str, Any]) -> None:
    assert outcome(probe(tmp_path), **options) == ("works", "")


def test_runs_repeat_and_loss_shows(tmp_path: Path) -> None:
    path = probe(tmp_path)
    one, other, lossy = (drive(path, str(tmp_path), loss=loss) for loss in ("0%", "0%", "20%"))
    assert one == other
    assert one["shape"] != lossy["shape"]


@pytest.mark.parametrize("role", ["server", "client"])
def test_what_imports_a_refused_library_is_refused_by_name(tmp_path: Path, role: str) -> None:
    path = probe(tmp_path, **{role: f"def {role}(host, folder, port):\n    import uvloop\n"})
    found, detail = outcome(path)
    assert found == "refused"
    assert "imports uvloop" in detail
    assert detail.endswith(
        ": libuv, written in C, waits for real sockets and reads the real clock; asyncio's own loop works"
    )


def test_a_refusal_behind_another_error_is_found(tmp_path: Path) -> None:
    client = """
        def client(host, folder, port):
            try:
                import zmq
            except ImportError:
                raise RuntimeError("no queue")
        """
    found, detail = outcome(probe(tmp_path, client=client))
    assert (found, "imports zmq" in detail) == ("refused", True)


BROKEN = {
    "the server raises": (
        {"server": "def server(*_):\n    raise ValueError('no good')"},
        "server: ValueError: no good",
    ),
    "the server exits": ({"server": "def server(*_):\n    sys.exit(3)"}, "server: exit code 3"),
    "the client raises": (
        {"client": "def client(*_):\n    raise ValueError('no good')"},
        "client: ValueError: no good",
    ),
    "the client prints something else": (
        {"client": "def client(*_):\n    print('hi')"},
        r"client: printed 'hi\\n' and not 'HELLO'",
    ),
    "the client waits for ever": (
        {"client": "def client(host, folder, port):\n    socket.create_connection((host, port)).recv(1)"},
        "client: has not ended in 600s: MainThread waits for data .*; server: MainThread waits for data",
    ),
}


@pytest.mark.parametrize(("parts", "why"), BROKEN.values(), ids=BROKEN)
def test_anything_else_fails(tmp_path: Path, parts: dict[str, str], why: str) -> None:
    found, detail = outcome(probe(tmp_path, **parts))
    assert found == "fails"
    assert re.match(why, detail), detail


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's table of sockets is Linux's")
@pytest.mark.slow
def test_for_real(tmp_path: Path) -> None:
    assert real(probe(tmp_path), str(tmp_path)) == {"outcome": "works", "detail": ""}
    failed = real(probe(tmp_path, server="def server(*_):\n    raise ValueError('no good')"), str(tmp_path))
    assert failed == {"outcome": "fails", "detail": "the real server does not listen: ValueError: no good"}
    failed = real(probe(tmp_path, client="def client(*_):\n    print('hi')"), str(tmp_path))
    assert failed["outcome"] == "fails"
    assert "'hi\\n'" in failed["detail"]
