"""A program that dies says the same on standard error as on a real machine, line by line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.lab.network import Network

PATIENCE = 20  # s, before the real process is given up
PROGRAMS = {
    "refused": """
        import socket
        socket.create_connection(("127.0.0.1", 1))
        """,
    "connect": """
        import socket
        def main():
            sock = socket.socket()
            sock.settimeout(1)
            sock.connect(("127.0.0.1", 1))
        main()
        """,
    "calls": """
        import socket
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.settimeout(0.01)
        for call in (
            lambda: sock.recv(10), lambda: socket.socket().accept(), lambda: sock.listen(), lambda: sock.send(b"x"),
            lambda: sock.bind("x"), lambda: sock.sendto("text", ("127.0.0.1", 1)), lambda: sock.setsockopt(1, 2, "x"),
            lambda: sock.getsockopt(1, 9999), lambda: sock.settimeout(-1), lambda: sock.connect(("no.such.invalid", 1)),
            lambda: socket.getaddrinfo("no.such.invalid", 1), lambda: socket.gethostbyname("no.such.invalid"),
            lambda: socket.socketpair(socket.AF_INET), lambda: sock.shutdown(9),
            lambda: sock.recv_into(b"x"), lambda: sock.sendmsg(5), lambda: socket.if_nametoindex("none"),
        ):
            import traceback
            try:
                call()
            except Exception:
                traceback.print_exc()
                try:
                    call()
                except Exception:
                    traceback.print_exc()
        sock.close()
        """,
    "accept": """
        import socket
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.01)
            server.accept()
        """,
    "chained": """
        import socket
        def connect():
            socket.create_connection(("127.0.0.1", 1))
        try:
            connect()
        except OSError as error:
            try:
                {}["missing"]
            except KeyError:
                raise RuntimeError("no service") from error
        """,
    "during": """
        import socket
        try:
            1 / 0
        except ZeroDivisionError:
            socket.socket().connect(("127.0.0.1", 1))
        """,
    "waits": """
        import select, socket, time, traceback, threading, queue
        one, other = socket.socketpair()
        for call in (
            lambda: time.sleep(-1), lambda: time.sleep("x"), lambda: select.select([], [], [], -1),
            lambda: select.select(1, [], []), lambda: select.poll().modify(one, 1),
            lambda: select.epoll().unregister(one), lambda: queue.Queue().get(timeout=0.01),
            lambda: queue.Queue().get_nowait(), lambda: threading.Barrier(2, timeout=0.01).wait(),
            lambda: threading.Lock().release(), lambda: threading.RLock().release(),
            lambda: threading.Condition().notify(), lambda: threading.BoundedSemaphore().release(),
            lambda: threading.current_thread().join(), lambda: threading.Thread().join(),
        ):
            try:
                call()
            except Exception:
                traceback.print_exc()
        """,
    "thread": """
        import threading, socket
        def work():
            socket.create_connection(("127.0.0.1", 1))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        timer = threading.Timer(0.01, work)
        timer.name = "the timer"
        timer.start()
        timer.join()
        class Own(threading.Thread):
            def run(self):
                raise ValueError("own")
        own = Own(name="own")
        own.start()
        own.join()
        """,
    "pool": """
        from concurrent.futures import ThreadPoolExecutor
        import socket
        with ThreadPoolExecutor(2) as pool:
            future = pool.submit(socket.create_connection, ("127.0.0.1", 1))
        future.result()
        """,
    "asyncio": """
        import asyncio
        async def main():
            await asyncio.open_connection("127.0.0.1", 1)
        asyncio.run(main())
        """,
    "logged": """
        import asyncio, logging, socket
        logging.basicConfig(format="%(levelname)s %(message)s")
        try:
            socket.create_connection(("127.0.0.1", 1))
        except OSError:
            logging.exception("no connection")
        logging.error("where", stack_info=True)
        async def main():
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: socket.socket().connect(("127.0.0.1", 1)))
            await asyncio.sleep(0.01)
        asyncio.run(main())
        """,
    "group": """
        import asyncio
        async def fail(number):
            await asyncio.open_connection("127.0.0.1", number)
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(1))
        asyncio.run(main())
        """,
    "tls": """
        import socket, ssl
        one, other = socket.socketpair()
        other.send(b"this is no TLS at all" * 10)
        ssl.create_default_context().wrap_socket(one, server_hostname="x")
        """,
    "urllib": """
        import urllib.request
        urllib.request.urlopen("http://127.0.0.1:1/")
        """,
    "stack": """
        import traceback
        def inner():
            traceback.print_stack()
        inner()
        """,
    "syntax": """
        def broken(:
            pass
        """,
    "exits": """
        raise SystemExit("said at the end")
        """,
}


def dedent(text: str) -> str:
    from textwrap import dedent

    return dedent(text).lstrip("\n")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the oracle is Linux")
@pytest.mark.parametrize("name", PROGRAMS)
def test_says_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(dedent(PROGRAMS[name]), encoding="utf-8")
    environment = {**os.environ, "PYTHONSAFEPATH": ""}
    real = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
    )
    net = Network()
    process = net.host("h1", "10.0.0.1/24").spawn(str(path))
    net.run()
    assert process.done
    assert process.stderr == real.stderr
    assert (process.exit_code, process.stdout) == (real.returncode, real.stdout)


def test_outside_of_the_program_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(dedent(PROGRAMS["refused"]), encoding="utf-8")
    net = Network()
    process = net.host("h1", "10.0.0.1/24").spawn(str(path))
    net.run()
    with pytest.raises(ConnectionRefusedError) as caught:
        process.result()
    assert any(str(entry.path).endswith("guest_socket.py") for entry in caught.traceback)
