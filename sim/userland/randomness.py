"""Randomness of a program: from the network's seed, so that a run repeats itself."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Final

from sim.userland.guest_socket import process_of
from sim.userland.tasks import current

NAMES: Final = [
    "betavariate",
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
    "binomialvariate",
]


def urandom(real: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """`os.urandom`, and all that is built on it: `secrets`, `uuid.uuid4`, `random.SystemRandom`."""

    def draw(size: int, /) -> bytes:
        task = current()
        return real(size) if task is None else process_of(task).entropy(size)

    draw.__name__ = draw.__qualname__ = "urandom"
    return draw


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


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    draw = urandom(os.urandom)
    found: list[tuple[Any, str, Any]] = [(os, "urandom", draw), (random, "_urandom", draw)]
    found += [(random, name, _shared(name, getattr(random, name))) for name in NAMES if hasattr(random, name)]
    found.append((random.Random, "seed", _seed(random.Random.seed)))
    if hasattr(os, "getrandom"):
        found.append((os, "getrandom", lambda size, flags=0: draw(size)))
    return found
