"""The segments of one TCP connection, read from a recording: who sent what when, and what became of it on the way.

1. A frame belongs to the connection by its addresses and ports, or because a gateway has translated one that does. What
   a host sends is a segment's beginning; the frames
   that this caused in switches and routers are the same segment further on.
2. A segment has arrived when one of its frames has reached the host at the other end. If none has, and one was lost or
   dropped, that is why.
3. What the segments mean is told in `dialogue.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.errors import WireError
from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Recorder
from sim.views.changes import is_same_packet
from sim.wire import ipv4, tcp
from sim.wire.addresses import format_ip, parse_ip

ETHERNET_HEADER: Final = 14
CONGESTION_EXPERIENCED: Final = 3  # RFC 3168 5: both ECN bits


@dataclass(frozen=True)
class Flow:
    """A connection by its ends, as they stand in the frames that the client sends."""

    client: bytes
    client_port: int
    server: bytes
    server_port: int

    @classmethod
    def of(cls, client: str, server: str) -> Flow:
        """The connection between two ends written `10.0.0.1:49152`. Raises ValueError."""
        here, _, port = client.rpartition(":")
        there, _, other = server.rpartition(":")
        return cls(parse_ip(here), int(port), parse_ip(there), int(other))

    def key(self) -> bytes:
        """Addresses and ports as they stand in a packet without IP options."""
        return self.client + self.server + self.client_port.to_bytes(2, "big") + self.server_port.to_bytes(2, "big")

    def reverse(self) -> Flow:
        """The same, seen from the server."""
        return Flow(self.server, self.server_port, self.client, self.client_port)

    def ends(self) -> tuple[str, str]:
        """`10.0.0.1:49152` and `10.0.0.2:80`."""
        return f"{format_ip(self.client)}:{self.client_port}", f"{format_ip(self.server)}:{self.server_port}"


class Passage:
    """One segment on its way. `forward`: from the client. Times are ns; `arrived` is None if it never did.

    `cause` is what made its sender send it, `first` the id of its first frame, `last` that of the one that arrived.
    `lost` says why it did not arrive, or why the receiver would not have it. `reached` is the node that it got to,
    `copies` counts arrivals. `marked`: a queue on the way has set Congestion Experienced. `segment` is None for bytes
    that are no TCP: `malformed` says why.
    """

    __slots__ = (
        "arrived",
        "cause",
        "copies",
        "first",
        "forward",
        "last",
        "lost",
        "malformed",
        "marked",
        "node",
        "reached",
        "segment",
        "sent",
    )

    def __init__(self, first: int, cause: int, sent: int, node: int, forward: bool) -> None:
        self.first = self.last = first
        self.cause = cause
        self.sent = sent
        self.node = node
        self.forward = forward
        self.arrived: int | None = None
        self.copies = 0
        self.lost: str | None = None
        self.marked = False
        self.reached = ""
        self.segment: tcp.Segment | None = None
        self.malformed = ""


@dataclass
class Exchange:
    """All segments of a connection in the order in which they were sent, and the names of the two hosts: "" for one
    that has sent nothing."""

    flow: Flow
    client: str
    server: str
    passages: list[Passage]
    reasons: dict[tuple[int, int], list[str]]
    """Why a node sent something again, in order, by the node and what caused it."""


def flows(recorder: Recorder) -> list[Flow]:
    """Every TCP connection of a recording, in the order of their first segments, which a client sends."""
    found: dict[bytes, Flow] = {}
    for frame in recorder.frames:
        packet_key = _key(frame)
        if packet_key and packet_key not in found:
            flow = Flow(
                packet_key[:4],
                int.from_bytes(packet_key[8:10], "big"),
                packet_key[4:8],
                int.from_bytes(packet_key[10:], "big"),
            )
            if flow.reverse().key() not in found:
                found[packet_key] = flow
    return list(found.values())


def exchange(recorder: Recorder, flow: Flow, since: int = 0, until: int | None = None) -> Exchange:
    """The segments of a connection that were sent between two times (ns, both included)."""
    rows = _rows(recorder, flow, since, recorder.end if until is None else until)
    passages: dict[int, Passage] = {}  # by the id of each frame
    made: list[Passage] = []
    for row, forward in rows:
        node = recorder.port_nodes[recorder.senders[row]]
        number = recorder.ids[row]
        before = passages.get(recorder.causes[row])
        if before is None or before.forward != forward or before.node == node:
            before = Passage(number, recorder.causes[row], recorder.starts[row], node, forward)
            _read(before, recorder.frames[row])
            made.append(before)
        passages[number] = before
    client, server = (next((one.node for one in made if one.forward is side), -1) for side in (True, False))
    drops = _drops(recorder, passages)
    for row, forward in rows:
        passage = passages[recorder.ids[row]]
        _follow(recorder, row, passage, server if forward else client, drops)
    for passage in made:
        if passage.arrived is not None and passage.last not in drops:
            passage.lost = None
        elif passage.arrived is None and passage.lost is None and passage.reached:
            passage.lost = f"comes no further than {passage.reached}"
    made.sort(key=lambda one: (one.sent, one.first))
    return Exchange(flow, _name(recorder, client), _name(recorder, server), made, _reasons(recorder, {client, server}))


def _rows(recorder: Recorder, flow: Flow, since: int, until: int) -> list[tuple[int, bool]]:
    """The rows of the frames that belong to a flow, and whether each goes from the client to the server."""
    there, back = {flow.key()}, {flow.reverse().key()}
    starts, found = recorder.starts, []
    carried: dict[int, bytes] = {}  # what has been found to belong to it, by id
    for row, frame in enumerate(recorder.frames):
        key = _key(frame)
        if not key or not since <= starts[row] <= until:
            continue
        if key not in there and key not in back and _is_translated(recorder, row, carried):
            forward = _key(carried[recorder.causes[row]]) in there
            (there if forward else back).add(key)
            (back if forward else there).add(_reversed(key))
        if key in there or key in back:
            found.append((row, key in there))
            carried[recorder.ids[row]] = frame
    return found


def _is_translated(recorder: Recorder, row: int, carried: dict[int, bytes]) -> bool:
    """Whether a frame is one of the connection to which a gateway has given other addresses or ports."""
    before = carried.get(recorder.causes[row])
    return before is not None and is_same_packet(before, recorder.frames[row])


def _reversed(key: bytes) -> bytes:
    return key[4:8] + key[:4] + key[10:] + key[8:10]


def _key(frame: bytes) -> bytes:
    """Addresses and ports of a frame that carries a TCP segment, or its first fragment; b"" for any other."""
    start = ETHERNET_HEADER
    while frame[start - 2 : start] == b"\x81\x00":  # a tag of IEEE 802.1Q
        start += 4
    if frame[start - 2 : start] != b"\x08\x00" or len(frame) < start + 20 or frame[start + 9] != ipv4.PROTOCOL_TCP:
        return b""
    if frame[start] == 0x45:
        return frame[start + 12 : start + 24]
    ports = start + ((frame[start] & 0x0F) << 2)
    return frame[start + 12 : start + 20] + frame[ports : ports + 4]


def _read(passage: Passage, frame: bytes) -> None:
    start = frame.index(b"\x08\x00", 12) + 2  # after the tags, if there are any: `_key` has seen that it is there
    try:
        packet = ipv4.parse(frame[start:])
        segment = tcp.parse(packet.payload, packet.source, packet.destination)
        tcp.parse_options(segment.options)
        passage.segment = segment
    except WireError as error:
        passage.malformed = str(error)


def _follow(recorder: Recorder, row: int, passage: Passage, end: int, drops: dict[int, str]) -> None:
    """One frame of a segment: where it got to."""
    number = recorder.ids[row]
    arrival = recorder.arrivals[row]
    if number in recorder.lost:
        if passage.arrived is None and passage.lost is None:
            passage.lost = f"lost: {recorder.lost[number]} at {recorder.port_name(recorder.senders[row])}"
        return
    peer = recorder.port_peers[recorder.senders[row]]
    if arrival == NOT_SENT or peer < 0 or arrival > recorder.end:
        return
    passage.reached = recorder.nodes[recorder.port_nodes[peer]]
    if recorder.port_nodes[peer] == end:
        passage.copies += 1
        if passage.arrived is None or (passage.lost is not None and number not in drops):
            passage.arrived, passage.last = arrival, number
            passage.lost = drops.get(number)
            received = recorder.altered.get(number, recorder.frames[row])
            passage.marked = _is_marked(received)
    elif passage.arrived is None and passage.lost is None:
        passage.lost = drops.get(number)


def _drops(recorder: Recorder, passages: dict[int, Passage]) -> dict[int, str]:
    """Why a node dropped a frame that reached it, by the frame's id."""
    drop = kinds.DROP
    return {
        recorder.note_subjects[index]: f"{recorder.nodes[recorder.note_nodes[index]]} drops it: "
        f"{recorder.note_details[index]!s}"
        for index, kind in enumerate(recorder.note_kinds)
        if kind == drop and recorder.note_subjects[index] in passages and _arrives(recorder, index)
    }


def _arrives(recorder: Recorder, index: int) -> bool:
    """Whether a note is about a frame that has come in, and not about one that was lost on leaving."""
    return recorder.note_subjects[index] not in recorder.lost


def _reasons(recorder: Recorder, nodes: set[int]) -> dict[tuple[int, int], list[str]]:
    found: dict[tuple[int, int], list[str]] = {}
    again = kinds.RETRANSMIT
    for index, kind in enumerate(recorder.note_kinds):
        if kind == again and recorder.note_nodes[index] in nodes:
            key = recorder.note_nodes[index], recorder.note_subjects[index]
            found.setdefault(key, []).append(str(recorder.note_details[index]))
    return found


def _is_marked(frame: bytes) -> bool:
    start = frame.find(b"\x08\x00", 12) + 2
    return frame[start + 1] & 3 == CONGESTION_EXPERIENCED


def _name(recorder: Recorder, node: int) -> str:
    return "" if node < 0 else recorder.nodes[node]
