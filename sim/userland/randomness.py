"""Randomness of a program: from the network's seed, so that a run repeats itself.

`secrets`, `uuid.uuid4` and `random.SystemRandom` are built on `os.urandom`. OpenSSL's own randomness cannot be seeded.
"""

from __future__ import annotations

import os
import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from sim.userland.clocks import START, now_ns
from sim.userland.guest_socket import process_of
from sim.userland.process import Process
from sim.userland.tasks import current

SHARED: Final = (
    "betavariate",
    "binomialvariate",
    "choice",
    "choices",
    "expovariate",
    "gammavariate",
    "gauss",
    "getrandbits",
    "getstate",
    "lognormvariate",
    "normalvariate",
    "paretovariate",
    "randbytes",
    "randint",
    "random",
    "randrange",
    "sample",
    "seed",
    "setstate",
    "shuffle",
    "triangular",
    "uniform",
    "vonmisesvariate",
    "weibullvariate",
)
UUID_EPOCH: Final = 0x01B21DD213814000
"""100 ns intervals from 1582-10-15, where UUIDs begin, to 1970 (RFC 9562 5.1)."""


def urandom(real: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """`os.urandom`."""

    def draw(size: int, /) -> bytes:
        task = current()
        return real(size) if task is None else process_of(task).entropy(size)

    draw.__name__ = draw.__qualname__ = "urandom"
    return draw


def getrandom(draw: Callable[[int], bytes]) -> Callable[..., bytes]:
    """`os.getrandom`."""

    def get(size: int, _flags: int = 0) -> bytes:
        return draw(size)

    return get


def _shared(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the module `random`: every program has a generator of its own."""

    def draw(*arguments: Any, **named: Any) -> Any:
        task = current()
        if task is None:
            return real(*arguments, **named)
        return getattr(process_of(task).random, name)(*arguments, **named)

    draw.__name__ = draw.__qualname__ = name
    return draw


def _seed(real: Callable[..., None]) -> Callable[..., None]:
    """`Random.seed` without a seed takes one from `os.urandom`."""

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        task = current()
        if a is None and task is not None:
            a = int.from_bytes(process_of(task).entropy(32), "big")
        real(self, a, version)

    return seed


def getnode(real: Callable[[], int]) -> Callable[[], int]:
    """`uuid.getnode`: the MAC address of the program's host."""

    def get() -> int:
        task = current()
        return real() if task is None else _mac_of(process_of(task))

    get.__name__ = get.__qualname__ = "getnode"
    return get


def _mac_of(process: Process) -> int:
    for interface in process.host.stack.interfaces:
        if not interface.loopback:
            return int.from_bytes(interface.mac, "big")
    return int.from_bytes(process.entropy(6), "big") | 1 << 40  # the multicast bit marks one that is no address


def uuid1(real: Callable[..., uuid.UUID]) -> Callable[..., uuid.UUID]:
    """`uuid.uuid1`: the host's address and the virtual time (RFC 9562 5.1)."""

    def make(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
        task = current()
        if task is None:
            return real(node, clock_seq)
        process = process_of(task)
        moment = (now_ns(task) + START * 1_000_000_000) // 100 + UUID_EPOCH
        moment = process.last_uuid_time = max(moment, process.last_uuid_time + 1)
        if clock_seq is None:
            clock_seq = int.from_bytes(process.entropy(2), "big") & 0x3FFF
        return uuid.UUID(
            fields=(
                moment & 0xFFFF_FFFF,
                moment >> 32 & 0xFFFF,
                moment >> 48 & 0x0FFF,
                clock_seq >> 8 & 0x3F,
                clock_seq & 0xFF,
                _mac_of(process) if node is None else node,
            ),
            version=1,
        )

    make.__name__ = make.__qualname__ = "uuid1"
    return make


def candidate_names(real: Callable[[], Iterator[str]]) -> Callable[[], Iterator[str]]:
    """The names that `tempfile` tries, one after another."""

    def names() -> Iterator[str]:
        task = current()
        if task is None:
            return real()
        process = process_of(task)
        if process.temporary_names is None:
            process.temporary_names = _random_names(random.Random(process.entropy(16)))
        return process.temporary_names

    return names


def _random_names(generator: random.Random) -> Iterator[str]:
    while True:
        yield "".join(generator.choices("abcdefghijklmnopqrstuvwxyz0123456789_", k=8))


def gettempdir(real: Callable[[], Any]) -> Callable[[], Any]:
    """The folder of `tempfile`: a program has its host's."""

    def folder() -> Any:
        task = current()
        return real() if task is None else process_of(task).sockets.scratch.folder()

    return folder


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    tempfile.gettempdir()  # the first time it tries names: that must not be the affair of the first program
    draw = urandom(os.urandom)
    temporary: Any = tempfile
    found: list[tuple[Any, str, Any]] = [(os, "urandom", draw), (random, "_urandom", draw)]
    found += [(random, name, _shared(name, getattr(random, name))) for name in SHARED if hasattr(random, name)]
    found += [
        (random.Random, "seed", _seed(random.Random.seed)),
        (uuid, "getnode", getnode(uuid.getnode)),
        (uuid, "uuid1", uuid1(uuid.uuid1)),
        (tempfile, "_get_candidate_names", candidate_names(temporary._get_candidate_names)),
        (tempfile, "_gettempdir", gettempdir(temporary._gettempdir)),
    ]
    if hasattr(os, "getrandom"):
        found.append((os, "getrandom", getrandom(draw)))
    return found
