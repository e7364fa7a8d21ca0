"""What goes wrong is said at once, by name: deadlocks, programs that never wait, calls that would escape."""

from __future__ import annotations

import _socket
import _thread
import asyncio
import multiprocessing
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import sim
from sim.errors import SimError
from sim.userland.diagnosis import SpinError, Stuck

FILE = __file__


@pytest.fixture
def net() -> sim.Network:
    net = sim.Network(seed=1)
    net.link(net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24"))
    return net


def line_of(function: Callable[..., Any], after: int) -> str:
    return f"{FILE}:{function.__code__.co_firstlineno + after}"


def serve() -> None:
    with socket.create_server(("", 80)) as listening:
        listening.accept()


def take_both(first: threading.Lock, second: threading.Lock) -> None:
    with first:
        time.sleep(1)
        with second:
            pass


def deadlock() -> None:
    one, other = threading.Lock(), threading.Lock()
    thread = threading.Thread(target=take_both, args=(one, other), name="first")
    thread.start()
    take_both(other, one)
    thread.join()


def test_who_is_stuck_where(net: sim.Network) -> None:
    process = net["a"].spawn(deadlock)  # type: ignore[union-attr]
    net["b"].spawn(serve, name="server")  # type: ignore[union-attr]
    net.run()
    assert net.scheduler.at_rest()
    assert net.scheduler.stuck() == [
        Stuck("a", "deadlock", "MainThread", "a lock", line_of(take_both, 3)),
        Stuck("b", "server", "MainThread", "a connection on ('0.0.0.0', 80)", line_of(serve, 2)),
        Stuck("a", "deadlock", "first", "a lock", line_of(take_both, 3)),
    ]
    with pytest.raises(SimError) as raised:
        process.result()
    assert str(raised.value).splitlines() == [
        "deadlock on a has not ended, and never will: nothing is left to happen, and all programs wait",
        f"  deadlock on a, MainThread: waits for a lock at {line_of(take_both, 3)}",
        f"  deadlock on a, first: waits for a lock at {line_of(take_both, 3)}",
        f"  server on b, MainThread: waits for a connection on ('0.0.0.0', 80) at {line_of(serve, 2)}",
    ]


def test_run_says_so_as_well(net: sim.Network) -> None:
    with pytest.raises(SimError, match="deadlock on a has not ended, and never will"):
        net["a"].run(deadlock)  # type: ignore[union-attr]


def test_a_server_that_waits_is_no_error(net: sim.Network) -> None:
    server = net["b"].spawn(serve)  # type: ignore[union-attr]
    assert net["a"].run(lambda: 5) == 5  # type: ignore[union-attr]
    net.run()
    assert not server.done


def test_a_result_that_is_asked_for_too_early(net: sim.Network) -> None:
    process = net["a"].spawn(time.sleep, 10)  # type: ignore[union-attr]
    with pytest.raises(SimError, match="has not begun"):
        process.result()
    net.run("3s")
    with pytest.raises(SimError, match="sleep on a has not ended after 3s; it MainThread waits for 10 s to pass"):
        process.result()


def look_for_ever() -> None:
    while time.monotonic() < 5:
        pass


def poll_for_ever() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        while True:
            try:
                sock.recv(100)
            except BlockingIOError:
                continue


def yield_for_ever() -> None:
    while True:
        time.sleep(0)


def try_for_ever() -> None:
    lock = threading.Lock()
    lock.acquire()
    while not lock.acquire(False):
        pass


async def turn_for_ever() -> None:
    while True:
        await asyncio.sleep(0)


@pytest.mark.parametrize("program", [look_for_ever, poll_for_ever, yield_for_ever, try_for_ever, turn_for_ever])
def test_looking_again_and_again_is_found_by_counting(net: sim.Network, program: Any) -> None:
    net.scheduler.spin_limit = 4000
    process = net["a"].spawn(program)  # type: ignore[union-attr]
    net.run()
    with pytest.raises(SpinError, match=rf"{program.__name__} on a has looked 4,000 times at .* and never waits"):
        process.result()
    if program is not turn_for_ever:
        assert FILE in str(process.error)


def test_looking_often_while_time_passes_is_fine(net: sim.Network) -> None:
    def program() -> int:
        count = 0
        while time.monotonic() < 1:
            time.sleep(0.001)
            count += 1
        return count

    net.scheduler.spin_limit = 10
    assert net["a"].run(program) in (1000, 1001)  # type: ignore[union-attr]


def wait_busily(seconds: float) -> float:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return time.monotonic() - end


async def wait_busily_in_turns(seconds: float) -> float:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0)
    return time.monotonic() - end


def try_busily(seconds: float) -> float:
    lock = threading.Lock()
    lock.acquire()
    began = time.monotonic()
    threading.Timer(seconds, lock.release).start()
    while not lock.acquire(False):
        pass
    return time.monotonic() - began - seconds


@pytest.mark.parametrize(
    ("program", "seconds", "late"),
    [
        (wait_busily, 0.000_1, 0.000_002),
        (wait_busily, 1, 0.004),
        (wait_busily, 60, 0.02),
        (wait_busily_in_turns, 0.01, 0.000_2),
        (try_busily, 1, 0.004),
    ],
)
def test_time_passes_for_who_is_busy_with_waiting(net: sim.Network, program: Any, seconds: float, late: float) -> None:
    assert 0 <= net["a"].run(program, seconds) <= late  # type: ignore[union-attr]


@pytest.mark.slow
def test_who_is_busy_hears_at_once_what_happens(net: sim.Network) -> None:
    """As in many a tutorial: all sockets are always asked whether they can be written to, and they can."""

    def server() -> int:
        turns = 0
        with selectors.DefaultSelector() as selector, socket.create_server(("", 80)) as listener:
            selector.register(listener, selectors.EVENT_READ)
            waiting: dict[socket.socket, bytes] = {}
            done = 0
            while done < 3:
                turns += 1
                for key, events in selector.select():
                    own: Any = key.fileobj
                    if own is listener:
                        connection, _ = listener.accept()
                        waiting[connection] = b""
                        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
                        continue
                    if events & selectors.EVENT_READ:
                        data = own.recv(1000)
                        waiting[own] += data
                        if not data:
                            done += 1
                            selector.unregister(own)
                            own.close()
                            continue
                    if events & selectors.EVENT_WRITE and waiting[own]:
                        waiting[own] = waiting[own][own.send(waiting[own]) :]
        return turns

    def client() -> float:
        with socket.create_connection(("b", 80)) as connection:
            time.sleep(100)
            began = time.monotonic()
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"
            return time.monotonic() - began

    network = sim.Network()
    a, b = network.host("a", "10.0.0.1/24"), network.host("b", "10.0.0.2/24")
    network.link(a, b, delay="10ms", bandwidth="1Gbps")
    process = b.spawn(server)
    clients = [a.spawn(client) for _ in range(3)]
    network.run()
    assert [one.result() for one in clients] == pytest.approx([0.02] * 3, abs=0.000_1)
    assert process.result() < 100_000


def test_a_datagram_is_found_at_once_by_who_asks_without_end(net: sim.Network) -> None:
    def receive() -> tuple[bytes, float]:
        with socket.socket(type=socket.SOCK_DGRAM) as own:
            own.bind(("127.0.0.1", 9))
            own.setblocking(False)
            threading.Timer(50, lambda: own.sendto(b"x", ("127.0.0.1", 9))).start()
            while True:
                try:
                    return own.recv(10), time.monotonic()
                except BlockingIOError:
                    continue

    data, when = net["a"].run(receive)  # type: ignore[union-attr]
    assert data == b"x"
    assert when == pytest.approx(50, abs=0.000_01)


def test_a_time_is_over_at_some_time_when_it_is_reached(net: sim.Network) -> None:
    def program(clock: Callable[[], float]) -> bool:
        end = clock() + 0.5
        while (rest := end - clock()) >= 0:
            select.select([], [], [], rest)
        return True

    for clock in (time.monotonic, time.time):
        assert net["a"].run(program, clock)  # type: ignore[union-attr]


def compute_for_ever() -> None:
    number = 0
    while True:
        number += 1


def swallow_and_compute() -> None:
    while True:
        try:
            compute_for_ever()
        except Exception:
            continue


@pytest.mark.slow
@pytest.mark.parametrize("program", [compute_for_ever, swallow_and_compute])
def test_a_computation_without_end_is_found_by_the_clock_on_the_wall(net: sim.Network, program: Any) -> None:
    net.scheduler.patience = 0.2
    process = net["a"].spawn(program)  # type: ignore[union-attr]
    net.run()
    with pytest.raises(SpinError, match=rf"{program.__name__} on a has run for .* at {FILE}:\d+ and never waits"):
        process.result()


@pytest.mark.slow
def test_waiting_for_a_real_lock_is_found_as_well(net: sim.Network) -> None:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        pytest.skip("only the main thread can be woken by a signal")
    net["a"].run(print)  # type: ignore[union-attr]
    real = [threading.Lock()]  # out of sight, so that it stays what it is
    real[0].acquire()

    def program() -> None:
        real[0].acquire()

    net.scheduler.patience = 0.1
    process = net["a"].spawn(program)  # type: ignore[union-attr]
    net.run()
    with pytest.raises(SpinError, match=f"program on a has run for .* at {FILE}"):
        process.result()


def forks() -> None:
    os.fork()


def starts_a_child() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def starts_a_child_by_asyncio() -> None:
    async def main() -> None:
        await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")

    asyncio.run(main())


def starts_a_pool() -> None:
    with ProcessPoolExecutor(1) as pool:
        pool.submit(print).result()


def opens_a_real_socket() -> None:
    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)


def starts_a_bare_process() -> None:
    multiprocessing.Process(target=print).start()


def makes_a_shared_queue() -> None:
    multiprocessing.Queue()


def sets_an_alarm() -> None:
    signal.alarm(1)


def runs_a_command() -> None:
    os.system("true")


REFUSED = [
    (forks, "os.fork"),
    (starts_a_child, "subprocess.Popen"),
    (starts_a_child_by_asyncio, "asyncio.create_subprocess_exec"),
    (starts_a_pool, r"multiprocessing.\w+"),
    (starts_a_bare_process, "multiprocessing.Process.start"),
    (makes_a_shared_queue, "multiprocessing.Queue"),
    (opens_a_real_socket, "_socket.socket"),
    (sets_an_alarm, "signal.alarm"),
    (runs_a_command, "os.system"),
]


@pytest.mark.parametrize(("program", "name"), REFUSED, ids=[program.__name__ for program, _ in REFUSED])
def test_what_would_escape_is_refused_by_name(net: sim.Network, program: Any, name: str) -> None:
    with pytest.raises(SimError, match=rf"{program.__name__} on a calls {name} at {FILE}:\d+: "):
        net["a"].run(program)  # type: ignore[union-attr]


def test_outside_of_programs_nothing_is_refused(net: sim.Network) -> None:
    net["a"].run(print)  # type: ignore[union-attr]
    assert subprocess.run([sys.executable, "-c", "print(5)"], capture_output=True, check=True).stdout.strip() == b"5"
    plain = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    with socket.socket() as usual:
        assert isinstance(plain, _socket.socket)
        assert isinstance(usual, _socket.socket)
    plain.close()


def test_the_simulation_cannot_be_run_from_within(net: sim.Network) -> None:
    for inside in (net.run, lambda: net["a"].ping("b")):  # type: ignore[union-attr]
        with pytest.raises(SimError, match="on a asks for the simulation to be run, within which it runs itself"):
            net["a"].run(inside)  # type: ignore[union-attr]


def test_bare_threads_are_the_programs(net: sim.Network) -> None:
    def program() -> list[int]:
        seen: list[int] = []
        _thread.start_new_thread(seen.append, (5,))
        time.sleep(1)
        return seen

    assert net["a"].run(program) == [5]  # type: ignore[union-attr]
