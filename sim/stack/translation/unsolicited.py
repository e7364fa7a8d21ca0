"""SYNs from outside that nobody asked for: kept for six seconds, and then refused (RFC 5382 REQ-4).

Both ends of a hole punched in two gateways send a SYN, and one of them comes first. Refused at once, it would end the
attempt. So nothing is said for six seconds; if a SYN goes out the other way meanwhile, nothing is ever said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.stack.alarms import Alarm
from sim.stack.core import Core
from sim.tracing import kinds

PATIENCE: Final = 6_000_000_000  # ns
LIMIT: Final = 256  # SYNs; beyond, the oldest is dropped and never refused

REASON: Final = "unsolicited SYN"


class Unsolicited:
    """The SYNs that wait, by their flow, oldest first. `refuse` sends the ICMP error about a packet."""

    def __init__(self, core: Core, refuse: Callable[[bytes], None]) -> None:
        self.core = core
        self._refuse = refuse
        self._held: dict[bytes, tuple[bytes, int, int]] = {}  # packet, when it is refused, its cause
        self._alarm = Alarm(self._time_out)

    def hold(self, flow: bytes, packet: bytes) -> None:
        """A SYN has come. One that comes again while the first waits is dropped."""
        core = self.core
        if flow in self._held:
            core.drop(REASON)
            return
        core.note(kinds.WAIT, "a SYN from inside that crosses this one: nobody has asked for it")
        self._held[flow] = (packet, core.now + PATIENCE, core.cause)
        if len(self._held) > LIMIT:
            self._drop(next(iter(self._held)))
        if len(self._held) == 1:
            core.set_alarm(self._alarm, core.now + PATIENCE)

    def crossed(self, flow: bytes) -> None:
        """A SYN has gone out to where the SYN with this flow came from: that one is dropped without a word."""
        if self._held and flow in self._held:
            self._drop(flow)

    def clear(self) -> None:
        """Forget all, as a power cut does."""
        self._held.clear()
        self.core.cancel_alarm(self._alarm)

    def __len__(self) -> int:
        return len(self._held)

    def _drop(self, flow: bytes) -> bytes:
        packet, _, cause = self._held.pop(flow)
        core = self.core
        core.journal.drop(core.now, cause, REASON)
        if not self._held:
            core.cancel_alarm(self._alarm)
        return packet

    def _time_out(self) -> None:
        core = self.core
        while self._held:
            flow = next(iter(self._held))
            _, deadline, cause = self._held[flow]
            if deadline > core.now:
                core.set_alarm(self._alarm, deadline)
                return
            core.cause = cause
            self._refuse(self._drop(flow))
