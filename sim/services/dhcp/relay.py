"""A relay agent (RFC 1542 4, RFC 3046), without I/O: it carries what clients broadcast to servers elsewhere, and back.

Towards the server: the address of the interface that the question came in by goes into `giaddr`, so that the server
knows the subnet, and `hops` grows by one. Towards the client: `giaddr` says by which interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.services.dhcp.replies import Addressee, to_client
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY

HOP_LIMIT: Final = 16  # RFC 1542 4.1.1: what has come by more relays goes in circles
CIRCUIT_ID: Final = 1  # RFC 3046 3.1
REMOTE_ID: Final = 2


@dataclass(frozen=True)
class Leg:
    """An interface whose clients are served: its name, the address there, the servers. With `agent_information` the
    server is told which interface it is (option 82)."""

    name: str
    address: bytes
    mac: bytes
    servers: tuple[bytes, ...]
    agent_information: bool = False


@dataclass(frozen=True)
class Forward:
    """Send a message on; `leg` is where it goes out, None where it is routed."""

    message: dhcpv4.Message
    to: Addressee
    leg: Leg | None = None


@dataclass(frozen=True)
class Discard:
    """It goes no further."""

    reason: str


def towards_server(message: dhcpv4.Message, leg: Leg) -> list[Forward | Discard]:
    """What becomes of a client's message that came in by `leg`."""
    if message.hops >= HOP_LIMIT:
        return [Discard("DHCP message went by too many relays")]
    giaddr, options = message.giaddr, message.options
    if giaddr == IPV4_ANY:
        if message.option(dhcpv4.RELAY_AGENT) is not None:  # RFC 3046 2.1: a client must not say where it is
            return [Discard("DHCP relay information from a client")]
        giaddr = leg.address
        if leg.agent_information:
            options = (*options, (dhcpv4.RELAY_AGENT, agent_information(leg)))
    onward = _copy(message, hops=message.hops + 1, giaddr=giaddr, options=options)
    return [Forward(onward, Addressee(server, dhcpv4.SERVER_PORT)) for server in leg.servers]


def towards_client(message: dhcpv4.Message, legs: list[Leg]) -> Forward | None:
    """What becomes of a server's answer; None if it is not for a client of ours."""
    for leg in legs:
        if message.giaddr == leg.address:
            options = message.options
            if leg.agent_information:  # RFC 3046 2.1: it is no business of the client
                options = tuple([option for option in options if option[0] != dhcpv4.RELAY_AGENT])
            onward = _copy(message, hops=message.hops, giaddr=message.giaddr, options=options)
            return Forward(onward, to_client(onward), leg)
    return None


def agent_information(leg: Leg) -> bytes:
    """The data of option 82: the interface's name and its MAC address."""
    name = leg.name.encode("ascii", "replace")
    return bytes((CIRCUIT_ID, len(name))) + name + bytes((REMOTE_ID, len(leg.mac))) + leg.mac


def _copy(message: dhcpv4.Message, *, hops: int, giaddr: bytes, options: tuple[dhcpv4.Option, ...]) -> dhcpv4.Message:
    return dhcpv4.Message(
        message.operation,
        message.xid,
        message.chaddr,
        options,
        hops=hops,
        secs=message.secs,
        flags=message.flags,
        ciaddr=message.ciaddr,
        yiaddr=message.yiaddr,
        siaddr=message.siaddr,
        giaddr=giaddr,
        sname=message.sname,
        file=message.file,
        hardware=message.hardware,
    )
