"""Journeys: what became of one packet, hop by hop, from the recorded causes alone.

Every transmission knows which transmission made its sender send it. So a packet's way is a tree: a switch that floods
gives one frame many children, a host that answers gives a question its reply. The root is what a program wanted (an
ORIGIN note), or a frame that nothing on the wire has caused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Detail, Recorder


@dataclass(frozen=True)
class Note:
    """A device's decision: `time` ns, the `node` that took it, a kind of `kinds.py` and its detail."""

    time: int
    node: str
    kind: int
    detail: Detail


@dataclass
class Hop:
    """One frame on one link. Times are ns; `arrival` is None if the frame never got there, and `lost` says why.

    `notes` are the decisions of the device that it arrived at, `children` the frames that this device then sent.
    `received` differs from `frame` only if an impairment altered the bytes on the way.
    """

    id: int
    start: int
    arrival: int | None
    sender: str
    sender_port: str
    receiver: str
    receiver_port: str
    frame: bytes
    received: bytes
    lost: str | None
    notes: list[Note] = field(default_factory=list)
    children: list[Hop] = field(default_factory=list)

    def walk(self) -> Iterator[Hop]:
        """This hop and all that followed from it, parents before children."""
        stack = [self]
        while stack:
            hop = stack.pop()
            yield hop
            stack.extend(reversed(hop.children))

    def delivered(self) -> str | None:
        """What took the frame in at its receiver, as text; None if nothing did. An ARP packet counts as well."""
        for note in self.notes:
            if note.kind == kinds.DELIVER:
                return str(note.detail)
        return None

    def ignored(self) -> bool:
        """Whether the receiver heard the frame and it was not for it."""
        return any(note.kind == kinds.IGNORE for note in self.notes)

    def died(self) -> str | None:
        """Why the receiver dropped the frame; None if it did not."""
        for note in self.notes:
            if note.kind == kinds.DROP and self.lost is None:
                return str(note.detail)
        return None


@dataclass
class Journey:
    """What followed from one wish to send: `id` is its root, `node` who had it, `text` what it was, if it was said.

    `notes` are the decisions of `node` before anything was sent, and those about packets that never were.
    """

    id: int
    time: int
    node: str
    text: str
    notes: list[Note]
    hops: list[Hop]

    def walk(self) -> Iterator[Hop]:
        """Every transmission of the journey, parents before children."""
        for hop in self.hops:
            yield from hop.walk()

    def drops(self) -> list[tuple[str, str]]:
        """Where something was lost and why: (node, reason), in the order of the tree."""
        found = [(note.node, str(note.detail)) for note in self.notes if note.kind == kinds.DROP]
        for hop in self.walk():
            if hop.lost is not None:
                found.append((hop.sender, hop.lost))
            else:
                found += [(note.node, str(note.detail)) for note in hop.notes if note.kind == kinds.DROP]
        return found

    def path(self) -> list[str]:
        """The nodes that the packet went through, from who sent it to who took it in, or to where it died.

        Of a flood it is the branch that was delivered, else the one on which somebody dropped the packet, else the
        longest. ARP is not the packet: its frames are left out.
        """
        trails = [_trail(hop) for hop in self.hops if not is_arp(hop.frame)]
        return [self.node, *max(trails, key=lambda trail: trail[0])[1]] if trails else [self.node]


def is_arp(frame: bytes) -> bool:
    """Whether a frame carries ARP: the packet itself does not, it only asks the way."""
    return frame[12:14] == b"\x08\x06"


def trail(hop: Hop) -> list[str]:
    """The nodes that a frame reached from here on, on the best of its ways (see `Journey.path`)."""
    return _trail(hop)[1]


def _trail(hop: Hop) -> tuple[tuple[int, int], list[str]]:
    """The best way from `hop` on, with its rank: how it ended, then how long it is; of equals the first."""
    best: tuple[tuple[int, int], list[str]] = ((0, 0), [])
    stack: list[tuple[Hop, list[str]]] = [(hop, [])]
    while stack:
        current, before = stack.pop()
        if current.lost is not None:
            continue
        trail = [*before, current.receiver]
        delivered, died = current.delivered() is not None, current.died() is not None
        rank = (3 if delivered else 2 if died else 0 if current.ignored() else 1, len(trail))
        if rank > best[0]:
            best = (rank, trail)
        if not delivered and not died:  # what follows these is about the packet, or an answer to it
            stack.extend((child, trail) for child in reversed(current.children) if not is_arp(child.frame))
    return best


class Lineage:
    """An index of a recording by cause and by subject, made once, from which journeys are drawn."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._children: dict[int, list[int]] = {}
        self._notes: dict[int, list[int]] = {}
        self.origins: dict[int, int] = {}
        for row, cause in enumerate(recorder.causes):
            self._children.setdefault(cause, []).append(row)
        for index, subject in enumerate(recorder.note_subjects):
            self._notes.setdefault(subject, []).append(index)
            if recorder.note_kinds[index] == kinds.ORIGIN:
                self.origins[subject] = index

    def journeys(self) -> list[Journey]:
        """All journeys, in the order in which they began."""
        roots = list(self.origins) + [self._recorder.ids[row] for row in self._children.get(0, [])]
        return [self.journey(root) for root in sorted(roots)]

    def journey(self, root: int) -> Journey:
        """The journey whose root is `root`: an ORIGIN's id, or a transmission without a cause. Raises KeyError."""
        journey = self.wish(root)
        if journey is not None:
            journey.hops = [self._hop(row) for row in self._children.get(root, [])]
            return journey
        hop = self.hop(root)
        return Journey(root, hop.start, hop.sender, "", [], [hop])

    def hop(self, number: int) -> Hop:
        """Transmission `number` with all that followed from it. Raises KeyError."""
        return self._hop(self._recorder.row(number))

    def ancestry(self, number: int) -> tuple[int, list[Hop]]:
        """What led to transmission `number`: the id at which it begins, and the hops from there on, without their
        children and without the last. The id is an ORIGIN's, a transmission's without a cause, or of one that is not
        recorded. Raises KeyError.
        """
        rows = [self._recorder.row(number)]
        while (cause := self._recorder.causes[rows[-1]]) != 0 and cause not in self.origins:
            try:
                rows.append(self._recorder.row(cause))
            except KeyError:
                break
        root = cause or self._recorder.ids[rows[-1]]
        return root, [self._single(row) for row in reversed(rows[1:])]

    def wish(self, root: int) -> Journey | None:
        """The journey that begins with an ORIGIN, without its hops; None if `root` is none."""
        if root not in self.origins:
            return None
        recorder, index = self._recorder, self.origins[root]
        notes = [self._note(other) for other in self._notes[root] if other != index]
        node = recorder.nodes[recorder.note_nodes[index]]
        return Journey(root, recorder.note_times[index], node, str(recorder.note_details[index]), notes, [])

    def _hop(self, row: int) -> Hop:
        """The hop of a row with all below it; no recursion, since a storm may go deep."""
        top = self._single(row)
        stack = [top]
        while stack:
            hop = stack.pop()
            hop.children = [self._single(child) for child in self._children.get(hop.id, [])]
            stack.extend(hop.children)
        return top

    def _single(self, row: int) -> Hop:
        recorder = self._recorder
        number = recorder.ids[row]
        sender = recorder.senders[row]
        receiver = recorder.port_peers[sender]
        arrival = recorder.arrivals[row]
        lost = recorder.lost.get(number)
        frame = recorder.frames[row]
        sender_node = recorder.port_nodes[sender]
        receiver_node = recorder.port_nodes[receiver] if receiver >= 0 else sender_node
        return Hop(
            id=number,
            start=recorder.starts[row],
            arrival=None if lost is not None or arrival == NOT_SENT else arrival,
            sender=recorder.nodes[sender_node],
            sender_port=recorder.ports[sender],
            receiver=recorder.nodes[receiver_node],
            receiver_port=recorder.ports[receiver] if receiver >= 0 else "",
            frame=frame,
            received=recorder.altered.get(number, frame),
            lost=lost,
            notes=[self._note(index) for index in self._notes.get(number, [])],
        )

    def _note(self, index: int) -> Note:
        recorder = self._recorder
        return Note(
            recorder.note_times[index],
            recorder.nodes[recorder.note_nodes[index]],
            recorder.note_kinds[index],
            recorder.note_details[index],
        )
