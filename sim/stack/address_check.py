"""Address conflict detection (RFC 5227): ask whether an address is free before it is used, then tell everybody.

1. Wait for a moment, so that hosts which wake up together do not ask together.
2. Ask three times who has the address, from 0.0.0.0 so that nobody's ARP cache is disturbed (an ARP probe).
3. Somebody uses it, or asks the same question: the address is not ours to take.
4. Two seconds of silence: it is free. Whoever takes it announces it twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.stack.alarms import Alarm
from sim.stack.neighbours import NeighbourTable

SECOND: Final = 1_000_000_000
PROBE_WAIT: Final = 1 * SECOND  # RFC 5227 1.1, ns, as are the next
PROBE_MIN: Final = 1 * SECOND
PROBE_MAX: Final = 2 * SECOND
ANNOUNCE_WAIT: Final = 2 * SECOND
ANNOUNCE_INTERVAL: Final = 2 * SECOND
PROBE_NUM: Final = 3
ANNOUNCE_NUM: Final = 2


class AddressCheck(Alarm):
    """The question whether `address` is free on a link. `on_done` gets the MAC address of who uses it, b"" if nobody
    does. `draw` gives random numbers from 0 to 1."""

    def __init__(
        self, table: NeighbourTable, address: bytes, draw: Callable[[], float], on_done: Callable[[bytes], None]
    ) -> None:
        super().__init__()
        self.address = address
        self.probes: int = 0
        self.announcements: int = 0
        self._table = table
        self._draw = draw
        self._on_done = on_done

    def start(self) -> None:
        """Begin to ask. The stack has to be entered before."""
        self.probes = 0
        self._table.checks[self.address] = self._conflict
        self._wait(round(self._draw() * PROBE_WAIT))

    def announce(self) -> None:
        """Tell everybody that the address is ours now, and once more in two seconds (RFC 5227 2.3)."""
        self.announcements += 1
        self._table.announce(self.address)
        if self.announcements < ANNOUNCE_NUM:
            self._wait(ANNOUNCE_INTERVAL)

    def stop(self) -> None:
        """Ask and tell no more; `on_done` is not called."""
        self._table.checks.pop(self.address, None)
        self._table.core.cancel_alarm(self)

    def go_off(self) -> None:
        if self.announcements:
            self.announce()
        elif self.probes < PROBE_NUM:
            self.probes += 1
            self._table.probe(self.address)
            last = self.probes == PROBE_NUM
            self._wait(ANNOUNCE_WAIT if last else PROBE_MIN + round(self._draw() * (PROBE_MAX - PROBE_MIN)))
        else:
            self.stop()
            self._on_done(b"")

    def _conflict(self, mac: bytes) -> None:
        self.stop()
        self._on_done(mac)

    def _wait(self, time: int) -> None:
        core = self._table.core
        core.set_alarm(self, core.now + time)
