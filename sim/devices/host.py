"""A host: an IP stack that keeps what is for it and forwards nothing (RFC 1122).

1. A frame comes in. Is its destination MAC address ours, broadcast, or of a group we joined? If not, ignore it.
2. ARP: answer when the question is about us, learn the answer when we asked.
3. IPv4: is it for an address of ours? A host is no router: drop what is not. Put fragments together first.
4. ICMP, UDP: to the program that waits for it, or back with an ICMP error.

Sending goes the other way: is the destination on our subnet (compare the bits under the mask)? Then it is the next
hop itself, else the gateway is. The next hop's MAC address comes from ARP; the packet waits until it is known.
All of it happens in `sim/stack/`; a host is a stack with ports.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.devices.node import IpNode
from sim.engine.engine import Engine
from sim.tracing.recorder import Recorder


@mypyc_attr(allow_interpreted_subclasses=True)
class Host(IpNode):
    """An end system."""

    def __init__(self, engine: Engine, name: str, recorder: Recorder, record: bool) -> None:
        super().__init__(engine, name, "host", recorder, record)
