"""What the parts of one stack share: the time and the cause they act under, the alarms, the journal, the outside."""

from __future__ import annotations

from sim.stack.alarms import NEVER, Alarm, Alarms
from sim.stack.interfaces import Interface
from sim.stack.outside import Outside
from sim.tracing import kinds
from sim.tracing.journal import Journal
from sim.tracing.recorder import Detail


class Core:
    """`now` (ns) and `cause` (the id of what made us act) are set on entry to the stack and hold until the next.

    `to_many` says that a frame to a group or to everybody is being handled: no ICMP error may answer it (RFC 1122
    3.2.2).
    """

    def __init__(self, outside: Outside, journal: Journal) -> None:
        self.outside = outside
        self.journal = journal
        self.alarms = Alarms()
        self.now: int = 0
        self.cause: int = 0
        self.to_many: bool = False
        self._wake: int = NEVER

    def note(self, kind: int, detail: Detail) -> None:
        """Note a decision about what is being handled."""
        self.journal.note(self.now, self.cause, kind, detail)

    def tell(self, text: str) -> None:
        """Note what a daemon of the machine has decided, in words."""
        self.journal.note(self.now, self.cause, kinds.DHCP, text)

    def drop(self, reason: str) -> None:
        """What is being handled goes no further."""
        self.journal.drop(self.now, self.cause, reason)

    def transmit(self, interface: Interface, frame: bytes) -> None:
        """Send a frame, caused by what is being handled."""
        self.outside.transmit(interface, frame, self.cause)

    def set_alarm(self, alarm: Alarm, time: int) -> None:
        """Let `alarm` go off at `time` (ns), with today's cause.

        One that is moved away leaves the wake-up where it was: to be woken once for nothing costs less than to move it
        with every segment.
        """
        self.alarms.set(alarm, time, self.cause)
        if time < self._wake:
            self._wake = time
            self.outside.wake_at(time)

    def cancel_alarm(self, alarm: Alarm) -> None:
        """Let `alarm` not go off; one that is not set does not mind."""
        if alarm.deadline != NEVER:
            self.alarms.cancel(alarm)
            self._arm()

    def handle_timers(self, now: int) -> None:
        """Set off the alarms that are due, and ask to be woken for the next."""
        self.now = now
        self.to_many = False
        self._wake = NEVER
        alarm = self.alarms.pop_due(now)
        while alarm is not None:
            self.cause = alarm.cause
            alarm.go_off()
            alarm = self.alarms.pop_due(now)
        self._arm()

    def _arm(self) -> None:
        """Be woken for the earliest alarm, and for no other."""
        deadline = self.alarms.next_deadline()
        if deadline != self._wake:
            self._wake = deadline
            self.outside.wake_at(deadline)
