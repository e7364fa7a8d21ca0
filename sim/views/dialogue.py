"""What the segments of a connection mean: numbers counted from the start, the states of both ends, and what went wrong.

Read RFC 9293 3.3.2 (the states) and Wireshark's "TCP Analysis" (the words) first. All of it is derived from the
segments alone: what each end sends, and what reaches it when.
"""

from __future__ import annotations

from typing import Final

from sim.units import format_about
from sim.views.exchange import Exchange, Passage
from sim.wire import tcp

MODULUS: Final = 1 << 32
HALF: Final = 1 << 31
WIDEST_SCALE: Final = 14  # RFC 7323 2.3

LOST, RETRANSMISSION, DUPLICATE_ACK, TROUBLE, NOTE = "lost", "retransmission", "duplicate ACK", "trouble", "note"


class Turn:
    """One segment as it is shown. `forward`: from the client. Numbers are relative to the first; `window` is in bytes.

    `sender` and `receiver` are the states in which it leaves the ends: that of the sender once it is sent, that of the
    receiver once it has arrived ("" if it has not). `marks` are (sort, text) of what is remarkable about it.
    """

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self.forward = passage.forward
        self.time = passage.sent
        self.flags = 0
        self.sequence = 0
        self.acknowledgment = 0
        self.length = 0
        self.window = 0
        self.options: list[str] = []
        self.blocks: list[tuple[int, int]] = []
        self.sender = ""
        self.receiver = ""
        self.marks: list[tuple[str, str]] = []

    @property
    def end(self) -> int:
        """The sequence number after it."""
        return self.sequence + self.length + bool(self.flags & tcp.SYN) + bool(self.flags & tcp.FIN)

    def has(self, sort: str) -> bool:
        """Whether it has a mark of this sort."""
        return any(mark[0] == sort for mark in self.marks)


class Side:
    """What is known of one end."""

    def __init__(self) -> None:
        self.state = "CLOSED"
        self.initial: int | None = None  # its first sequence number
        self.scale: int | None = None  # what its SYN offers
        self.next = 0  # the highest sequence number sent, and one
        self.sent: dict[int, Turn] = {}  # the last transmission from each sequence number
        self.acknowledged = 0  # the last acknowledgment number it has sent
        self.window = 0
        self.duplicates = 0
        self.highest = 0  # the end of the farthest segment that has reached it
        self.expected = 0  # the next number it waits for
        self.islands: list[tuple[int, int]] = []  # what has come beyond
        self.own_fin = -1  # the number of its FIN
        self.other_fin = -1  # and of the FIN that has come in


def dialogue(exchange: Exchange) -> list[Turn]:
    """The turns of a connection in the order in which they were sent."""
    client, server = Side(), Side()
    turns = []
    for passage in exchange.passages:
        turn = Turn(passage)
        turns.append(turn)
        if passage.segment is not None:
            here, there = (client, server) if passage.forward else (server, client)
            _read(turn, passage.segment, here, there)
            _judge_sending(turn, here, there)
            if turn.has(RETRANSMISSION):
                _say_why(turn, exchange)
        if passage.lost is not None:
            turn.marks.append((LOST, passage.lost))
        if passage.copies > 1:
            turn.marks.append((TROUBLE, "arrives twice" if passage.copies == 2 else f"arrives {passage.copies} times"))
        if passage.marked:
            turn.marks.append((NOTE, "marked: congestion experienced"))
    if any(turn.flags & tcp.SYN and not turn.forward for turn in turns):
        server.state = "LISTEN"
    _live(turns, client, server)
    return turns


# -- what is said


def _read(turn: Turn, segment: tcp.Segment, here: Side, there: Side) -> None:
    """Take over the header, with numbers counted from each side's first."""
    turn.flags = segment.flags & 0xFF
    if here.initial is None:
        first_is_data = not segment.flags & tcp.SYN
        here.initial = (segment.sequence - first_is_data) % MODULUS
        here.next = int(first_is_data)
    if segment.flags & tcp.ACK and there.initial is None:
        there.initial = (segment.acknowledgment - 1) % MODULUS
        there.next = 1
    turn.sequence = _unwrap(segment.sequence - here.initial, here.next)
    if segment.flags & tcp.ACK and there.initial is not None:
        turn.acknowledgment = _unwrap(segment.acknowledgment - there.initial, there.next)
    turn.length = len(segment.payload)
    for kind, data in tcp.parse_options(segment.options):
        _read_option(turn, here, there, kind, data)
    scaled = here.scale is not None and there.scale is not None and not segment.flags & tcp.SYN
    turn.window = segment.window << (here.scale or 0) if scaled else segment.window


def _read_option(turn: Turn, here: Side, there: Side, kind: int, data: bytes) -> None:
    if kind == tcp.OPTION_MSS and len(data) == 2:
        turn.options.append(f"MSS={int.from_bytes(data, 'big')}")
    elif kind == tcp.OPTION_SACK_PERMITTED:
        turn.options.append("SACK_PERM")
    elif kind == tcp.OPTION_TIMESTAMPS:
        turn.options.append("TS")
    elif kind == tcp.OPTION_WINDOW_SCALE and len(data) == 1:
        shift = min(data[0], WIDEST_SCALE)
        turn.options.append(f"WS={1 << shift}")
        if turn.flags & tcp.SYN:
            here.scale = shift
    elif kind == tcp.OPTION_SACK and there.initial is not None:
        edges = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data) & ~7, 4)]
        relative = [_unwrap(edge - there.initial, there.next) for edge in edges]
        turn.blocks = list(zip(relative[::2], relative[1::2], strict=True))


def _unwrap(number: int, near: int) -> int:
    """A sequence number of 32 bits as the count nearest to `near`, so that four gigabytes are no end."""
    return near + (number - near + HALF) % MODULUS - HALF


# -- what is remarkable about it


def _judge_sending(turn: Turn, here: Side, there: Side) -> None:
    """Marks that follow from what its sender has sent before."""
    if turn.flags & tcp.RST:
        turn.marks.append((TROUBLE, "reset"))
        return
    if turn.end > turn.sequence:
        _judge_data(turn, here, there)
    elif turn.sequence == here.next - 1 and here.own_fin != turn.sequence:
        turn.marks.append((NOTE, "window probe" if there.window == 0 else "keep-alive"))
    if turn.flags & tcp.ACK:
        _judge_acknowledgment(turn, here, there)


def _judge_data(turn: Turn, here: Side, there: Side) -> None:
    before = here.sent.get(turn.sequence)
    if turn.sequence < here.next:
        if turn.length == 1 and turn.sequence == here.next - 1 and there.window == 0:
            turn.marks.append((NOTE, "window probe"))
        else:
            turn.marks.append((RETRANSMISSION, _retransmission(turn, before)))
    elif there.window and turn.end > there.acknowledged + there.window and not turn.flags & tcp.SYN:
        turn.marks.append((NOTE, "beyond the window"))
    here.sent[turn.sequence] = turn
    here.next = max(here.next, turn.end)
    if turn.flags & tcp.FIN:
        here.own_fin = turn.end - 1


def _retransmission(turn: Turn, before: Turn | None) -> str:
    if before is None:
        return "retransmission"
    text = f"retransmission after {format_about(turn.time - before.time)}"
    arrived = before.passage.arrived
    if arrived is not None and before.passage.lost is None and arrived <= turn.time:
        text += ", though it had arrived"
    return text


def _say_why(turn: Turn, exchange: Exchange) -> None:
    """What its sender has noted about a retransmission: one note for each, in the same order."""
    reasons = exchange.reasons.get((turn.passage.node, turn.passage.cause))
    if reasons:
        why = reasons.pop(0)
        turn.marks = [
            (sort, text.replace("retransmission", f"retransmission ({why})", 1) if sort == RETRANSMISSION else text)
            for sort, text in turn.marks
        ]


def _judge_acknowledgment(turn: Turn, here: Side, there: Side) -> None:
    empty = turn.end == turn.sequence
    same = turn.acknowledgment == here.acknowledged
    if same and empty and there.next > turn.acknowledgment and (turn.window == here.window or turn.blocks):
        here.duplicates += 1
        turn.marks.append((DUPLICATE_ACK, f"duplicate ACK {here.duplicates}"))
    elif turn.acknowledgment > here.acknowledged:
        here.duplicates = 0
    if turn.blocks:
        first = turn.blocks[0]
        told_before = first[1] <= turn.acknowledgment or any(
            first[0] >= block[0] and first[1] <= block[1] for block in turn.blocks[1:]
        )
        for index, (left, right) in enumerate(turn.blocks):
            name = "D-SACK" if told_before and index == 0 else "SACK"  # RFC 2883 4: it comes first
            turn.marks.append((NOTE, f"{name} {left}-{right}"))
    if not turn.flags & tcp.SYN:
        if turn.window == 0:
            turn.marks.append((TROUBLE, "zero window"))
        elif here.window == 0 and here.acknowledged > 0:
            turn.marks.append((NOTE, "window opens"))
    here.window = turn.window
    here.acknowledged = max(here.acknowledged, turn.acknowledgment)


# -- what the two ends make of it


def _live(turns: list[Turn], client: Side, server: Side) -> None:
    """Go through all sendings and arrivals in time, and note the states of both ends."""
    events = []
    for turn in turns:
        passage = turn.passage
        events.append((turn.time, passage.first, 0, turn))
        if passage.arrived is not None and passage.lost is None:
            events.append((passage.arrived, passage.last, 1, turn))
    events.sort(key=lambda event: event[:3])  # at one instant by the ids: what was caused comes after its cause
    for _, _, arrives, turn in events:
        here, there = (client, server) if turn.forward else (server, client)
        if turn.passage.segment is None:
            continue
        if arrives:
            _arrive(turn, there)
            turn.receiver = there.state
        else:
            _send(turn, here)
            turn.sender = here.state


def _send(turn: Turn, side: Side) -> None:
    """RFC 9293 3.10.1 to 3.10.4: what an end does by sending."""
    if turn.flags & tcp.RST:
        side.state = "CLOSED"
    elif turn.flags & tcp.SYN:
        if side.state == "CLOSED" and not turn.flags & tcp.ACK:
            side.state = "SYN-SENT"
    elif turn.flags & tcp.FIN:
        after = {"ESTABLISHED": "FIN-WAIT-1", "SYN-RECEIVED": "FIN-WAIT-1", "CLOSE-WAIT": "LAST-ACK"}
        side.state = after.get(side.state, side.state)


def _arrive(turn: Turn, side: Side) -> None:
    """RFC 9293 3.10.7: what an end does with what has come in."""
    if turn.flags & tcp.RST:
        side.state = "CLOSED"
        return
    if turn.end > turn.sequence:
        if turn.sequence < side.highest and turn.sequence >= side.expected and not turn.has(RETRANSMISSION):
            turn.marks.append((NOTE, "overtaken on the way"))
        side.highest = max(side.highest, turn.end)
        _take(side, turn)
    if turn.flags & tcp.SYN:
        if side.state == "LISTEN":
            side.state = "SYN-RECEIVED"
        elif side.state == "SYN-SENT":
            side.state = "ESTABLISHED" if turn.flags & tcp.ACK else "SYN-RECEIVED"
    if turn.flags & tcp.ACK:
        _acknowledged(turn, side)
    if 0 <= side.other_fin < side.expected:
        after = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}
        side.state = after.get(side.state, side.state)


def _take(side: Side, turn: Turn) -> None:
    """Move on what is expected next, over what had come before its turn."""
    if turn.flags & tcp.FIN:
        side.other_fin = turn.end - 1
    side.islands.append((turn.sequence, turn.end))
    if turn.sequence > side.expected:
        return
    left = []
    for start, end in sorted(side.islands):
        if start <= side.expected:
            side.expected = max(side.expected, end)
        else:
            left.append((start, end))
    side.islands = left


def _acknowledged(turn: Turn, side: Side) -> None:
    if side.state == "SYN-RECEIVED" and turn.acknowledgment > 0 and not turn.flags & tcp.SYN:
        side.state = "ESTABLISHED"
    elif side.state == "SYN-RECEIVED" and turn.flags & tcp.SYN:
        side.state = "ESTABLISHED"  # a simultaneous open
    if 0 <= side.own_fin < turn.acknowledgment:
        after = {"FIN-WAIT-1": "FIN-WAIT-2", "CLOSING": "TIME-WAIT", "LAST-ACK": "CLOSED"}
        side.state = after.get(side.state, side.state)
