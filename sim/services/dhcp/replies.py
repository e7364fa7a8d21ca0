"""What a server's answer looks like, and whom it goes to (RFC 2131 4.1 and table 3)."""

from __future__ import annotations

from dataclasses import dataclass

from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST


@dataclass(frozen=True)
class Addressee:
    """Where an answer goes. With a `mac` it goes out of the interface that the question came in by, to that station;
    without, it is routed."""

    address: bytes
    port: int
    mac: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """An answer, how many bytes it may have, and whom it goes to."""

    message: dhcpv4.Message
    to: Addressee
    limit: int = dhcpv4.USUAL_LENGTH


def reply_to(
    request: dhcpv4.Message,
    kind: int,
    server: bytes,
    options: list[dhcpv4.Option],
    yiaddr: bytes = IPV4_ANY,
) -> Reply:
    """The answer to a request. Its relay's option comes back to it, as the last one (RFC 3046 2.2)."""
    written: list[dhcpv4.Option] = [(dhcpv4.MESSAGE_TYPE, bytes((kind,))), (dhcpv4.SERVER_ID, server), *options]
    relay = request.option(dhcpv4.RELAY_AGENT)
    client = request.option(dhcpv4.CLIENT_ID)
    if client is not None:
        written.append((dhcpv4.CLIENT_ID, client))  # RFC 6842
    if relay is not None:
        written.append((dhcpv4.RELAY_AGENT, relay))
    nak_by_relay = kind == dhcpv4.NAK and request.giaddr != IPV4_ANY  # RFC 2131 4.3.2: the relay has to broadcast it
    message = dhcpv4.Message(
        dhcpv4.BOOTREPLY,
        request.xid,
        request.chaddr,
        tuple(written),
        flags=request.flags | (dhcpv4.BROADCAST_FLAG if nak_by_relay else 0),
        ciaddr=IPV4_ANY if kind in (dhcpv4.NAK, dhcpv4.OFFER) else request.ciaddr,
        yiaddr=yiaddr,
        giaddr=request.giaddr,
        hardware=request.hardware,
    )
    size = request.option(dhcpv4.MAXIMUM_SIZE)
    largest = int.from_bytes(size, "big") - 28 if size is not None and len(size) == 2 else 0
    return Reply(message, addressee(message, request, kind), min(max(largest, dhcpv4.USUAL_LENGTH), 1472))


def addressee(message: dhcpv4.Message, request: dhcpv4.Message, kind: int) -> Addressee:
    """RFC 2131 4.1: to the relay; else to the address that the client has; else to everybody, if it asks for that or is
    refused; else to the address that it will have, at its MAC address."""
    if request.giaddr != IPV4_ANY:
        return Addressee(request.giaddr, dhcpv4.SERVER_PORT)
    if kind == dhcpv4.NAK:
        return Addressee(IPV4_BROADCAST, dhcpv4.CLIENT_PORT, MAC_BROADCAST)
    if request.ciaddr != IPV4_ANY:
        return Addressee(request.ciaddr, dhcpv4.CLIENT_PORT)
    return to_client(message)


def to_client(message: dhcpv4.Message) -> Addressee:
    """To a client that has no address yet: to everybody, or to its MAC address (RFC 1542 5.4)."""
    if message.broadcast or message.yiaddr == IPV4_ANY or len(message.chaddr) != 6:
        return Addressee(IPV4_BROADCAST, dhcpv4.CLIENT_PORT, MAC_BROADCAST)
    return Addressee(message.yiaddr, dhcpv4.CLIENT_PORT, message.chaddr)
