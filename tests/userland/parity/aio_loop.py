"""asyncio: time, tasks, what they wait for, and the loop itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from tests.userland.parity.outcome import Ready, tried


async def after(seconds: float, value: Any) -> Any:
    await asyncio.sleep(seconds)
    if isinstance(value, Exception):
        raise value
    return value


def limits_alone(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(loop.time() + 0.02) as scope:
                await asyncio.sleep(5)
        except TimeoutError:
            print("timeout_at", scope.expired())
        async with asyncio.timeout(0.01) as scope:
            scope.reschedule(loop.time() + 5)
            await asyncio.sleep(0.03)
            print(scope.expired(), scope.when() is not None)
        async with asyncio.timeout(None) as scope:
            print(scope.when(), await asyncio.wait_for(after(0, "in time"), None))
        try:
            async with asyncio.timeout(1), asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            print("the inner one")
        inner = asyncio.create_task(after(0.05, "shielded"))
        try:
            await asyncio.wait_for(asyncio.shield(inner), 0.01)
        except TimeoutError:
            print("not awaited any longer", inner.done(), await inner)
        print(loop.call_at(loop.time() + 5, print).when() > loop.time())

    asyncio.run(main())


def waiting_alone(host: str, port: int) -> None:
    async def main() -> None:
        error = ValueError("went wrong")
        print(await asyncio.gather(after(0.02, 1), after(0, error), after(0.01, 3), return_exceptions=True))
        try:
            await asyncio.gather(after(0.02, 1), after(0.01, error))
        except ValueError as caught:
            print("gather", caught)
        print([await one for one in asyncio.as_completed([after(0.06, "c"), after(0.0, "a"), after(0.03, "b")])])
        try:
            for one in asyncio.as_completed([after(5, 1), after(0, 2)], timeout=0.02):
                print(await one)
        except TimeoutError:
            print("as_completed is over")
        tasks = [asyncio.create_task(after(seconds, value)) for seconds, value in ((0.01, 1), (0.03, error), (5, 3))]
        for rule in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION):
            done, pending = await asyncio.wait(tasks, return_when=rule)
            print(rule, len(done), len(pending))
        done, pending = await asyncio.wait(tasks, timeout=0.01)
        print(len(done), len(pending), tasks[2].cancel(), await asyncio.gather(tasks[2], return_exceptions=True))
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(after(0.01, ValueError(number) if number else KeyError("none")))
        except* KeyError as keys:
            print(keys)
        except* ValueError as values:
            print([str(one) for one in values.exceptions])

    print(tried(asyncio.run, main()))


def meeting_alone(host: str, port: int) -> None:
    """Locks, events, conditions, semaphores, barriers and queues."""

    async def main() -> None:
        order: list[str] = []
        lock, event, condition = asyncio.Lock(), asyncio.Event(), asyncio.Condition()
        semaphore, barrier = asyncio.BoundedSemaphore(2), asyncio.Barrier(3)

        async def worker(name: str) -> None:
            await event.wait()
            async with lock:
                order.append(f"{name} has the lock")
                await asyncio.sleep(0.01)
            async with semaphore:
                order.append(f"{name} {semaphore.locked()}")
                await asyncio.sleep(0.01)
            async with condition:
                await condition.wait_for(lambda: len(order) >= 6)
                condition.notify_all()
            order.append(f"at the barrier {await barrier.wait() == 0}")

        tasks = [asyncio.create_task(worker(name)) for name in "xyz"]
        await asyncio.sleep(0)
        event.set()
        await asyncio.sleep(0.08)
        async with condition:
            condition.notify()
        await asyncio.gather(*tasks)
        print(order, barrier.n_waiting, barrier.broken, tried(semaphore.release))
        queue: asyncio.PriorityQueue[int] = asyncio.PriorityQueue(2)
        await queue.put(5)
        await queue.put(1)
        print(queue.full(), tried(queue.put_nowait, 3), await queue.get(), queue.get_nowait(), tried(queue.get_nowait))
        queue.task_done()
        queue.task_done()
        await queue.join()
        print(tried(queue.task_done))

    asyncio.run(main())


def generators_alone(host: str, port: int) -> None:
    """Asynchronous generators that nobody has finished are, when the loop ends."""

    async def numbers(name: str) -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
                await asyncio.sleep(0.001)
        finally:
            await asyncio.sleep(0.001)
            closed.append(name)

    kept: list[AsyncIterator[int]] = []
    closed: list[str] = []

    async def main() -> None:
        for name in ("one", "two"):
            generator = numbers(name)
            kept.append(generator)
            async for number in generator:
                if number == 2:
                    break
        async for number in numbers("forgotten"):
            if number == 1:
                break
        await asyncio.sleep(0.01)
        print("main ends", closed)

    asyncio.run(main())
    print(len(kept), sorted(closed))  # the order is that of addresses, but in a program here


def handlers_alone(host: str, port: int) -> None:
    """What goes wrong in a callback, in a task that nobody awaits, and in the handler itself."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        print(loop.get_exception_handler())

        def handler(_: Any, context: dict[str, Any]) -> None:
            print("handler", context["message"].partition(" ")[0], repr(context.get("exception")), sorted(context))

        loop.set_exception_handler(handler)
        loop.call_soon(lambda: 1 / 0)
        loop.call_later(0.01, int, "no number")
        await asyncio.sleep(0.02)
        task = asyncio.create_task(after(0, KeyError("nobody hears it")))
        await asyncio.sleep(0.01)
        del task
        await asyncio.sleep(0.01)
        loop.call_exception_handler({"message": "by hand"})
        print(tried(loop.set_exception_handler, "no function"))
        future = loop.create_future()
        future.add_done_callback(lambda done: print("done", done.result()))
        loop.call_soon_threadsafe(future.set_result, "from outside")
        await future
        print(tried(future.set_result, 1), tried(loop.run_forever), tried(loop.close))

    asyncio.run(main())


def debug_alone(host: str, port: int) -> None:
    """Debug mode finds calls from the wrong thread and coroutines that nobody awaits in time."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 5
        print(loop.get_debug(), await asyncio.to_thread(tried, loop.call_soon, print))
        print(tried(loop.call_soon, after), tried(loop.call_later, 1, 5))
        print(await after(0.01, "value"))

    asyncio.run(main(), debug=True)


def runners_alone(host: str, port: int) -> None:
    names: list[str] = []

    async def main(name: str) -> str:
        print([task.get_name() for task in (asyncio.current_task(), asyncio.create_task(after(0, 1))) if task])
        asyncio.create_task(endless(name), name=name)  # noqa: RUF006 - its end is what is looked at
        await asyncio.sleep(0.01)
        return name

    async def endless(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            names.append(f"{name} cancelled")

    print(asyncio.run(main("run")), names)
    with asyncio.Runner(debug=True) as runner:
        print(runner.run(main("one")), runner.run(main("two")), runner.get_loop().get_debug(), names)
    print(sorted(names), tried(runner.get_loop))

    async def nested() -> None:
        wrong = main("never")
        print(tried(asyncio.run, wrong))
        wrong.close()

    asyncio.run(nested())


def threads_alone(host: str, port: int) -> None:
    """A loop in a thread of its own, which other threads give work to."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    futures = [asyncio.run_coroutine_threadsafe(after(0.01 * number, number), loop) for number in range(3)]
    print([future.result(5) for future in futures])
    slow = asyncio.run_coroutine_threadsafe(after(1000, "never"), loop)
    print(tried(slow.result, 0.02), slow.cancel())
    print(tried(asyncio.run_coroutine_threadsafe(after(0, ValueError("there")), loop).result))
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(lambda *_: None, host, port), loop).result()
    with socket.create_connection((host, port)) as sock:
        print(sock.getpeername() == (host, port))
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    print(loop.is_running(), loop.is_closed())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def signals_alone(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[str] = asyncio.Queue()
        for number in (signal.SIGTERM, signal.SIGUSR1):
            loop.add_signal_handler(number, heard.put_nowait, number.name)
        loop.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)
        loop.call_later(0.03, os.kill, os.getpid(), signal.SIGTERM)
        print(await heard.get(), await heard.get())
        print(loop.remove_signal_handler(signal.SIGTERM), loop.remove_signal_handler(signal.SIGTERM))
        print(tried(loop.add_signal_handler, signal.SIGKILL, print), tried(loop.add_signal_handler, 1000, print))

    asyncio.run(main())


def two_server(host: str, port: int, ready: Ready) -> None:
    """Blocking code in an executor beside the loop that serves."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        number = int(await reader.readline())
        writer.write(b"%d\n" % await loop.run_in_executor(None, square, number))
        writer.close()
        await writer.wait_closed()
        over.append(True)

    over: list[bool] = []

    async def main() -> None:
        async with await asyncio.start_server(serve, host, port):
            ready()
            while len(over) < 3:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def square(number: int) -> int:
    time.sleep(0.01)
    return number * number


def two_client(host: str, port: int) -> None:
    async def ask(number: int) -> bytes:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"%d\n" % number)
        answer = await reader.read()
        writer.close()
        return answer

    async def main() -> None:
        print(await asyncio.gather(*[ask(number) for number in (3, 4, 5)]))

    asyncio.run(main())


def streams_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    ready()
    connection, _ = server.accept()
    for part in (b"one|two||three", b"|" + b"y" * 1200 + b"|", b"rest"):
        connection.sendall(part)
        time.sleep(0.05)
    connection.close()


def streams_client(host: str, port: int) -> None:
    """Each way to read, and each way in which it can end."""

    async def until(reader: asyncio.StreamReader, separator: bytes) -> object:
        try:
            return await reader.readuntil(separator)
        except asyncio.IncompleteReadError as error:
            return f"incomplete {error.partial!r} {error.expected}"
        except asyncio.LimitOverrunError as error:
            return f"{error} {error.consumed}"

    async def main() -> None:
        reader, writer = await asyncio.open_connection(host, port, limit=700)
        print(await until(reader, b"|"), await until(reader, b"||"), await reader.read(2), await until(reader, b"|"))
        await asyncio.sleep(0.15)
        print(await until(reader, b"|"), len(await reader.readexactly(1201)))
        print(reader.at_eof(), await reader.read(0), await until(reader, b"\n"), reader.at_eof())
        print(await until(reader, b"\n"), await reader.read(), await reader.readline())
        try:
            await reader.readexactly(3)
        except asyncio.IncompleteReadError as error:
            print(error.partial, error.expected)
        print(tried(reader.feed_data, b"late")[:14], reader.exception())
        writer.close()
        print(writer.is_closing(), await asyncio.gather(writer.wait_closed(), writer.drain(), return_exceptions=True))

    asyncio.run(main())
