"""The only edge with the real world: virtual time held to the wall clock, and doors through which it comes and goes.

    with sim.bridge("lab.yaml") as bridge:           # the network, in real time, in a thread of its own
        requests.get(bridge.url("web", 80))

May import engine, links, userland and lab. Start with `realtime.py`, which paces an engine and watches its doors.
`session.py` is the bridged network; `published.py` shows its ports on loopback, `outward.py` leads others to real
servers, `relay.py` and `datagrams.py` carry what goes over them, `control.py` takes commands meanwhile. In
`segments.py` the cable of a port ends in a TAP device of the Linux kernel (`tap.py`), or in a VXLAN tunnel.
`execution.py` runs a real program as if on a host: in a network namespace (`namespace.py`, `host_settings.py`,
`seat.py`) or at proxies (`proxied.py`), as the system allows (`modes.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.bridge.session import Bridge


def open_bridge(path: str | Path, *, seed: int | None = None, speed: float = 1.0, **settings: Any) -> Bridge:
    """The network of a topology file, to be run in real time: a context manager (see `session.Bridge`).

    `settings` are the fields of `session.Settings`. Raises TopologyError, BridgeError.
    """
    from sim.bridge.session import Bridge, Settings

    return Bridge(path, Settings(**settings), seed=seed, speed=speed)


class _Callable(ModuleType):
    """This package is also the function that opens a bridge: `sim.bridge("lab.yaml")`."""

    def __call__(self, *arguments: Any, **named: Any) -> Bridge:
        return open_bridge(*arguments, **named)


sys.modules[__name__].__class__ = _Callable
