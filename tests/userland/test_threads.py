"""Threads, locks, queues and pools of programs: the same functions, run for real, print the same in the same order."""

from __future__ import annotations

import asyncio
import contextlib
import io
import queue
import sched
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures import TimeoutError as FuturesTimeoutError

import pytest

import sim

STEP = 0.01
"""Seconds between what happens one after another, long enough for a real machine to keep the order."""

Script = Callable[[], None]


def in_program(script: Callable[..., object], *args: object) -> str:
    net = sim.Network(seed=1)
    process = net.host("h1", "10.0.0.1/24").spawn(script, *args)
    net.run()
    process.result()
    return process.stdout


def for_real(script: Script) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        script()
    return printed.getvalue()


def starts_and_joins() -> None:
    def work(number: int) -> None:
        time.sleep(STEP * (3 - number))
        print("work", number, threading.current_thread().name.partition("-")[0])

    threads = [threading.Thread(target=work, args=(number,), name=f"t{number}-x") for number in range(3)]
    for thread in threads:
        print(thread.is_alive(), thread.ident is None)
        thread.start()
    print([thread.is_alive() for thread in threads], threading.active_count() - 3 >= 1)
    threads[0].join(STEP / 2)
    print(threads[0].is_alive())
    for thread in threads:
        thread.join()
    print([thread.is_alive() for thread in threads], len({thread.ident for thread in threads}))
    print(repr(threads[0]).startswith("<Thread(t0-x, stopped"))


def refuses_misuse() -> None:
    thread = threading.Thread(target=lambda: None)
    for call in (thread.join, thread.start, thread.start, threading.current_thread().join):
        try:
            call()
            print("fine")
        except RuntimeError as error:
            print(error)
    thread.join()
    lock = threading.Lock()
    for arguments in ((False, 1), (True, -2)):
        try:
            lock.acquire(*arguments)
        except ValueError as error:
            print(error)
    try:
        lock.release()
    except RuntimeError as error:
        print(error)
    with contextlib.suppress(RuntimeError):
        threading.RLock().release()
        print("released")


def waits_for_locks() -> None:
    lock, order = threading.Lock(), []

    def take(number: int) -> None:
        time.sleep(STEP * number)
        with lock:
            order.append(number)
            time.sleep(STEP * 2.5)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(STEP * 1.5)
    for patience in (0, STEP / 4):
        taken = lock.acquire(timeout=patience)
        print(taken, lock.locked())
        if taken:  # on a busy machine the others are late, and must not wait for ever
            lock.release()
    for thread in threads:
        thread.join()
    print(order, lock.acquire(timeout=1), lock.locked())


def reenters() -> None:
    lock = threading.RLock()

    def other() -> None:
        print("other", lock.acquire(blocking=False))
        with lock:
            print("other has it")

    with lock, lock:
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(STEP)
        print("still mine")
    thread.join()


def notifies() -> None:
    condition = threading.Condition()
    ready: list[int] = []
    heard: list[object] = []

    def consumer(number: int) -> None:
        with condition:
            heard.append((number, condition.wait_for(lambda: ready, timeout=STEP * 20)))

    threads = [threading.Thread(target=consumer, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(STEP)
    with condition:
        print(condition.wait(STEP))
        ready.append(1)
        condition.notify_all()
    for thread in threads:
        thread.join()
    print(len(heard), (0, [1]) in heard)


def sets_events() -> None:
    event = threading.Event()
    timer = threading.Timer(STEP, event.set)
    never = threading.Timer(STEP, print, ["never"])
    timer.start()
    never.start()
    never.cancel()
    print(event.is_set(), event.wait(STEP / 4), event.wait(1), event.is_set())
    timer.join()
    never.join()


def meets_at_barriers() -> None:
    barrier, semaphore = threading.Barrier(3), threading.BoundedSemaphore(2)
    order: list[str] = []
    inside: list[int] = []
    most: list[int] = []

    def come(number: int) -> None:
        time.sleep(STEP * number)
        order.append(f"at {number}")
        barrier.wait()
        with semaphore:
            inside.append(1)
            most.append(len(inside))
            time.sleep(STEP * 2)
            inside.pop()

    threads = [threading.Thread(target=come, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(order, barrier.broken, max(most), len(inside))
    try:
        barrier.wait(STEP)
    except threading.BrokenBarrierError:
        print("broken", barrier.broken)
    try:
        semaphore.release()
    except ValueError as error:
        print(error)


def passes_through_queues() -> None:
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        channel: queue.Queue[int] = kind(3)

        def feed(channel: queue.Queue[int] = channel) -> None:
            for number in (3, 1, 2, 5, 4):
                channel.put(number)
                print("put", number)

        thread = threading.Thread(target=feed)
        thread.start()
        time.sleep(STEP)
        print(channel.full())
        for _ in range(5):
            print("got", channel.get())
            channel.task_done()
            time.sleep(STEP)
        channel.join()
        thread.join()
        try:
            channel.get(timeout=STEP)
        except queue.Empty:
            print("empty")


def passes_through_simple_queues() -> None:
    channel: queue.SimpleQueue[int] = queue.SimpleQueue()
    print(isinstance(channel, queue.SimpleQueue))
    threading.Timer(STEP, channel.put, [7]).start()
    print(channel.empty(), channel.get(), channel.qsize())
    with contextlib.suppress(queue.Empty):
        channel.get(timeout=STEP)
    with contextlib.suppress(queue.Empty):
        channel.get_nowait()
    print("empty")


class Mine(threading.local):
    kind = "mine"

    def __init__(self, start: int) -> None:
        self.number = start

    @property
    def double(self) -> int:
        return self.number * 2


def keeps_per_thread() -> None:
    plain, mine = threading.local(), Mine(5)
    plain.word = "main"
    mine.number = 6

    def other() -> None:
        print(hasattr(plain, "word"), mine.number, mine.double, mine.kind, mine.__dict__)
        plain.word = "other"
        mine.number = 9
        del mine.number
        try:
            print(mine.number)
        except AttributeError as error:
            print(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    print(plain.word, mine.double, isinstance(mine, threading.local), vars(plain))


def works_in_pools() -> None:
    def square(number: int) -> int:
        time.sleep(STEP * number)
        if number == 4:
            raise ValueError("four")
        return number * number

    with ThreadPoolExecutor(3) as pool:
        print(list(pool.map(square, [2, 1, 0])))
        futures: list[Future[int]] = [pool.submit(square, number) for number in (3, 1, 2)]
        print([future.result() for future in as_completed(futures)])
        done, rest = wait([pool.submit(square, number) for number in (1, 3)], return_when=FIRST_COMPLETED)
        print(len(done), len(rest))
        try:
            pool.submit(square, 3).result(timeout=STEP)
        except FuturesTimeoutError:
            print("too late")
        print(repr(pool.submit(square, 4).exception()))
    with ThreadPoolExecutor(1) as pool:
        first, second = pool.submit(square, 2), pool.submit(square, 1)
        print(first.running(), second.cancel())
        with contextlib.suppress(CancelledError):
            second.result()
    try:
        pool.submit(square, 1)
    except RuntimeError as error:
        print(error)


def works_beside_asyncio() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ticks: list[str] = []

        async def tick() -> None:
            for _ in range(3):
                await asyncio.sleep(STEP * 2)
                ticks.append("tick")

        ticking = asyncio.create_task(tick())
        await asyncio.to_thread(time.sleep, STEP * 3)
        ticks.append("slept")
        print(await loop.run_in_executor(None, lambda: threading.current_thread() is threading.main_thread()))
        await ticking
        print(ticks)
        reached = asyncio.Event()
        threading.Timer(STEP, loop.call_soon_threadsafe, [reached.set]).start()
        await asyncio.wait_for(reached.wait(), 1)
        print("reached")

    asyncio.run(main())


def follows_a_schedule() -> None:
    plan = sched.scheduler()
    plan.enter(STEP * 2, 1, print, ("second",))
    plan.enter(STEP, 1, print, ("first",))
    plan.run()


SCRIPTS: list[Script] = [
    starts_and_joins,
    refuses_misuse,
    waits_for_locks,
    reenters,
    notifies,
    sets_events,
    meets_at_barriers,
    passes_through_queues,
    passes_through_simple_queues,
    keeps_per_thread,
    works_in_pools,
    works_beside_asyncio,
    follows_a_schedule,
]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_program_prints_what_the_same_function_prints_for_real(script: Script) -> None:
    printed = in_program(script)
    assert printed
    if for_real(script) != printed:  # real threads on a busy machine may be late
        assert printed in (for_real(script), for_real(script))


def test_waiting_takes_no_real_time_and_exact_virtual_time() -> None:
    def program() -> float:
        event = threading.Event()
        threading.Timer(3600, event.set).start()
        event.wait()
        return time.monotonic()

    net = sim.Network()
    assert net.host("h1", "10.0.0.1/24").run(program) == 3600


def test_threads_are_the_programs_own() -> None:
    def program() -> list[object]:
        other = threading.Thread(target=time.sleep, args=(1,), daemon=True)
        other.start()
        main = threading.current_thread()
        return [
            main is threading.main_thread(),
            main.name,
            [thread.name for thread in threading.enumerate()],
            other.name,
            threading.active_count(),
            threading.get_ident() == main.ident != other.ident,
            threading.get_native_id() == main.native_id,
            main.daemon,
            other.daemon,
        ]

    net = sim.Network()
    processes = [net.host(name, f"10.0.0.{number}/24").spawn(program) for number, name in enumerate("ab", 1)]
    net.run()
    for process in processes:
        assert process.result() == [
            True,
            "MainThread",
            ["MainThread", "Thread-1 (sleep)"],
            "Thread-1 (sleep)",
            2,
            True,
            True,
            False,
            True,
        ]
    assert threading.main_thread() is threading.current_thread()


def test_a_program_ends_when_only_daemons_are_left() -> None:
    def program() -> None:
        threading.Thread(target=time.sleep, args=(5,)).start()
        threading.Thread(target=time.sleep, args=(50,), daemon=True).start()

    net = sim.Network()
    process = net.host("h1", "10.0.0.1/24").spawn(program)
    net.run()
    assert process.ended == 5_000_000_000


def test_who_is_interrupted_leaves_the_lock_to_the_next() -> None:
    def program() -> float:
        lock = threading.Lock()
        taken: list[float] = []

        def hold() -> None:
            with lock:
                time.sleep(5)
            signal.raise_signal(signal.SIGINT)  # the main thread was just told that it is its turn

        def follow() -> None:
            time.sleep(2)
            with lock:
                taken.append(time.monotonic())

        threads = [threading.Thread(target=hold), threading.Thread(target=follow)]
        for thread in threads:
            thread.start()
        with contextlib.suppress(KeyboardInterrupt):
            lock.acquire()
        for thread in threads:
            thread.join()
        return taken[0]

    assert sim.Network().host("h1", "10.0.0.1/24").run(program) == 5


def test_a_pool_that_nobody_shuts_down_ends_with_its_program() -> None:
    def program() -> None:
        pool = ThreadPoolExecutor(2)
        pool.submit(time.sleep, 3)
        keep.append(pool)

    keep: list[ThreadPoolExecutor] = []
    net = sim.Network()
    process = net.host("h1", "10.0.0.1/24").spawn(program)
    net.run()
    assert (process.exit_code, process.ended) == (0, 3_000_000_000)


def test_an_exception_in_a_thread_is_printed_and_ends_that_thread() -> None:
    def program() -> str:
        thread = threading.Thread(target=lambda: 1 / 0, name="poor")
        thread.start()
        thread.join()
        return "alive"

    net = sim.Network()
    process = net.host("h1", "10.0.0.1/24").spawn(program)
    net.run()
    assert process.result() == "alive"
    assert process.stderr.startswith("Exception in thread poor:\nTraceback")
    assert process.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_hook_hears_of_exceptions_in_threads_of_its_program() -> None:
    heard: list[object] = []
    before = threading.excepthook

    def program() -> None:
        threading.excepthook = lambda what: heard.append(what.exc_type)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    sim.Network().host("h1", "10.0.0.1/24").run(program)
    assert heard == [ZeroDivisionError]
    assert threading.excepthook is before


LOCK = threading.Lock()
REENTRANT = threading.RLock()
MEMORY = threading.local()


def test_locks_of_a_module_are_locks_between_its_programs_threads() -> None:
    inner = threading.Lock()

    def program() -> list[float]:
        times: list[float] = []

        def hold() -> None:
            for lock in (LOCK, REENTRANT, inner):
                with lock:
                    time.sleep(1)
                    times.append(time.monotonic())

        threads = [threading.Thread(target=hold) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times

    assert sim.Network().host("h1", "10.0.0.1/24").run(program) == [1, 2, 2, 3, 3, 4]
    assert LOCK.acquire(timeout=1)
    LOCK.release()


def test_local_data_of_a_module_is_kept_apart() -> None:
    MEMORY.word = "outside"

    def program(word: str) -> str:
        before = hasattr(MEMORY, "word")
        MEMORY.word = word
        time.sleep(1)
        return f"{before} {MEMORY.word}"

    net = sim.Network()
    host = net.host("h1", "10.0.0.1/24")
    processes = [host.spawn(program, word) for word in ("one", "two")]
    net.run()
    assert [process.result() for process in processes] == ["False one", "False two"]
    assert MEMORY.word == "outside"


def test_real_threads_beside_the_simulation_are_real() -> None:
    sim.Network().host("h1", "10.0.0.1/24").run(print)
    channel: queue.SimpleQueue[object] = queue.SimpleQueue()
    mine = Mine(3)
    mine.number = 4

    def work() -> None:
        channel.put((threading.current_thread() is not threading.main_thread(), mine.number))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [channel.get(), channel.get()] == [(True, 3), (True, 3)]
    assert mine.number == 4
    assert isinstance(channel, queue.SimpleQueue)
    assert isinstance(mine, threading.local)
