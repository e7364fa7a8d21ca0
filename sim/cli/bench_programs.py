"""The workload `programs` of `sim bench`: what programs cost, beside plain asyncio in the same process.

Steps are callbacks that asyncio's loop runs. In an echo over a socket pair there are four of them for each round trip:
both ends hear of data, and both coroutines go on. In a sleep there are two: its time has come, and the coroutine goes
on. Plain asyncio is measured first, before anything is put in place of what CPython has.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.lab.seeds import test
from sim.views.text import Line

NAME: Final = "programs"
PORT: Final = 7  # RFC 862
STEPS: Final = 50_000
TRIPS: Final = 5_000
STEPS_PER_TRIP: Final = 4
STEPS_PER_SLEEP: Final = 2
SECONDS: Final = 3600
SEEDS: Final = 200
SITES: Final = 11  # of 91 hosts: one that serves, and a thousand
PER_SITE: Final = 91

Program = Callable[..., Coroutine[Any, Any, Any]]


def measure(scale: float, runs: int) -> dict[str, float]:
    """Medians: microseconds of CPU for a step and a round trip, plain and simulated; seconds for the rest."""
    steps, trips = max(1, round(STEPS * scale)), max(1, round(TRIPS * scale))
    found = {
        "step_plain_us": _median(runs, lambda: _plain(chain, steps)) / steps * 1e6,
        "sleep_plain_us": _median(runs, lambda: _plain(naps, trips)) / trips * 1e6,
        "echo_plain_us": _median(runs, lambda: _plain(echo_pair, trips)) / trips * 1e6,
    }
    _simulated(chain, 1)  # what CPython has is exchanged now
    found["step_us"] = _median(runs, lambda: _simulated(chain, steps)) / steps * 1e6
    found["sleep_us"] = _median(runs, lambda: _simulated(naps, trips)) / trips * 1e6
    found["echo_us"] = _median(runs, lambda: _simulated(echo_pair, trips)) / trips * 1e6
    found["echo_tcp_us"] = _median(runs, lambda: _between_hosts(trips)) / trips * 1e6
    found["hour_of_sleeps_s"] = _median(runs, lambda: _simulated(sleeps, max(1, round(SECONDS * scale))))
    found["200_seeds_s"] = _median(runs, lambda: _many_seeds(max(1, round(SEEDS * scale))))
    found["1000_programs_s"] = _median(runs, lambda: _many_programs(max(2, round(PER_SITE * scale))))
    return found


def lines(figures: dict[str, float]) -> list[Line]:
    """The figures for people."""
    step, plain = figures["step_us"], figures["step_plain_us"]
    echo, echo_plain = figures["echo_us"], figures["echo_plain_us"]
    between = (echo - echo_plain) / STEPS_PER_TRIP
    nap, nap_plain = figures["sleep_us"], figures["sleep_plain_us"]
    sleeping, seeds, many = (figures[name] for name in ("hour_of_sleeps_s", "200_seeds_s", "1000_programs_s"))
    texts = [
        f"asyncio step {step:.1f} us, plain {plain:.1f} us: {step - plain:+.1f} us",
        f"a sleep {nap:.1f} us, plain {nap_plain:.1f} us: {(nap - nap_plain) / STEPS_PER_SLEEP:+.1f} us a step",
        f"echo over a socket pair {echo:.1f} us, plain {echo_plain:.1f} us: {between:+.1f} us a step",
        f"echo over TCP between two hosts {figures['echo_tcp_us']:.0f} us, with its packets",
        f"an hour of sleeps {sleeping:.2f} s   200 seeds {seeds:.2f} s   1,000 programs and a server {many:.2f} s",
    ]
    return [[(f"{NAME if number == 0 else '':<8} ", "name"), (text, "")] for number, text in enumerate(texts)]


# -- programs


async def chain(steps: int) -> None:
    """Callbacks, each of which asks for the next."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = steps

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            done.set_result(None)

    loop.call_soon(step)
    await done


async def echo_pair(trips: int) -> None:
    """Round trips over a socket pair."""
    ends = [await asyncio.open_connection(sock=sock) for sock in socket.socketpair()]
    answering = asyncio.create_task(answer(*ends[1]))
    await talk(*ends[0], trips)
    await answering


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An echo server's connection (RFC 862)."""
    while data := await reader.read(100):
        writer.write(data)
    writer.close()
    await writer.wait_closed()


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trips: int) -> None:
    """An echo client's."""
    for _ in range(trips):
        writer.write(b"twenty bytes of data")
        await reader.readexactly(20)
    writer.close()
    await writer.wait_closed()


async def serve(clients: int) -> None:
    """An echo server that ends after so many clients."""
    gone = 0
    over = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal gone
        await answer(reader, writer)
        gone += 1
        if gone == clients:
            over.set()

    async with await asyncio.start_server(take, "", PORT, backlog=clients):
        await over.wait()


async def visit(server: str, trips: int) -> bool:
    """An echo client; True when all has come back."""
    await asyncio.sleep(0.01)
    await talk(*await asyncio.open_connection(server, PORT), trips)
    return True


async def naps(count: int) -> None:
    """So many microseconds, one by one."""
    for _ in range(count):
        await asyncio.sleep(1e-6)


async def sleeps(count: int) -> None:
    """So many seconds, one by one."""
    for _ in range(count):
        await asyncio.sleep(1)


# -- how long they take, in seconds of CPU


def _median(runs: int, once: Callable[[], float]) -> float:
    return statistics.median(once() for _ in range(runs))


def _timed(call: Callable[[], Any]) -> float:
    gc.collect()
    begin = time.process_time()
    call()
    return time.process_time() - begin


def _plain(program: Program, count: int) -> float:
    return _timed(lambda: asyncio.run(program(count)))


def _simulated(program: Program, count: int) -> float:
    host = Network(seed=1, record=False).host("h1", ip="10.0.0.1/24")
    return _timed(lambda: host.run(program, count))


def _between_hosts(trips: int) -> float:
    return _timed(lambda: _ask(Network(seed=1, record=False), trips))


def _many_seeds(count: int) -> float:
    return _timed(test(seeds=count)(_small))


def _small(net: Network) -> None:
    _ask(net, 5)


def _ask(net: Network, trips: int) -> None:
    client, server = net.host("client", ip="10.0.0.1/24"), net.host("server", ip="10.0.0.2/24")
    net.link(client, server, bandwidth="100Mbps", delay="1ms")
    _run(net, [client], server, trips)


def _many_programs(per_site: int) -> float:
    net = Network(seed=1, record=False)
    server, *clients = net.generate("star", sites=SITES, hosts=per_site)
    return _timed(lambda: _run(net, clients, server, 1))


def _run(net: Network, clients: list[LabHost], server: LabHost, trips: int) -> None:
    server.spawn(serve, len(clients))
    asking = [client.spawn(visit, server.name, trips) for client in clients]
    net.run()
    if not all(process.result() for process in asking):
        raise RuntimeError(f"{NAME}: not all have got their answer")
