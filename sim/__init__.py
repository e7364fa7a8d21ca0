"""packetsim: a network in a file. Real frames, virtual time, and every hop explained.

    report = sim.run("topologies/office.yaml")
    net = sim.load("topologies/office.yaml")
    net = sim.Network(seed=7)

The names are imported when they are first used, so that `import sim` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.bridge import open_bridge as bridge
    from sim.devices.device import Device
    from sim.errors import SimError, TopologyError, WireError
    from sim.lab.api import load, run
    from sim.lab.crafting import inspect
    from sim.lab.network import Network
    from sim.lab.seeds import test
    from sim.links.rules import PASS, Deliver, Drop, Pass

__version__ = "0.1.0"

_HOMES = {
    "Deliver": "sim.links.rules",
    "Device": "sim.devices.device",
    "Drop": "sim.links.rules",
    "Network": "sim.lab.network",
    "PASS": "sim.links.rules",
    "Pass": "sim.links.rules",
    "SimError": "sim.errors",
    "TopologyError": "sim.errors",
    "WireError": "sim.errors",
    "inspect": "sim.lab.crafting",
    "load": "sim.lab.api",
    "run": "sim.lab.api",
    "test": "sim.lab.seeds",
}

__all__ = [
    "PASS",
    "Deliver",
    "Device",
    "Drop",
    "Network",
    "Pass",
    "SimError",
    "TopologyError",
    "WireError",
    "bridge",
    "inspect",
    "load",
    "run",
    "test",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name == "bridge":
        return importlib.import_module("sim.bridge")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
