"""A connection as programs and the layer below see it: open, write, read, close; a segment, an error, an alarm."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.stack.alarms import NEVER, Alarm
from sim.stack.service import IcmpError, IpService
from sim.stack.tcp import acknowledging, incoming, outgoing, rate, states, timeouts, window
from sim.stack.tcp.block import LOSS, RETRANSMIT, SMALLEST_MSS, ControlBlock, Settings
from sim.stack.tcp.congestion.base import CongestionControl
from sim.stack.tcp.options import TIMESTAMPS_LENGTH, Options
from sim.stack.tcp.recovery import resend
from sim.stack.tcp.sequence import unwrap
from sim.stack.tcp.timing import rearm, set_timer
from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.tracing.series import Series
from sim.wire import icmpv4, tcp
from sim.wire.addresses import format_ip

HEADERS: Final = 40
MOST_MSS: Final = 65535 - HEADERS
LEAST_PATH_MTU: Final = 552  # bytes; Linux's min_pmtu: a router that wants less shall fragment
SENT_FACTOR: Final = 2
"""The send buffer holds twice the congestion window: one on its way, one to follow it."""

HAD: Final = -2
ICMP_ERRNO: Final = {
    icmpv4.NET_UNREACHABLE: errno.ENETUNREACH,
    icmpv4.HOST_UNREACHABLE: errno.EHOSTUNREACH,
    icmpv4.PROTOCOL_UNREACHABLE: errno.ENOPROTOOPT,
    icmpv4.PORT_UNREACHABLE: errno.ECONNREFUSED,
}


class Connection(ControlBlock):
    """One end of a connection. Who calls a method has called `enter` on the stack before."""

    def __init__(self, ip: IpService, settings: Settings, control: CongestionControl) -> None:
        super().__init__(ip, settings, control)
        self.on_over: Callable[[Connection], None] | None = None
        self.sharing: int = 0  # of its port, with others: see `ports`
        self.retransmission = RetransmissionAlarm(self)
        self.delayed_ack = DelayedAckAlarm(self)
        self.compressed_ack = CompressedAckAlarm(self)
        self.keeping = KeepAlarm(self)
        self.pacing = PacingAlarm(self)
        self.state_noted: int = states.CLOSED
        self._subject: str = ""  # of its series

    # -- opening

    def name_ends(self, local: bytes, local_port: int, remote: bytes, remote_port: int) -> None:
        """Which addresses and ports it joins."""
        self.local_address = local
        self.local_port = local_port
        self.remote_address = remote
        self.remote_port = remote_port
        self.path_mtu = self.ip.path_mtu(remote)
        mtu = self.ip.interface_mtu(remote)
        self.may_fragment = self.path_mtu <= LEAST_PATH_MTU < mtu
        mss = max(min(mtu, self.path_mtu) - HEADERS, SMALLEST_MSS)
        if self.user_mss:
            mss = min(mss, self.user_mss)
        self.offered_mss = self.advertised_mss = min(mss, MOST_MSS)

    def open_active(self, iss: int, timestamp_offset: int) -> None:
        """Send a SYN (RFC 9293 3.10.1)."""
        self._begin(iss, timestamp_offset)
        self.sack_ok = self.timestamps_ok = self.scale_ok = True
        window.open_initial(self, self.advertised_mss - (TIMESTAMPS_LENGTH if self.ts_recent else 0))
        self.become(states.SYN_SENT)
        outgoing.send_syn(self)
        set_timer(self, RETRANSMIT, self.rtt.timeout)
        self.settle()

    def open_passive(self, segment: tcp.Segment, options: Options, iss: int, timestamp_offset: int) -> None:
        """Answer a SYN (RFC 9293 3.10.7.2)."""
        self._begin(iss, timestamp_offset)
        self.passive = True
        self.sack_ok = self.timestamps_ok = self.scale_ok = True
        self.state = self.state_noted = states.LISTEN
        incoming.negotiate(self, segment, options)
        window.open_initial(self, self.advertised_mss)
        self.become(states.SYN_RECEIVED)
        outgoing.send_syn(self)
        self.segments_in, self.segments_out = 1, 0  # as Linux counts, whose SYN,ACK is not yet the connection's
        set_timer(self, RETRANSMIT, self.rtt.timeout)
        self.settle()

    def _begin(self, iss: int, timestamp_offset: int) -> None:
        self.iss = self.snd_una = self.snd_nxt = self.snd_up = self.snd_small = iss
        self.pushed_up_to = iss + 1
        self.timestamp_offset = timestamp_offset
        self.syn_sent_at = self.last_heard_at = self.core.now
        limit = self.receive_buffer // 2 if self.receive_buffer_locked else self.settings.receive_limit
        self.offered_scale = window.scale_for(limit)
        self.rcv_scale = self.offered_scale
        self.refresh_flow()

    # -- what comes from below

    def receive(self, segment: tcp.Segment, tos: int, options: Options) -> int:
        """A segment for this connection came in; incoming.RESET if it is to be answered with a RST."""
        answer = incoming.receive(self, segment, tos, options)
        self.settle()
        return answer

    def handle_error(self, error: IcmpError) -> None:
        """An ICMP error quotes a segment of ours; one whose sequence number is not on its way is forged or late
        (RFC 5927 4.1)."""
        quoted = error.quoted.payload
        if len(quoted) < 8:
            return
        seq = unwrap(int.from_bytes(quoted[4:8], "big"), self.snd_una)
        if not self.snd_una <= seq <= self.snd_nxt or self.state in (states.CLOSED, states.TIME_WAIT):
            return
        if error.kind == icmpv4.DESTINATION_UNREACHABLE and error.code == icmpv4.FRAGMENTATION_NEEDED:
            self._learn_mtu(error)
        else:
            number = errno_of(error)
            if number == 0:
                return
            if self.state in (states.SYN_SENT, states.SYN_RECEIVED):
                if not (self.passive and number == errno.ECONNREFUSED):
                    incoming.abort(self, number)
            elif self.receive_errors:
                self.error = number
                self.changed = True
            else:
                self.soft_error = number  # RFC 5461: a hint, which retransmissions may outlive
            if number in (errno.EHOSTUNREACH, errno.ENETUNREACH) and seq == self.snd_una:
                timeouts.revert_backoff(self)
        self.settle()

    def _learn_mtu(self, error: IcmpError) -> None:
        """Path MTU discovery (RFC 1191 3): smaller segments from here on, and what was too large once more."""
        mtu = error.rest & 0xFFFF
        if mtu >= self.path_mtu:
            return
        if mtu < LEAST_PATH_MTU:  # also of an old router that does not say (RFC 1191 5)
            mtu = min(LEAST_PATH_MTU, self.path_mtu)
            self.may_fragment = True
        self.path_mtu = self.ip.learn_mtu(self.remote_address, mtu)
        outgoing.sync_mss(self)
        index = 0
        entry = self.sent.at(0)
        resized = False
        while entry is not None:
            if len(entry.payload) > self.mss and not entry.sacked:
                if entry.retransmitted:
                    entry.retransmitted = False
                    self.retransmitted_out -= 1
                if not entry.lost:
                    entry.lost = True
                    self.lost_out += 1
                    self.sent.unlink(entry)
                resized = True
            index += 1
            entry = self.sent.at(index)
        if not resized:
            return
        if self.phase != LOSS:  # no congestion: the window stays as it is
            self.high_seq = self.snd_nxt
            self.flow.ssthresh = outgoing.current_threshold(self)
            self.prior_ssthresh = 0
            self.undo_marker = -1
            self.phase = LOSS
        resend(self, "path MTU")
        rearm(self)

    def settle(self) -> None:
        """After anything that happened: draw the consequences of a new state, and wake the user."""
        if self.state != self.state_noted:
            if self.core.journal.recording:
                names = states.NAMES
                self.core.note(
                    kinds.TCP_STATE, (self.local_port, self.remote_port, names[self.state_noted], names[self.state])
                )
            self.state_noted = self.state
            if self.state == states.FIN_WAIT_2 and self.orphan:
                self.core.set_alarm(self.keeping, self.core.now + self.fin_timeout)
            elif self.state in (states.TIME_WAIT, states.CLOSED):
                self._stop()
                if self.on_over is not None:
                    self.on_over(self)
                self.user.closed()
        recorder = self.core.journal.recorder
        if recorder is not None and recorder.series is not None:
            self._measure(recorder, recorder.series)
        if self.changed:
            self.changed = False
            self.user.wake()

    def _stop(self) -> None:
        for alarm in (self.retransmission, self.delayed_ack, self.compressed_ack, self.keeping, self.pacing):
            self.core.cancel_alarm(alarm)

    def _measure(self, recorder: Recorder, series: Series) -> None:
        """Record how things stand, for whoever wants to see it later."""
        if not states.is_synchronised(self.state):
            return
        if not self._subject:
            here = f"{format_ip(self.local_address)}:{self.local_port}"
            there = f"{format_ip(self.remote_address)}:{self.remote_port}"
            self._subject = f"{recorder.nodes[self.core.journal.node]} {here} > {there}"
        now, flow = self.core.now, self.flow
        series.add(self._subject, "cwnd", now, flow.cwnd)
        series.add(self._subject, "ssthresh", now, flow.ssthresh)
        series.add(self._subject, "in_flight", now, self.in_flight())
        series.add(self._subject, "srtt", now, self.rtt.srtt)
        series.add(self._subject, "rto", now, self.rtt.timeout)
        if flow.pacing_rate:
            series.add(self._subject, "pacing_rate", now, flow.pacing_rate)

    # -- what programs do

    def room(self) -> int:
        """Bytes that the send buffer takes now."""
        if not self.send_buffer_locked:
            segments: int = max(self.flow.cwnd, 10)
            wanted = SENT_FACTOR * (segments + 3) * (self.mss + 832)  # with what Linux books for a segment besides
            self.send_buffer = max(self.send_buffer, min(wanted, self.settings.send_limit))
        queued: int = self.write_end() - self.snd_una
        capacity: int = self.send_buffer // 2 if self.send_buffer_locked else self.send_buffer
        return max(capacity - queued, 0)

    def write(self, data: bytes, more: bool = False) -> int:
        """Take in what fits of `data`, and send what may be sent; how many bytes were taken. With `more` to come, a
        segment that is not full waits."""
        taken = 0
        corked = self.cork
        self.cork = corked or more
        while taken < len(data):
            room = min(self.room(), self._room_below_mark())
            if room <= 0:
                break
            part = data if not taken and len(data) <= room else data[taken : taken + room]
            self.unsent.append(part)
            taken += len(part)
            self.amid_write = self.unsent_mark > 0 and taken < len(data)
            outgoing.push(self)
        self.amid_write = False
        self.cork = corked
        self.send_blocked = taken < len(data)
        if taken:
            rate.check_app_limited(self)
            self.settle()
        return taken

    def _room_below_mark(self) -> int:
        """TCP_NOTSENT_LOWAT: whole segments are taken until as much waits to be sent as the program wants to wait."""
        mark = self.unsent_mark
        waiting = self.unsent.size
        if mark <= 0:
            return self.send_buffer
        return 0 if waiting >= mark else (mark + self.mss - 1) // self.mss * self.mss - waiting

    def end_record(self) -> None:
        """MSG_EOR: what is written from here on goes into another segment."""
        end: int = self.write_end()
        self.records = [at for at in self.records if at > self.snd_una]
        self.records.append(end)

    def write_urgent(self, data: bytes) -> int:
        """Take in data whose last byte is urgent (RFC 9293 3.8.5)."""
        self.snd_up = self.write_end() + min(len(data), self.room())
        return self.write(data)

    def read_urgent(self) -> int:
        """The urgent byte, once; -1 when it is still to come, -2 when there is none."""
        if self.oob_inline or self.urgent_at < 0 or self.urgent_byte == HAD:
            return -2
        byte = self.urgent_byte
        if byte >= 0:
            self.urgent_byte = HAD
        return byte

    def read(self, size: int, peek: bool = False) -> bytes:
        """Up to `size` bytes of what has come in order; the peer hears of the room that this makes."""
        inbox = self.inbox
        if self.urgent_at >= self.read_up_to:
            size = min(size, self._until_urgent())
        if peek:
            return inbox.ready.peek(size)
        data = inbox.take(size)
        self.read_up_to += len(data)
        self._pass_urgent()
        if self.state not in (states.CLOSED, states.TIME_WAIT):
            window.adjust_space(self)
            acknowledging.after_reading(self, len(data))
        return data

    def _pass_urgent(self) -> None:
        """Who reads beyond the urgent byte has missed it, or had it."""
        if 0 <= self.urgent_at < self.read_up_to:
            self.urgent_at = self.urgent_byte = -1

    def has_text(self) -> bool:
        """Whether there is something to read; the urgent byte alone, which is not in the stream, does not count."""
        ready = self.inbox.ready.size
        return ready > 1 or (ready == 1 and (self.oob_inline or self.urgent_at != self.read_up_to))

    def _until_urgent(self) -> int:
        """Bytes that may be read at once: a read stops at the urgent mark, and the urgent byte is not in the stream."""
        ready = self.inbox.ready.size
        distance: int = self.urgent_at - self.read_up_to
        if distance == 0 and ready and not self.oob_inline:
            self.inbox.skip_one()
            self.read_up_to += 1
            self._pass_urgent()
            return ready - 1
        return distance if 0 < distance < ready else ready

    def shutdown_write(self) -> None:
        """The program has nothing more to say: FIN behind what is still to be sent (RFC 9293 3.10.4)."""
        if self.fin_wanted:
            return
        self.fin_wanted = True
        if self.state == states.ESTABLISHED:
            self.become(states.FIN_WAIT_1)
        elif self.state == states.CLOSE_WAIT:
            self.become(states.LAST_ACK)
        outgoing.push(self)
        self.settle()

    def close(self) -> None:
        """The program lets go of it (RFC 9293 3.10.4, 3.6)."""
        self.orphan = True
        if self.state in (states.CLOSED, states.TIME_WAIT):
            return
        if self.state == states.SYN_SENT:
            incoming.abort(self, 0)
            self.settle()
        elif (
            self.inbox.ready.size or self.linger == 0
        ):  # RFC 2525 2.17: data that nobody reads is lost, and the peer told
            self.reset()
        elif self.state == states.FIN_WAIT_2:
            self.core.set_alarm(self.keeping, self.core.now + self.fin_timeout)
        else:
            self.shutdown_write()

    def reset(self) -> None:
        """Abort (RFC 9293 3.10.5)."""
        if self.state > states.SYN_SENT and self.state not in (states.TIME_WAIT, states.LISTEN):
            outgoing.send_reset(self)
        incoming.abort(self, 0)
        self.settle()

    def vanish(self) -> None:
        """Forget it without a word."""
        incoming.abort(self, 0)
        self.settle()

    def is_writable(self) -> bool:
        """Whether a third of the send buffer is free: it is worth waking a writer."""
        if self.unsent_mark > 0 and 2 * self.unsent.size >= self.unsent_mark:
            return False
        queued: int = self.write_end() - self.snd_una
        return 3 * queued <= 2 * (queued + self.room())

    def flush(self) -> None:
        """An option changed that held something back."""
        outgoing.push(self)
        self.settle()

    def set_keepalive(self, on: bool) -> None:
        """Whether to probe a silent peer (RFC 9293 3.8.4)."""
        self.keepalive = on
        if on and states.is_synchronised(self.state):
            self.core.set_alarm(self.keeping, self.core.now + self.keepalive_idle)
        elif self.keeping.deadline != NEVER and self.state != states.FIN_WAIT_2:
            self.core.cancel_alarm(self.keeping)


def errno_of(error: IcmpError) -> int:
    """What a program hears of an ICMP error, 0 for nothing."""
    if error.kind == icmpv4.DESTINATION_UNREACHABLE:
        return ICMP_ERRNO.get(error.code, errno.EHOSTUNREACH)
    if error.kind == icmpv4.TIME_EXCEEDED:
        return errno.EHOSTUNREACH
    if error.kind == icmpv4.PARAMETER_PROBLEM:
        return errno.EPROTO
    return 0


class RetransmissionAlarm(Alarm):
    """Retransmission, tail loss probe, reordering, window probe."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def go_off(self) -> None:
        timeouts.handle_retransmission_alarm(self._connection)
        self._connection.settle()


class DelayedAckAlarm(Alarm):
    """An ACK has waited long enough."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def go_off(self) -> None:
        acknowledging.timeout(self._connection)


class CompressedAckAlarm(Alarm):
    """SACKs have been put together for long enough."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def go_off(self) -> None:
        acknowledging.end_compression(self._connection)


class KeepAlarm(Alarm):
    """Keep-alive and FIN-WAIT-2."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def go_off(self) -> None:
        timeouts.handle_keep_alarm(self._connection)
        self._connection.settle()


class PacingAlarm(Alarm):
    """A paced segment may leave."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def go_off(self) -> None:
        timeouts.handle_pacing_alarm(self._connection)
        self._connection.settle()
