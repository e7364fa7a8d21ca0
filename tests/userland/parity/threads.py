"""Threads, what they wait for, queues, and pools of threads."""

from __future__ import annotations

import concurrent.futures
import contextvars
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.userland.parity.outcome import tried


def elapsed(begin: float) -> str:
    return f"{time.monotonic() - begin:.1f}"


def started(target: Callable[..., Any], *args: Any, **named: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, **named)
    thread.start()
    return thread


def threads_alone(host: str, port: int) -> None:
    main = threading.current_thread()
    print(main.name, main is threading.main_thread(), main.daemon, main.is_alive(), main.ident == threading.get_ident())
    seen: list[Any] = []

    def work(number: int, *, word: str = "") -> None:
        own = threading.current_thread()
        seen.append((number, word, own.name, own.daemon, own.ident == threading.get_ident(), own.native_id is not None))
        time.sleep(0.05)

    one = threading.Thread(target=work, args=(1,), kwargs={"word": "x"})
    print(one.name, one.ident, one.is_alive(), one.native_id, tried(one.join), one.daemon)
    one.start()
    print(
        one.is_alive(),
        tried(one.start),
        threading.active_count(),
        len(threading.enumerate()),
        one in threading.enumerate(),
    )
    print(one.join(0.01), one.is_alive(), tried(setattr, one, "daemon", True), one.join(), one.is_alive(), one.join())
    other = threading.Thread(target=work, args=(2,), name="named", daemon=True)
    other.start()
    other.join()
    print(
        seen,
        threading.active_count(),
        repr(threading.get_native_id() > 0),
        tried(main.join),
        tried(threading.Thread, 5),
    )
    one.name = "renamed"
    print(one.name, tried(one.start), threading.stack_size())


def inherited_alone(host: str, port: int) -> None:
    class Own(threading.Thread):
        def run(self) -> None:
            self.result = threading.current_thread() is self

    own = Own()
    own.start()
    own.join()
    print(own.result, own.name)
    failures: list[Any] = []

    def note(args: Any) -> None:
        failures.append((args.exc_type, str(args.exc_value), args.thread.name))

    threading.excepthook = note
    started(lambda: 1 / 0, name="fails").join()
    print(failures)
    threading.excepthook = threading.__excepthook__
    started(exit).join()
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("v", default=0)
    variable.set(5)
    found: list[int] = []
    started(lambda: found.append(variable.get())).join()
    print(found)


def local_alone(host: str, port: int) -> None:
    class Mine(threading.local):
        def __init__(self, first: int = 7) -> None:
            self.first = first

    plain, mine = threading.local(), Mine(8)
    plain.value = "main"
    found: list[Any] = []

    def look() -> None:
        found.append((hasattr(plain, "value"), mine.first, tried(lambda: plain.value)))
        plain.value, mine.first = "thread", 9

    started(look).join()
    started(look).join()
    print(found, plain.value, mine.first, plain.__dict__)


def locks_alone(host: str, port: int) -> None:
    lock = threading.Lock()
    print(lock.acquire(), lock.locked(), lock.acquire(False), lock.acquire(timeout=0.01), tried(lock.acquire, False, 1))
    begin = time.monotonic()
    threading.Timer(0.1, lock.release).start()
    print(lock.acquire(timeout=5), elapsed(begin), lock.release(), tried(lock.release), tried(lock.acquire, True, -5))
    with lock:
        print(lock.locked())
    again = threading.RLock()
    with again, again:
        found: list[Any] = []
        started(lambda: found.append((again.acquire(blocking=False), tried(again.release)))).join()
        print(found, again.acquire(timeout=1), again.release())
    print(tried(again.release), tried(again.acquire, False, 1))


def conditions_alone(host: str, port: int) -> None:
    condition = threading.Condition()
    ready: list[Any] = []
    print(tried(condition.wait), tried(condition.notify), tried(condition.notify_all))
    with condition:
        print(condition.wait(0.01), condition.wait_for(lambda: False, 0.01), condition.wait_for(lambda: 5, 0.01))

    def wait(number: int) -> None:
        with condition:
            if condition.wait_for(lambda: ready, 5):
                ready.append(number)

    threads = [started(wait, number) for number in range(3)]
    time.sleep(0.05)
    with condition:
        ready.append("go")
        condition.notify()
        condition.notify_all()
    for thread in threads:
        thread.join()
    print(sorted(map(str, ready)))
    plain = threading.Condition(threading.Lock())
    print(plain.acquire(), plain.acquire(blocking=False), plain.release(), tried(plain.release))


def events_alone(host: str, port: int) -> None:
    event = threading.Event()
    print(event.is_set(), event.wait(0.05), event.wait(0), event.set(), event.wait(), event.is_set(), event.clear())
    begin = time.monotonic()
    threading.Timer(0.12, event.set).start()
    print(event.wait(5), elapsed(begin))
    timer = threading.Timer(0.05, print, ("the timer",), {})
    cancelled = threading.Timer(0.05, print, ("never",))
    timer.start()
    cancelled.start()
    cancelled.cancel()
    timer.join()
    cancelled.join()
    print(timer.is_alive(), timer.finished.is_set(), cancelled.finished.is_set())


def semaphores_alone(host: str, port: int) -> None:
    semaphore = threading.Semaphore(2)
    print(
        semaphore.acquire(), semaphore.acquire(timeout=0.01), semaphore.acquire(False), semaphore.acquire(timeout=0.01)
    )
    threading.Timer(0.05, semaphore.release, (2,)).start()
    with semaphore:
        print(semaphore.acquire(blocking=False), semaphore.acquire(blocking=False))
    bounded = threading.BoundedSemaphore()
    print(tried(bounded.release), tried(threading.Semaphore, -1), tried(semaphore.release, 0))
    print(tried(semaphore.acquire, False, 1))


def barriers_alone(host: str, port: int) -> None:
    done: list[str] = []
    barrier = threading.Barrier(3, action=lambda: done.append("all here"))
    print(barrier.parties, barrier.n_waiting, barrier.broken)
    places: list[int] = []
    threads = [started(lambda: places.append(barrier.wait(5))) for _ in range(2)]
    time.sleep(0.02)
    print(barrier.n_waiting)
    places.append(barrier.wait())
    for thread in threads:
        thread.join()
    print(sorted(places), done, tried(barrier.wait, 0.01), barrier.broken, tried(barrier.wait), barrier.reset())
    thread = started(lambda: done.append(tried(barrier.wait)))
    time.sleep(0.02)
    barrier.abort()
    thread.join()
    print(done, barrier.broken)


def queues_alone(host: str, port: int) -> None:
    kinds: tuple[Any, ...] = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
    for kind in kinds:
        line = kind(3)
        for item in (3, 1, 2):
            line.put(item)
        print(kind.__name__, line.full(), line.qsize(), tried(line.put, 4, timeout=0.01), tried(line.put_nowait, 5))
        print([line.get() for _ in range(3)], line.empty(), tried(line.get_nowait), tried(line.get, True, 0.01))
        print(tried(line.get, False), tried(line.get, timeout=-1), [line.task_done() for _ in range(3)], line.join())
        print(tried(line.task_done))
    simple: Any = queue.SimpleQueue()
    simple.put("a")
    simple.put_nowait("b")
    print(simple.qsize(), simple.get(), simple.get_nowait(), simple.empty(), tried(simple.get, timeout=0.01))
    print(tried(simple.get_nowait), tried(simple.get, timeout=-1))
    begin = time.monotonic()
    threading.Timer(0.1, simple.put, ("late",)).start()
    print(simple.get(timeout=5), elapsed(begin))
    line = queue.Queue(1)
    results: list[int] = []

    def work() -> None:
        while (item := line.get()) is not None:
            results.append(item * item)
            line.task_done()
        line.task_done()

    thread = started(work)
    for work_item in (1, 2, 3, None):
        line.put(work_item)
    line.join()
    thread.join()
    print(results)


def pools_alone(host: str, port: int) -> None:
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2, thread_name_prefix="w", initializer=int) as pool:
        print(list(pool.map(lambda a, b: a + b, [1, 2], [3, 4])), pool.submit(pow, 2, 5).result())
        slow = pool.submit(time.sleep, 0.5)
        time.sleep(0.05)
        print(slow.running(), slow.done(), slow.cancel(), tried(slow.result, 0.01), tried(slow.exception, timeout=0.01))
        other, waits = pool.submit(time.sleep, 0.5), pool.submit(print, "never")
        time.sleep(0.05)
        print(waits.cancel(), waits.cancelled(), tried(waits.result), waits.done(), other.running())
        fails = pool.submit(int, "x")
        print(tried(fails.result), repr(fails.exception()), elapsed(begin))
        fails.add_done_callback(lambda future: print("called", future is fails))
        print(tried(lambda: list(pool.map(int, ["1", "x"]))))
        print(tried(lambda: list(pool.map(time.sleep, [0.2], timeout=0.05))))
        print(pool.submit(lambda: threading.current_thread().name).result()[:2])
    print(tried(pool.submit, int), tried(concurrent.futures.ThreadPoolExecutor, 0))


def waiting_alone(host: str, port: int) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(4)
    futures = [pool.submit(time.sleep, seconds) for seconds in (0.2, 0.05, 0.1)]
    done, left = concurrent.futures.wait(futures, timeout=5, return_when=concurrent.futures.FIRST_COMPLETED)
    print(len(done), len(left), [futures.index(each) for each in concurrent.futures.as_completed(futures)])
    print([len(each) for each in concurrent.futures.wait(futures)])
    bad: Any = pool.submit(int, "x")
    sleeper: Any = pool.submit(time.sleep, 0.3)
    kind = concurrent.futures.FIRST_EXCEPTION
    print([len(each) for each in concurrent.futures.wait([bad, sleeper], return_when=kind)])
    print(tried(lambda: list(concurrent.futures.as_completed([sleeper], timeout=0.01))))
    pool.shutdown(wait=False, cancel_futures=True)
    print(tried(pool.submit, int), sleeper.result())
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    threading.Timer(0.05, future.set_result, (5,)).start()
    print(future.set_running_or_notify_cancel(), future.result(5), tried(future.set_result, 6).split(":")[0])
    future = concurrent.futures.Future()
    future.set_exception(ValueError("own"))
    print(tried(future.result), future.done(), future.cancelled())
