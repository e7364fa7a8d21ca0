"""Who asked whom for a name, read from the recording: the walk from a stub to a resolver, the root and on.

1. Each DNS query that a node sends by itself begins an exchange; the response of its server ends it.
2. What a server asks while it owes somebody an answer, it asks for him: such exchanges stand below his.
3. An answer that is not authoritative, and for which nobody was asked, came from a cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sim.devices.node import IpNode
from sim.lab.network import Network
from sim.tracing.recorder import Recorder
from sim.wire import dns, ipv4, tcp, udp
from sim.wire.decode import decode

PORT: Final = dns.PORT.to_bytes(2, "big")
_IP: Final = 14
MOST: Final = 1000
"""Exchanges that are looked at."""


@dataclass
class Exchange:
    """One question and its answer. Times are ns; `ended` is None for one that was never answered. `depth` counts those
    that it was asked for. `cached`: the server knew it by itself, though it is not its own."""

    asker: str
    server: str
    question: str
    started: int
    by_tcp: bool = False
    ended: int | None = None
    outcome: str = "no answer"
    cached: bool = False
    depth: int = 0
    parent: Exchange | None = None
    asked: bool = False  # for this somebody else was asked
    response: dns.Message | None = None

    def as_dict(self) -> dict[str, Any]:
        """It as plain data."""
        return {
            "asker": self.asker,
            "server": self.server,
            "question": self.question,
            "outcome": self.outcome,
            "by": "TCP" if self.by_tcp else "UDP",
            "cached": self.cached,
            "depth": self.depth,
            "started": self.started,
            "ended": self.ended,
        }


def walk(net: Network, asker: str, first: int) -> list[Exchange]:
    """The exchanges that a node began since row `first` of the recording, each followed by those that it caused."""
    found: list[Exchange] = []
    pending: dict[tuple[bytes, int, str, bool], Exchange] = {}
    for time, node, source, destination, by_tcp, message in _messages(net.recorder, first):
        question = str(message.questions[0])
        key = (source if message.is_response() else destination, message.identifier, question, by_tcp)
        if not message.is_response() and key not in pending and len(found) < MOST:
            server = net.address_owner(destination)
            exchange = Exchange(node, _name(server, destination), question, time, by_tcp)
            exchange.parent = _asked_for(exchange, pending.values())
            pending[key] = exchange
            found.append(exchange)
        elif message.is_response() and key in pending:
            _end(pending.pop(key), message, time)
    return _in_order(found, asker)


def _messages(recorder: Recorder, first: int) -> Iterable[tuple[int, str, bytes, bytes, bool, dns.Message]]:
    """Time, sender, addresses, transport and message of each that a node has sent, and not passed on."""
    for row in range(first, len(recorder.frames)):
        frame = recorder.frames[row]
        if not _is_dns(frame):
            continue
        layers = decode(frame)
        message = layers[-1]
        packet, carrier = (layers[-3], layers[-2]) if len(layers) > 2 else (None, None)
        if not isinstance(message, dns.Message) or not isinstance(packet, ipv4.Packet):
            continue
        if _is_passed_on(recorder, row, message):
            continue
        by_tcp = isinstance(carrier, tcp.Segment)
        assert by_tcp or isinstance(carrier, udp.Datagram)
        node = recorder.nodes[recorder.port_nodes[recorder.senders[row]]]
        yield recorder.starts[row], node, packet.source, packet.destination, by_tcp, message


def _is_dns(frame: bytes) -> bool:
    """Whether it may be: IPv4 with port 53 at either end."""
    ports = _IP + ((frame[_IP] & 0xF) << 2) if len(frame) > _IP else 0
    return frame[12:14] == b"\x08\x00" and PORT in (frame[ports : ports + 2], frame[ports + 2 : ports + 4])


def _is_passed_on(recorder: Recorder, row: int, message: dns.Message) -> bool:
    """Whether a switch, a router or a gateway sends it because it has come in."""
    try:
        before = recorder.frames[recorder.row(recorder.causes[row])]
    except KeyError:
        return False
    return _is_dns(before) and decode(before)[-1] == message


def _asked_for(exchange: Exchange, pending: Iterable[Exchange]) -> Exchange | None:
    """For whom the asker asks: the last that waits for its answer, of those with the same question if there are any."""
    waiting = [other for other in pending if other.server == exchange.asker]
    same = [other for other in waiting if other.question == exchange.question]
    if not waiting:
        return None
    parent = (same or waiting)[-1]
    parent.asked = True
    return parent


def _end(exchange: Exchange, message: dns.Message, time: int) -> None:
    exchange.ended = time
    exchange.response = message
    exchange.outcome = message.outcome()
    known = message.rcode() in ("NOERROR", "NXDOMAIN") and not message.is_referral() and not message.is_truncated()
    own = message.is_authoritative() or not message.recursion_available()
    exchange.cached = known and not own and not exchange.asked


def _in_order(found: list[Exchange], asker: str) -> list[Exchange]:
    """Those that the asker began, and each one's children below it."""
    children: dict[int, list[Exchange]] = {}
    roots: list[Exchange] = []
    for exchange in found:
        if exchange.parent is not None:
            children.setdefault(id(exchange.parent), []).append(exchange)
        elif exchange.asker == asker:
            roots.append(exchange)
    ordered: list[Exchange] = []
    stack = roots[::-1]
    while stack:
        exchange = stack.pop()
        ordered.append(exchange)
        below = children.get(id(exchange), [])
        for child in below:
            child.depth = exchange.depth + 1
        stack += below[::-1]
    return ordered


def _name(node: IpNode | None, address: bytes) -> str:
    return ".".join(str(octet) for octet in address) if node is None else node.name
