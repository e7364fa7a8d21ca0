"""What a program has for itself: streams, arguments, environment, exit code, signals, functions at its end."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.errors import SimError
from sim.userland.process import Process

SECOND = 1_000_000_000
LOG = logging.getLogger("of.a.library")


@pytest.fixture
def net() -> sim.Network:
    return sim.Network(seed=1)


def started(net: sim.Network, program: Any, *args: Any, **named: Any) -> Process:
    host = net.nodes.get("h1") or net.host("h1", "10.0.0.1/24")
    process = host.spawn(program, *args, **named)  # type: ignore[union-attr]
    assert isinstance(process, Process)
    return process


def ended(net: sim.Network, program: Any, *args: Any, **named: Any) -> Process:
    process = started(net, program, *args, **named)
    net.run()
    assert process.done
    return process


def test_standard_streams(net: sim.Network, capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        name = input("name? ")
        sys.stdout.write(f"hello {name}\n")
        sys.stdout.buffer.write("grün\n".encode())
        for line in sys.stdin:
            print("line", line.strip(), file=sys.stderr)
        try:
            input()
        except EOFError:
            print("end", flush=True)

    process = ended(net, program, stdin="ann\none\ntwo\n")
    assert process.stdout == "name? hello ann\ngrün\nend\n"
    assert process.stderr == "line one\nline two\n"
    assert capsys.readouterr() == ("", "")


def test_programs_that_take_turns_print_to_their_own(net: sim.Network) -> None:
    def program(word: str) -> None:
        for _ in range(3):
            print(word)
            time.sleep(1)

    processes = [started(net, program, word) for word in ("a", "b")]
    net.run()
    assert [process.stdout for process in processes] == ["a\n" * 3, "b\n" * 3]


def test_a_sniffer_is_not_a_part_of_the_program_that_sends(
    net: sim.Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it prints, draws and opens is the simulator's, also while a program is in the middle of a call."""
    tapped: list[tuple[bool, float]] = []
    real = random.Random(5)
    random.seed(5)

    def tap(_time: int, _port: object, _frame: bytes) -> None:
        print("a frame")
        with socket.socket() as opened:
            tapped.append((opened.fileno() < 1 << 20, random.random()))

    def program() -> float:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("10.0.0.2", 9))
            print("sent")
            return random.random()

    host, other = net.host("h1", "10.0.0.1/24"), net.host("h2", "10.0.0.2/24")
    net.link(host, other)
    host.attach(tap)
    process = ended(net, program)
    assert process.stdout == "sent\n"
    assert capsys.readouterr().out == "a frame\n" * len(tapped)
    assert [draw for _, draw in tapped] == [real.random() for _ in tapped]
    assert all(is_real for is_real, _ in tapped)
    assert len(tapped) >= 3
    assert process.result() not in [draw for _, draw in tapped]


def test_a_closed_stdout_keeps_what_was_printed(net: sim.Network) -> None:
    def program() -> None:
        print("before")
        sys.stdout.close()

    assert ended(net, program).stdout == "before\n"


def test_arguments_environment_and_numbers(net: sim.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE", "1")

    def program(*args: str) -> list[object]:
        before = os.environ.get("OUTSIDE"), os.getenv("MODE"), "HOME" in os.environ
        os.environ["MINE"] = "x"
        time.sleep(1)
        with pytest.raises(KeyError):
            del os.environ["ABSENT"]
        return [sys.argv, before, os.environ["MINE"], os.getpid(), os.getppid(), os.cpu_count()]

    one = started(net, program, "a", 2, name="tool", environment={"MODE": "fast"})
    other = started(net, program)
    net.run()
    assert one.result() == [["tool", "a", "2"], (None, "fast", True), "x", 1001, 1, 4]
    assert other.result() == [["program"], (None, None, True), "x", 1002, 1, 4]
    assert os.environ["OUTSIDE"] == "1"
    assert "MINE" not in os.environ


def test_a_working_directory_of_its_own(net: sim.Network, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    before = os.getcwd()

    def program() -> list[str]:
        first = os.getcwd()
        os.chdir("sub")
        time.sleep(1)
        return [first, os.getcwd()]

    def mover() -> str:
        os.chdir(tmp_path)  # it had the real one until then
        with contextlib.chdir("sub"):
            time.sleep(1)
        return os.getcwd()

    process = started(net, program, folder=str(tmp_path))
    moving = started(net, mover)
    other = started(net, os.getcwd)
    net.run()
    assert process.result() == [str(tmp_path), str(tmp_path / "sub")]
    assert moving.result() == str(tmp_path)
    assert other.result() == os.getcwd() == before


@pytest.mark.parametrize(
    ("leave", "code", "told"),
    [
        (lambda: None, 0, ""),
        (sys.exit, 0, ""),
        (lambda: sys.exit(3), 3, ""),
        (lambda: sys.exit("sorry"), 1, "sorry\n"),
        (lambda: sys.exit(256), 0, ""),
        (lambda: os._exit(7), 7, ""),
    ],
)
def test_exit_codes(net: sim.Network, leave: Callable[[], None], code: int, told: str) -> None:
    process = ended(net, leave)
    assert (process.exit_code, process.stderr) == (code, told)


def test_an_exception_ends_a_program_with_a_traceback(net: sim.Network) -> None:
    def program() -> None:
        raise ValueError("no good")

    process = ended(net, program)
    assert process.exit_code == 1
    assert process.stderr.startswith(f'Traceback (most recent call last):\n  File "{__file__}", line ')
    assert process.stderr.endswith("ValueError: no good\n")
    with pytest.raises(ValueError, match="no good"):
        process.result()


def test_a_program_may_arrange_what_becomes_of_exceptions(net: sim.Network) -> None:
    before = sys.excepthook

    def program() -> None:
        sys.excepthook = lambda kind, error, _: print("hook", kind.__name__, error)
        raise ValueError("no good")

    process = ended(net, program)
    assert (process.exit_code, process.stdout, process.stderr) == (1, "hook ValueError no good\n", "")
    assert sys.excepthook is before


def test_logging_goes_to_the_programs_standard_error(net: sim.Network, caplog: pytest.LogCaptureFixture) -> None:
    def plain() -> None:
        logging.warning("seen")
        LOG.info("not seen")

    def configured() -> None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        time.sleep(61)
        LOG.info("told")

    one, other = started(net, configured), started(net, plain)
    net.run()
    assert other.stderr == "WARNING:root:seen\n"
    assert one.stderr == "2026-01-01 00:01:01,000 of.a.library told\n"
    assert not caplog.records


def test_files_are_run_as_main(net: sim.Network, tmp_path: Path) -> None:
    (tmp_path / "helper_of_main.py").write_text("WORD = 'helped'\n")
    program = tmp_path / "main.py"
    program.write_text(
        "from __future__ import annotations\nimport sys, dataclasses, helper_of_main\n"
        "@dataclasses.dataclass\nclass A:\n    x: int\n"
        "if __name__ == '__main__':\n    print(A(3), helper_of_main.WORD, sys.argv[1:], A.__module__)\n"
        "    import __main__\n    print(__main__.A is A)\n"
    )
    before = list(sys.path), sys.modules["__main__"]
    process = ended(net, program, "x")
    assert process.stdout == "A(x=3) helped ['x'] __main__\nTrue\n"
    assert (sys.path, sys.modules["__main__"]) == before


def test_interrupting_raises_where_the_main_thread_waits(net: sim.Network) -> None:
    def program() -> float:
        try:
            time.sleep(100)
        except KeyboardInterrupt:
            return time.monotonic()
        return -1

    process = started(net, program)
    net.run(5 * SECOND)
    process.interrupt()
    net.run()
    assert process.result() == 5


def test_interrupting_ends_who_does_not_mind(net: sim.Network) -> None:
    def program() -> None:
        with socket.socket() as server:
            server.bind(("", 80))
            server.listen()
            server.accept()

    process = started(net, program)
    net.run(SECOND)
    process.interrupt()
    net.run()
    assert process.exit_code == 130
    assert process.stderr.endswith("KeyboardInterrupt\n")


def test_interrupting_ends_who_has_not_begun(net: sim.Network) -> None:
    process = net.host("h9", ip="10.0.0.9/24").spawn(lambda: None)
    process.interrupt()
    net.run()
    assert process.exit_code == 130


def test_interrupting_asyncio_cancels_its_main_task(net: sim.Network) -> None:
    seen: list[str] = []

    async def program() -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            seen.append(f"cancelled at {time.monotonic():g}")
            raise

    process = started(net, program)
    net.run(5 * SECOND)
    process.interrupt()
    net.run()
    assert seen == ["cancelled at 5"]
    assert process.exit_code == 130
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_real_interrupt_is_for_the_simulator(net: sim.Network) -> None:
    def program() -> None:
        raise KeyboardInterrupt  # as when someone presses Ctrl-C now

    started(net, program)
    with pytest.raises(KeyboardInterrupt):
        net.run()


def test_signal_handlers_are_the_programs_own(net: sim.Network) -> None:
    def program(word: str) -> list[object]:
        heard: list[object] = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append((word, number, time.monotonic())))
        time.sleep(10)
        return [before, heard, time.monotonic(), signal.getsignal(signal.SIGINT) is signal.default_int_handler]

    real = signal.getsignal(signal.SIGTERM)
    processes = [started(net, program, word) for word in ("a", "b")]
    net.run(4 * SECOND)
    processes[0].terminate()
    net.run()
    assert [process.result() for process in processes] == [
        [signal.SIG_DFL, [("a", 15, 4)], 10, True],  # the sleep goes on (PEP 475)
        [signal.SIG_DFL, [], 10, True],
    ]
    assert signal.getsignal(signal.SIGTERM) is real


def test_terminate_ends_a_program_without_a_handler(net: sim.Network) -> None:
    process = started(net, time.sleep, 100)
    net.run(SECOND)
    process.terminate()
    assert process.exit_code == 143
    with pytest.raises(SimError, match="sleep on h1 was ended by SIGTERM"):
        process.result()


def test_programs_send_signals_to_programs_of_their_host(net: sim.Network) -> None:
    def victim() -> None:
        signal.signal(signal.SIGUSR1, lambda number, frame: print("usr1"))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(10)

    def sender(pid: int) -> None:
        time.sleep(1)
        for number in (0, signal.SIGUSR1, signal.SIGINT, signal.SIGKILL):
            os.kill(pid, number)
            time.sleep(1)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    process = started(net, victim)
    other = started(net, sender, process.pid)
    net.run()
    other.result()
    assert (process.stdout, process.exit_code, process.ended) == ("usr1\n", 137, 4 * SECOND)


def test_asyncio_hears_signals(net: sim.Network) -> None:
    async def program() -> float:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        return time.monotonic()

    process = started(net, program)
    net.run(3 * SECOND)
    process.terminate()
    net.run()
    assert process.result() == 3


def test_signals_are_refused_as_cpython_does(net: sim.Network) -> None:
    def program() -> list[str]:
        found: list[str] = []

        def attempt(*arguments: Any) -> None:
            try:
                signal.signal(*arguments)
            except (ValueError, TypeError, OSError) as error:
                found.append(type(error).__name__)

        attempt(signal.SIGTERM, "x")
        attempt(signal.SIGKILL, print)
        attempt(999, print)
        thread = threading.Thread(target=attempt, args=(signal.SIGTERM, print))
        thread.start()
        thread.join()
        return found

    assert ended(net, program).result() == ["TypeError", "OSError", "ValueError", "ValueError"]


def test_functions_at_its_end(net: sim.Network) -> None:
    def program() -> None:
        atexit.register(print, "first in, last out", end="!\n")
        atexit.register(lambda: 1 / 0)
        atexit.register(print, "never")
        atexit.unregister(print)
        atexit.register(print, "last in")
        atexit.register(lambda: print("lambda"))
        threading.Timer(1, print, ["thread"]).start()
        print("main")

    process = ended(net, program)
    assert process.stdout == "main\nthread\nlambda\nlast in\n"
    assert process.stderr.startswith("Exception ignored in atexit callback")
    assert process.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert process.exit_code == 0


def peer(net: sim.Network) -> tuple[Any, Any, list[str]]:
    """Two hosts; a server on the second that tells how its connection ends."""
    one, other = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(one, other, delay="1ms")
    heard: list[str] = []

    def server() -> None:
        with socket.create_server(("", 80)) as listening:
            connection, _ = listening.accept()
            with connection:
                try:
                    while data := connection.recv(100):
                        heard.append(data.decode())
                    heard.append("EOF")
                except OSError as error:
                    heard.append(type(error).__name__)

    other.spawn(server)
    return one, other, heard


def swallow_everything() -> None:
    connection = socket.create_connection(("b", 80))
    try:
        connection.sendall(b"hello")
        while True:
            try:
                time.sleep(1)
            except Exception:
                connection.sendall(b"swallowed")
    finally:
        with contextlib.suppress(Exception):
            connection.sendall(b"last words")
        with contextlib.suppress(Exception):
            socket.socket(type=socket.SOCK_DGRAM).sendto(b"last words", ("10.0.0.2", 9))


def test_a_killed_programs_sockets_are_closed_and_it_says_nothing_more(net: sim.Network) -> None:
    one, _, heard = peer(net)
    process = one.spawn(swallow_everything)
    net.run(SECOND)
    frames = bytearray()
    one.attach(lambda _time, _port, frame: frames.extend(frame))
    process.kill()
    assert process.exit_code == 137
    net.run()
    assert heard == ["hello", "EOF"]
    assert frames
    assert b"last words" not in frames
    with pytest.raises(SimError, match="swallow_everything on a was killed"):
        process.result()
    assert not net.scheduler.tasks


def test_a_power_cut_tells_nobody(net: sim.Network) -> None:
    one, _, heard = peer(net)
    process = one.spawn(swallow_everything)
    net.run(SECOND)
    frames = net.frame_hops
    net.set_power("a", False)
    assert process.exit_code == 137
    net.run()
    assert heard == ["hello"]
    assert net.frame_hops == frames
    with pytest.raises(SimError, match="cut off with its host's power"):
        process.result()


def test_ports_are_free_again_when_a_program_has_been_killed(net: sim.Network) -> None:
    def server() -> str:
        with socket.create_server(("", 80), reuse_port=False) as listening:
            listening.settimeout(5)
            with contextlib.suppress(TimeoutError):
                listening.accept()
            return "served"

    first = started(net, server)
    net.run(SECOND)
    first.kill()
    assert ended(net, server).result() == "served"


def test_a_program_may_kill_itself(net: sim.Network) -> None:
    def program() -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        print("still here")

    process = ended(net, program)
    assert (process.exit_code, process.stdout) == (137, "")


async def serve_for_ever() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await asyncio.sleep(10**6)

    server = await asyncio.start_server(handle, "0.0.0.0", 80)
    background = asyncio.create_task(asyncio.sleep(10**9))
    async with server:
        await server.serve_forever()
    await background


async def leave_without_closing() -> bytes:
    reader, writer = await asyncio.open_connection("b", 80)
    writer.write(b"hello\n")
    return await reader.readline()


@pytest.mark.parametrize("ending", ["kill", "cut", "forget"])
def test_what_programs_leave_behind_makes_no_noise(
    ending: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    net = sim.Network(seed=1)
    one, other = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(one, other, delay="1ms")
    server = other.spawn(serve_for_ever)
    client = one.spawn(leave_without_closing)
    net.run(SECOND)
    assert client.result() == b"hello\n"
    if ending == "kill":
        server.kill()
        net.run(2 * SECOND)
    elif ending == "cut":
        net.set_power("b", False)
        net.run(2 * SECOND)
    del net, one, other, server, client
    for _ in range(3):
        gc.collect()  # warnings are errors here
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
