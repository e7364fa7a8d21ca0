"""Sets of what programs most often have sets of are in the order of numbers, which repeats, and not of addresses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import sim

MANY = 50


def host() -> sim.Host:
    return sim.Network(seed=1).host("h1", "10.0.0.1/24")


def test_a_run_of_asyncio_cancels_its_tasks_in_the_order_in_which_they_began() -> None:
    ended: list[int] = []

    async def waits(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def main() -> None:
        kept = [asyncio.create_task(waits(number)) for number in range(MANY)]
        await asyncio.sleep(1)
        assert len({*kept}) == MANY
        assert all(isinstance(task, asyncio.Task) for task in kept)

    host().run(main)
    assert ended == list(range(MANY))


def test_a_pool_joins_its_threads_in_the_order_in_which_they_began() -> None:
    def program() -> list[str]:
        pool = ThreadPoolExecutor(MANY)
        list(pool.map(time.sleep, [1] * MANY))
        pool.shutdown()
        return [thread.name for thread in pool._threads]

    names = host().run(program)
    assert names == [f"ThreadPoolExecutor-0_{number}" for number in range(MANY)]


def test_sockets_are_in_the_order_in_which_they_were_put_into_a_set() -> None:
    def program() -> bool:
        opened = [socket.socket() for _ in range(MANY)]
        return list(set(opened)) == opened

    assert host().run(program)


def test_writers_and_transports_are_numbered_as_they_are_put_into_a_set() -> None:
    async def program() -> tuple[list[int], list[int]]:
        made: list[asyncio.StreamWriter] = []
        known: set[asyncio.StreamWriter] = set()
        transports: set[asyncio.BaseTransport] = set()

        async def welcome(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            made.append(writer)
            known.add(writer)
            transports.add(writer.transport)

        async with await asyncio.start_server(welcome, "10.0.0.1", 80):
            for _ in range(MANY):
                await asyncio.open_connection("10.0.0.1", 80)
            await asyncio.sleep(1)
        return [hash(writer) for writer in made], [hash(writer.transport) for writer in made]

    for numbers in host().run(program):
        assert len(numbers) == MANY
        assert numbers == sorted(set(numbers))
        assert numbers[-1] < MANY * 20


def test_a_hash_stays_what_it_was() -> None:
    outside = threading.Thread()
    known = {outside: "outside"}

    def program() -> tuple[str, dict[threading.Thread, str]]:
        inside = threading.Thread()
        return known[outside], {inside: "inside"}

    found, theirs = host().run(program)
    assert found == "outside"
    (inside,) = theirs
    assert theirs[inside] == "inside"


def test_a_task_looks_like_one() -> None:
    async def main() -> str:
        task = asyncio.create_task(asyncio.sleep(0), name="mine")
        with contextlib.suppress(TypeError):
            asyncio.get_running_loop().create_task(3)  # type: ignore[arg-type]
        return f"{repr(task).partition(' coro')[0]} {type(task).__name__} {type(task).__module__}"

    assert host().run(main) == "<Task pending name='mine' Task _asyncio"
