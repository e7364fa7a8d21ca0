"""asyncio: streams, servers, time, tasks, threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import socket
import sys
import tempfile
import threading
import time

from tests.userland.parity.outcome import Ready, tried


def echo_server(host: str, port: int, ready: Ready) -> None:
    done = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal done
        print(writer.get_extra_info("peername")[0] == host or True, writer.get_extra_info("sockname") == (host, port))
        print(type(writer.get_extra_info("socket")).__name__, writer.transport.is_closing(), writer.can_write_eof())
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        print("eof", reader.at_eof(), writer.is_closing())
        writer.close()
        await writer.wait_closed()
        done += 1
        if done == 2:
            stop.set()

    async def main() -> None:
        global stop  # noqa: PLW0603
        stop = asyncio.Event()
        server = await asyncio.start_server(serve, host, port)
        print(len(server.sockets), server.sockets[0].getsockname() == (host, port), server.is_serving())
        ready()
        async with server:
            await stop.wait()
        print(server.is_serving(), len(server.sockets))

    asyncio.run(main())


stop: asyncio.Event


def echo_client(host: str, port: int) -> None:
    async def talk(name: str) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.writelines([b"hello ", name.encode(), b"\n"])
        await writer.drain()
        line = await reader.readline()
        writer.write(b"no newline")
        writer.write_eof()
        rest = await reader.read()
        print(line, rest, reader.at_eof(), await reader.read(), writer.is_closing())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        await talk("one")
        await talk("two")

    asyncio.run(main())


def reading_server(host: str, port: int, ready: Ready) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (b"0123456789", b"until;the end", b"\n", b"x" * 100_000, b"short"):
            writer.write(part)
            await asyncio.sleep(0.02)
        writer.close()
        stop.set()

    async def main() -> None:
        global stop  # noqa: PLW0603
        stop = asyncio.Event()
        server = await asyncio.start_server(serve, host, port)
        ready()
        await stop.wait()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def reading_client(host: str, port: int) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection(host, port, limit=1000)
        print(await reader.readexactly(4), await reader.read(3), await reader.readuntil(b";"), await reader.readline())
        try:
            await reader.readline()
        except ValueError as error:
            print(type(error).__name__, str(error)[:20])
        try:
            while True:
                await reader.readexactly(50_000)
        except asyncio.IncompleteReadError as error:
            print(len(error.partial) < 50_000, error.expected)
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def refused_alone(host: str, port: int) -> None:
    async def main() -> None:
        for call in (asyncio.open_connection(host, port), asyncio.open_connection("no.such.host.invalid", port)):
            try:
                await call
            except OSError as error:
                print(type(error).__name__, error)
        server = await asyncio.start_server(lambda *_: None, host, port)
        try:
            await asyncio.start_server(lambda *_: None, host, port)
        except OSError as error:
            print(error.errno, str(error)[:60])
        server.close()
        await server.wait_closed()
        loop = asyncio.get_running_loop()
        print(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), await loop.getnameinfo((host, port), 3))

    asyncio.run(main())


def slow_server(host: str, port: int, ready: Ready) -> None:
    """A reader who does not read for a while."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        total = 0
        while data := await reader.read(65536):
            total += len(data)
        print(total)
        writer.close()
        stop.set()

    async def main() -> None:
        global stop  # noqa: PLW0603
        stop = asyncio.Event()
        async with await asyncio.start_server(serve, host, port, limit=1000):
            ready()
            await stop.wait()

    asyncio.run(main())


def slow_client(host: str, port: int) -> None:
    async def main() -> None:
        _, writer = await asyncio.open_connection(host, port)
        print(writer.transport.get_write_buffer_limits(), writer.transport.get_write_buffer_size())
        writer.write(b"x" * 20_000_000)
        print(writer.transport.get_write_buffer_size() > 65536)
        begin = time.monotonic()
        await writer.drain()
        print(time.monotonic() - begin > 0.2, writer.transport.get_write_buffer_size() <= 65536)
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def clocks_alone(host: str, port: int) -> None:
    async def wait(seconds: float, name: str) -> str:
        await asyncio.sleep(seconds)
        print(name)
        return name

    async def main() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        print(await asyncio.gather(wait(0.06, "slow"), wait(0.02, "fast"), wait(0.04, "middle")))
        print(f"{loop.time() - begin:.1f}", loop.time() >= begin + 0.06)
        try:
            async with asyncio.timeout(0.02):
                await asyncio.sleep(10)
        except TimeoutError as error:
            print("timeout", repr(error))
        try:
            await asyncio.wait_for(asyncio.sleep(10), 0.02)
        except TimeoutError:
            print("wait_for")
        order: list[int] = []
        for number in range(3):
            loop.call_later(0.03 - number / 100, order.append, number)
        loop.call_soon(order.append, 9)
        handle = loop.call_later(0.01, order.append, 77)
        handle.cancel()
        await asyncio.sleep(0.05)
        print(order, handle.cancelled())
        done, pending = await asyncio.wait(
            {asyncio.create_task(wait(0.01, "a")), asyncio.create_task(wait(9, "b"))},
            return_when=asyncio.FIRST_COMPLETED,
        )
        print(len(done), len(pending))

    asyncio.run(main())


def groups_alone(host: str, port: int) -> None:
    async def fail(seconds: float) -> None:
        await asyncio.sleep(seconds)
        raise ValueError("went wrong")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("cancelled")
            raise

    async def main() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(endless())
                group.create_task(fail(0.01))
        except* ValueError as errors:
            print(errors.exceptions)
        queue: asyncio.Queue[int] = asyncio.Queue(2)
        lock, condition = asyncio.Lock(), asyncio.Condition()

        async def produce() -> None:
            for number in range(5):
                await queue.put(number)
                async with lock, condition:
                    condition.notify()

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            print([await queue.get() for _ in range(5)])
        task = asyncio.create_task(endless(), name="mine")
        await asyncio.sleep(0)
        print(task.get_name(), task.cancel(), len(asyncio.all_tasks()))
        with contextlib.suppress(asyncio.CancelledError):
            await task
        raise KeyError("out of main")

    print(tried(asyncio.run, main()))
    print(tried(asyncio.get_running_loop))


def threads_alone(host: str, port: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.02)
        return number * number

    async def main() -> None:
        loop = asyncio.get_running_loop()
        print(await asyncio.gather(*[loop.run_in_executor(None, work, number) for number in range(3)]))
        print(await asyncio.to_thread(work, 9), threading.current_thread() is threading.main_thread())
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            print(await loop.run_in_executor(pool, work, 5))
        told: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=lambda: (time.sleep(0.02), loop.call_soon_threadsafe(told.set_result, "told")))
        thread.start()
        print(await told)
        thread.join()

        async def answer() -> str:
            await asyncio.sleep(0.01)
            return "from the loop"

        def ask() -> str:
            return asyncio.run_coroutine_threadsafe(answer(), loop).result(5)

        print(await asyncio.to_thread(ask))
        other = await asyncio.to_thread(asyncio.run, answer())
        print(other)

    asyncio.run(main())


def debug_alone(host: str, port: int) -> None:
    async def numbers() -> object:
        for number in range(3):
            yield number
            await asyncio.sleep(0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        print(loop.get_debug(), loop.slow_callback_duration, sys.get_coroutine_origin_tracking_depth() > 0)
        async for number in numbers():  # type: ignore[attr-defined]
            print(number)
            if number == 1:
                break

    asyncio.run(main(), debug=True)
    print(sys.get_asyncgen_hooks().firstiter, sys.get_coroutine_origin_tracking_depth())
    with asyncio.Runner() as runner:
        print(runner.run(asyncio.sleep(0.01, "ran")), runner.get_loop().is_running())
    print(tried(runner.run, None))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    print(loop.run_until_complete(asyncio.sleep(0, 5)), asyncio.get_event_loop() is loop)
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    loop.close()
    print(loop.is_closed(), tried(loop.call_soon, print))
    asyncio.set_event_loop(None)


def local_alone(host: str, port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline())[::-1])
        await writer.drain()
        writer.close()

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sock")
            server = await asyncio.start_unix_server(serve, path)
            print(server.sockets[0].getsockname() == path, os.path.exists(path))
            for _ in range(2):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(b"backwards\n")
                print(await reader.read(), writer.get_extra_info("peername") == path)
                writer.close()
                await writer.wait_closed()
            server.close()
            await server.wait_closed()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            try:
                await asyncio.open_unix_connection(path)
            except OSError as error:
                print(type(error).__name__)

    asyncio.run(main())


def files_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    ready()
    connection, _ = server.accept()
    data = b"".join(iter(lambda: connection.recv(65536), b""))
    print(len(data), data[:5], data[-5:])


def files_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryFile() as file:
            file.write(b"begin" + bytes(300_000) + b"finis")
            file.seek(0)
            _, writer = await asyncio.open_connection(host, port)
            await writer.drain()
            print(await loop.sendfile(writer.transport, file), file.tell())
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
