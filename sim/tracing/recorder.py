"""The recorder: what was on each link, and what each device noted, in columns.

One row per transmission and one per note, in arrays of integers and one list of frames: a million small tuples would
make the garbage collector the bottleneck. A row's id is the sequence number of the frame's arrival.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

from sim.tracing import kinds
from sim.tracing.series import Series
from sim.tracing.tables import Tables

NOT_SENT: Final = -1
"""The arrival time of a frame that never got onto its link: the queue was full, or the link was down."""

Detail = str | int | bytes | tuple[str | int | bytes, ...]


class Recorder:
    """Columns of one run. `end` is how far it went (ns).

    Transmissions: `ids`, `starts` (ns, when its first bit left), `arrivals` (ns, when its last bit was there, or
    NOT_SENT), `senders` (port index), `causes` (id of the transmission that made the device send it, 0 for none),
    `frames`. A frame lost on its way keeps its row and stands in `lost` with the reason; one that arrived with other
    bytes than it left with stands in `altered`; a copy that the link itself made, and that nobody sent, in `copies`.
    Notes: `note_times` (ns), `note_subjects`, `note_nodes`, `note_kinds`, `note_details`. `series` holds numbers over
    time, and `tables` what the devices knew, once somebody has asked for them.
    """

    def __init__(self) -> None:
        self.end: int = 0
        self.nodes: list[str] = []
        self.node_kinds: list[str] = []
        self.ports: list[str] = []
        self.port_nodes: list[int] = []
        self.port_peers: list[int] = []
        self.ids: array[int] = array("q")
        self.starts: array[int] = array("q")
        self.arrivals: array[int] = array("q")
        self.senders: array[int] = array("q")
        self.causes: array[int] = array("q")
        self.frames: list[bytes] = []
        self.lost: dict[int, str] = {}
        self.altered: dict[int, bytes] = {}
        self.copies: set[int] = set()
        self.note_times: array[int] = array("q")
        self.note_subjects: array[int] = array("q")
        self.note_nodes: array[int] = array("q")
        self.note_kinds: array[int] = array("q")
        self.note_details: list[Detail] = []
        self.series: Series | None = None
        self.tables: Tables | None = None
        self.touched: set[int] = set()  # nodes whose tables may have changed without a note, until somebody looks

    def add_node(self, name: str, kind: str) -> int:
        """Make a device known; return its index."""
        self.nodes.append(name)
        self.node_kinds.append(kind)
        return len(self.nodes) - 1

    def add_port(self, node: int, name: str) -> int:
        """Make a port of node `node` known; return its index."""
        self.ports.append(name)
        self.port_nodes.append(node)
        self.port_peers.append(-1)
        return len(self.ports) - 1

    def connect(self, port: int, peer: int) -> None:
        """Ports (by index) that a link joins."""
        self.port_peers[port] = peer
        self.port_peers[peer] = port

    def port_name(self, port: int) -> str:
        """`sw1:eth2`, the name of a port by its index."""
        return f"{self.nodes[self.port_nodes[port]]}:{self.ports[port]}"

    def transmission(self, number: int, start: int, arrival: int, sender: int, cause: int, frame: bytes) -> None:
        """A frame is put on a link."""
        self.ids.append(number)
        self.starts.append(start)
        self.arrivals.append(arrival)
        self.senders.append(sender)
        self.causes.append(cause)
        self.frames.append(frame)

    def note(self, time: int, subject: int, node: int, kind: int, detail: Detail) -> None:
        """A device decided something."""
        self.note_times.append(time)
        self.note_subjects.append(subject)
        self.note_nodes.append(node)
        self.note_kinds.append(kind)
        self.note_details.append(detail)

    def lose(self, time: int, number: int, node: int, reason: str) -> None:
        """Transmission `number`, sent by `node`, does not arrive."""
        self.lost[number] = reason
        self.note(time, number, node, kinds.DROP, reason)

    def sever(self, time: int, number: int, node: int) -> None:
        """Transmission `number` is lost with the link it was on, or was still waiting for."""
        row = bisect_left(self.ids, number)
        known = row < len(self.ids) and self.ids[row] == number  # unless it was let go of already (see reel.py)
        if known and self.starts[row] > time:
            self.arrivals[row] = NOT_SENT
        self.lose(time, number, node, "link down")

    def row(self, number: int) -> int:
        """The row of transmission `number` (rows are in the order of their ids). Raises KeyError when there is none."""
        index = bisect_left(self.ids, number)
        if index == len(self.ids) or self.ids[index] != number:
            raise KeyError(number)
        return index
