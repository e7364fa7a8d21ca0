"""TIME-WAIT (RFC 9293 3.6, RFC 6191): a little memory of a connection, so that its late segments do no harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from sim.stack.alarms import Alarm
from sim.stack.tcp import options
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.replies import send_segment
from sim.stack.tcp.sequence import precedes, unwrap
from sim.wire import tcp

LENGTH: Final = 60_000_000_000  # ns; Linux's TCP_TIMEWAIT_LEN, in place of twice the maximum segment lifetime

QUIET: Final = 0
REOPEN: Final = 1
RATE_LIMIT: Final = 500_000_000  # ns


class TimeWait(Alarm):
    """What is left of a connection: where its numbers ended."""

    def __init__(self, tcb: Connection, forget: Callable[[TimeWait], None]) -> None:
        super().__init__()
        self._forget = forget
        self.ip = tcb.ip
        self.core = tcb.core
        self.local_address = tcb.local_address
        self.local_port = tcb.local_port
        self.remote_address = tcb.remote_address
        self.remote_port = tcb.remote_port
        self.snd_nxt: i64 = tcb.snd_nxt
        self.rcv_nxt: i64 = tcb.rcv_nxt
        self.window: int = tcb.receive_window() >> tcb.rcv_scale
        self.timestamps_ok = tcb.timestamps_ok
        self.ts_recent: i64 = tcb.ts_recent
        self.timestamp_offset: i64 = tcb.timestamp_offset
        self.ttl = tcb.ttl
        self.sharing = tcb.sharing
        self.since: i64 = tcb.core.now
        self.over: bool = False
        self._answered_at: i64 = -1
        self.core.set_alarm(self, self.core.now + LENGTH)

    def go_off(self) -> None:
        self.end()

    def end(self) -> None:
        """Its port is free."""
        if not self.over:
            self.over = True
            self.core.cancel_alarm(self)
            self._forget(self)

    def receive(self, segment: tcp.Segment, told: options.Options) -> int:
        """A late segment, or the SYN of a new connection: REOPEN if that may begin."""
        flags = segment.flags
        seq = unwrap(segment.sequence, self.rcv_nxt)
        timed = self.timestamps_ok and told.timestamps
        old = timed and precedes(told.value, self.ts_recent)
        if (
            not old
            and seq == self.rcv_nxt
            and (flags & tcp.RST or not (segment.payload or flags & (tcp.SYN | tcp.FIN)))
        ):
            if flags & tcp.RST:
                self.end()  # RFC 1337 has doubts; Linux does so too
                return QUIET
            self._stay(told if timed else None)
            return QUIET
        newer = seq > self.rcv_nxt or (timed and precedes(self.ts_recent, told.value))
        if flags & (tcp.SYN | tcp.RST | tcp.ACK) == tcp.SYN and newer and not old:
            self.end()
            return REOPEN
        if not flags & tcp.RST:
            if old or flags & tcp.ACK:
                self._stay(None)
            self._answer(not flags & tcp.SYN and bool(segment.payload or flags & tcp.FIN))
        return QUIET

    def _stay(self, told: options.Options | None) -> None:
        """RFC 9293 3.10.7.4: the wait begins again."""
        if told is not None:
            self.ts_recent = told.value
        self.core.set_alarm(self, self.core.now + LENGTH)

    def _answer(self, data: bool) -> None:
        """Not too often, unless it is for `data`: that is no part of an endless exchange of ACKs."""
        now = self.core.now
        if not data:
            if self._answered_at >= 0 and now - self._answered_at < RATE_LIMIT:
                return
            self._answered_at = now
        text = b""
        if self.timestamps_ok:
            clock = (now // 1_000_000 + self.timestamp_offset) & 0xFFFFFFFF
            text = options.timestamps(clock, self.ts_recent)
        sequence: int = self.snd_nxt & 0xFFFFFFFF
        expected: int = self.rcv_nxt & 0xFFFFFFFF
        segment = tcp.Segment(self.local_port, self.remote_port, sequence, expected, tcp.ACK, self.window, options=text)
        send_segment(self.ip, self.local_address, self.remote_address, segment, self.ttl)
