"""The transmission control block (RFC 9293 3.3.1): all that a connection remembers, and nothing that it does."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from sim.stack.alarms import Alarm
from sim.stack.byte_queue import ByteQueue
from sim.stack.core import Core
from sim.stack.service import IpService
from sim.stack.tcp import states
from sim.stack.tcp.congestion.base import CongestionControl, Flow, RateSample
from sim.stack.tcp.receive_buffer import ReceiveBuffer
from sim.stack.tcp.rtt import RttEstimator
from sim.stack.tcp.sent import SentQueue

DEFAULT_MSS: Final = 536  # bytes; RFC 9293 3.7.1: when the peer names none
SMALLEST_MSS: Final = 48  # bytes; Linux's tcp_min_snd_mss less the largest header
MINIMUM_ATO: Final = 40_000_000  # ns; Linux's TCP_ATO_MIN

RECEIVE_BUFFER: Final = 131_072  # bytes; Linux's tcp_rmem[1]
RECEIVE_LIMIT: Final = 15 << 20  # bytes; how far the receive buffer grows by itself
SEND_BUFFER: Final = 87_040  # bytes; what Linux gives a connection whose window is the initial one
SEND_LIMIT: Final = 4 << 20  # bytes; Linux's tcp_wmem[2]

# What the sender thinks of the network (Linux's congestion avoidance states, tcpi_ca_state).
OPEN: Final = 0  # nothing unusual
DISORDER: Final = 1  # duplicate ACKs or SACKs: reordering, or the first sign of a loss
REDUCING: Final = 2  # ECN or a tail loss: the window is being reduced, nothing is retransmitted
RECOVERY: Final = 3  # fast retransmit and fast recovery
LOSS: Final = 4  # the retransmission timer expired

# What the retransmission alarm is set for.
NOTHING: Final = 0
RETRANSMIT: Final = 1
LOSS_PROBE: Final = 2
REORDERING: Final = 3
WINDOW_PROBE: Final = 4

# Explicit congestion notification.
ECN_OFF: Final = 0
ECN_ASK: Final = 1
ECN_ACCEPT: Final = 2


class Settings:
    """What holds for all connections of a host. `congestion` is a name, `ecn` one of ECN_OFF, ECN_ASK, ECN_ACCEPT."""

    def __init__(self) -> None:
        self.congestion: str = "cubic"
        self.ecn: int = ECN_ACCEPT  # as Linux: it does not ask, it accepts
        self.receive_limit: int = RECEIVE_LIMIT
        self.send_limit: int = SEND_LIMIT


class AckNews:
    """What the acknowledgment being handled says. One object is filled again and again."""

    def __init__(self) -> None:
        self.advanced: bool = False  # snd_una went up
        self.acked: bool = False  # data was acknowledged
        self.sacked: bool = False  # data was reported by SACK for the first time
        self.duplicate: bool = False  # a duplicate ACK (RFC 5681 2)
        self.plain: bool = False  # neither data, nor news of the window, nor anything acknowledged
        self.dsack: bool = False
        self.congestion: bool = False  # ECE
        self.original_arrived: bool = False  # something sent before `high_seq` arrived without a retransmission
        self.retransmission_lost: bool = False
        self.reneged: bool = False  # the peer no longer has what it had reported
        self.set_timer: bool = False
        self.delivered_before: i64 = 0
        self.lost_before: i64 = 0
        self.first_sacked_at: i64 = -1  # when the first and the last segment were sent that SACK reports now
        self.last_sacked_at: i64 = -1
        self.reordered_at: i64 = 0  # the lowest sequence number that came later than higher ones

    def clear(self) -> None:
        """Before the next one."""
        self.advanced = self.acked = self.sacked = self.duplicate = self.plain = False
        self.dsack = self.congestion = self.original_arrived = self.retransmission_lost = False
        self.reneged = self.set_timer = False
        self.first_sacked_at = self.last_sacked_at = -1


@mypyc_attr(allow_interpreted_subclasses=True)
class User:
    """Who a connection belongs to: a socket, or a listener as long as it is not accepted."""

    def wake(self) -> None:
        """Something may be possible that was not: reading, writing, or hearing of an error."""

    def may_establish(self, data: bool) -> bool:
        """Whether the handshake may be completed now, by a segment with `data` or by one without."""
        return True

    def established(self) -> None:
        """The handshake is done."""

    def closed(self) -> None:
        """The connection is gone; its port is free."""


class ControlBlock:
    """One connection. Sequence numbers are counted on beyond 32 bits; times are ns."""

    def __init__(self, ip: IpService, settings: Settings, control: CongestionControl) -> None:  # noqa: PLR0915 (a list)
        self.ip = ip
        self.core: Core = ip.core
        self.settings = settings
        self.user: User = User()
        self.state: int = states.CLOSED
        self.local_address: bytes = b""
        self.local_port: int = 0
        self.remote_address: bytes = b""
        self.remote_port: int = 0
        self.ttl: int = 64
        self.tos: int = 0

        # Sending (RFC 9293 3.3.1)
        self.iss: i64 = 0
        self.snd_una: i64 = 0
        self.snd_nxt: i64 = 0
        self.snd_wnd: i64 = 0
        self.snd_wl1: i64 = 0
        self.snd_scale: i64 = 0
        self.max_window: i64 = 0
        self.snd_small: i64 = 0  # end of the last segment sent that was not full (Minshall's variant of Nagle)
        self.snd_up: i64 = 0  # end of urgent data
        self.pushed_up_to: i64 = 0  # end of the last segment with PSH
        self.unsent = ByteQueue()
        self.unsent_mark: int = 0  # so many unsent bytes are enough (TCP_NOTSENT_LOWAT); 0 or less: no limit
        self.amid_write: bool = False  # more of the same write follows, once this has left
        self.records: list[int] = []  # sequence numbers at which a segment has to end (MSG_EOR)
        self.sent = SentQueue()
        self.fin_wanted: bool = False
        self.fin_sent: bool = False
        self.mss: int = DEFAULT_MSS  # bytes of payload that fit a segment with its usual options
        self.peer_mss: int = DEFAULT_MSS
        self.user_mss: int = 0
        self.path_mtu: int = 0
        self.may_fragment: bool = False  # the path's MTU is too small for us: routers shall cut what is too long
        self.send_buffer: int = SEND_BUFFER
        self.send_buffer_locked: bool = False
        self.nodelay: bool = False
        self.cork: bool = False
        self.last_sent_at: i64 = 0
        self.send_blocked: bool = False  # the program was told to wait

        # Receiving
        self.irs: i64 = 0
        self.rcv_nxt: i64 = 0
        self.rcv_wup: i64 = 0  # rcv_nxt when the window was last advertised
        self.rcv_wnd: i64 = 0
        self.rcv_scale: i64 = 0
        self.offered_scale: int = 0  # the window scale of our SYN
        self.offered_mss: int = DEFAULT_MSS  # the MSS option of our SYN
        self.advertised_mss: int = DEFAULT_MSS  # that, less the options of every segment
        self.received_mss: int = DEFAULT_MSS  # an estimate of what the peer sends
        self.inbox = ReceiveBuffer()
        self.read_up_to: i64 = 0  # what the program has read
        self.fin_received: bool = False
        self.fin_at: i64 = -1  # sequence number of a FIN that came out of order; -1: none
        self.receive_buffer: int = RECEIVE_BUFFER
        self.receive_buffer_locked: bool = False
        self.data_share: int = 128  # of 256 bytes of the buffer, how many hold data: half of it, until we know
        self.window_clamp: i64 = 0  # the largest window that the buffer allows
        self.window_threshold: i64 = 0  # how far the advertised window may open by now
        self.urgent_at: i64 = -1  # sequence number of the urgent byte; -1: none
        self.urgent_byte: int = -1  # -1: not there yet; -2: the program has had it
        self.oob_inline: bool = False
        self.receive_shut: bool = False

        # When to acknowledge
        self.quick_acks: int = 0
        self.interactive: bool = False
        self.ack_wanted: bool = False
        self.ack_now: bool = False
        self.pushed: int = 0  # small segments since the last ACK: reading them is a reason to send it
        self.ato: i64 = 0  # ns; how long an ACK is delayed
        self.last_data_at: i64 = 0
        self.gap_at: i64 = -1  # rcv_nxt when the ACKs below were sent
        self.gap_acks: int = 0  # duplicate ACKs for this gap
        self.compressed: int = 0  # ACKs that were not sent since the last one
        self.last_out_of_window_at: i64 = -1

        # Options in use
        self.sack_ok: bool = False
        self.timestamps_ok: bool = False
        self.scale_ok: bool = False
        self.timestamp_offset: i64 = 0
        self.ts_recent: i64 = 0
        self.ts_recent_at: i64 = 0
        self.ts_echo: i64 = 0  # what the last segment echoed; 0: nothing
        self.last_ack_sent: i64 = 0

        # Congestion and recovery
        self.flow: Flow = control.flow
        self.control = control
        self.rtt = RttEstimator()
        self.phase: int = OPEN
        self.sacked_out: i64 = 0
        self.lost_out: i64 = 0
        self.retransmitted_out: i64 = 0
        self.high_seq: i64 = 0  # snd_nxt when the present phase began
        self.highest_sacked: i64 = 0
        self.reordering: i64 = 3  # segments
        self.reordering_seen: bool = False
        self.undo_marker: i64 = -1  # snd_una when the window was reduced; -1: nothing to undo
        self.undo_retransmits: i64 = -1  # retransmissions since then that no D-SACK has called needless; -1: none yet
        self.first_retransmit_at: i64 = 0  # of this recovery, as a timestamp value; 0: none
        self.prior_ssthresh: i64 = 0
        self.prr_delivered: i64 = 0
        self.prr_out: i64 = 0
        self.frto: bool = False
        self.probe_high: i64 = -1  # snd_nxt when a tail loss probe was sent; -1: none is out
        self.probe_retransmitted: bool = False
        self.retransmits: int = 0  # timeouts in a row
        self.stalled_at: i64 = 0  # when the first of them was sent
        self.total_retransmits: int = 0
        self.limited: bool = False  # the window kept data back in this round trip
        self.most_out: i64 = 0
        self.most_out_seq: i64 = 0
        self.used: i64 = 0  # segments of the window that were used while it was not the limit
        self.window_checked_at: i64 = 0

        self.news = AckNews()
        self.reported: list[tuple[int, int]] = []  # the SACK blocks of the last ACK

        # RACK (RFC 8985)
        self.rack_sent_at: i64 = 0
        self.rack_end: i64 = 0
        self.rack_rtt: i64 = 0
        self.rack_advanced: bool = False
        self.rack_steps: i64 = 1
        self.rack_persist: int = 0
        self.rack_dsack_round: i64 = -1

        # Delivery rate
        self.sample = RateSample()
        self.delivered_at: i64 = 0
        self.first_sent_at: i64 = 0
        self.app_limited_until: i64 = 0

        # ECN (RFC 3168)
        self.ecn_ok: bool = False
        self.ecn_asked: bool = False
        self.echo_congestion: bool = False  # send ECE until the peer says CWR
        self.send_cwr: bool = False
        self.delivered_ce: int = 0

        # What the program asked for
        self.error: int = 0
        self.soft_error: int = 0
        self.receive_errors: bool = False  # IP_RECVERR: the program wants to hear of every ICMP error
        self.passive: bool = False  # it began with the peer's SYN
        self.orphan: bool = False
        self.linger: int = -1
        self.keepalive: bool = False
        self.keepalive_idle: i64 = 7_200_000_000_000
        self.keepalive_interval: i64 = 75_000_000_000
        self.keepalive_count: int = 9
        self.user_timeout: i64 = 0
        self.syn_count: int = 6
        self.fin_timeout: i64 = 60_000_000_000
        self.probes_out: int = 0  # window or keep-alive probes since the peer was last heard
        self.probe_backoff: int = 0
        self.probing_since: i64 = 0
        self.syn_sent_at: i64 = 0
        self.last_heard_at: i64 = 0

        # Dynamic right-sizing of the receive buffer
        self.rcv_rtt: i64 = 0
        self.rcv_rtt_seq: i64 = 0
        self.rcv_rtt_at: i64 = 0
        self.space_seq: i64 = 0
        self.space_at: i64 = 0
        self.space: i64 = 0

        # Counters (for TCP_INFO)
        self.segments_in: int = 0
        self.segments_out: int = 0
        self.data_segments_in: int = 0
        self.data_segments_out: int = 0
        self.bytes_acked: i64 = 0
        self.bytes_received: i64 = 0
        self.bytes_sent: i64 = 0
        self.bytes_retransmitted: i64 = 0
        self.dsack_duplicates: int = 0
        self.reorderings: int = 0
        self.timeouts: int = 0

        self.pending: int = NOTHING
        self.retransmission: Alarm = Alarm()
        self.delayed_ack: Alarm = Alarm()
        self.compressed_ack: Alarm = Alarm()
        self.keeping: Alarm = Alarm()  # keep-alive, FIN-WAIT-2 and TIME-WAIT
        self.pacing: Alarm = Alarm()
        self.next_departure: i64 = 0  # of a paced flow
        self.changed: bool = False  # the user is to be woken

    def become(self, state: int) -> None:
        """Change the state. Raises RuntimeError where RFC 9293 has no such transition."""
        states.check_transition(self.state, state)
        self.state = state
        self.changed = True

    def in_flight(self) -> i64:
        """Segments that are in the network, as far as one can know (RFC 6675 "pipe")."""
        return self.sent.size() - self.sacked_out - self.lost_out + self.retransmitted_out

    def timestamp(self) -> i64:
        """The clock of the timestamps option: 1 ms (RFC 7323 5.4), with an offset of its own."""
        return (self.core.now // 1_000_000 + self.timestamp_offset) & 0xFFFFFFFF

    def write_end(self) -> i64:
        """The sequence number behind all that the program has written."""
        return self.snd_nxt + self.unsent.size - (1 if self.fin_sent else 0)

    def window_end(self) -> i64:
        """The first sequence number that the peer does not want yet."""
        return self.snd_una + self.snd_wnd

    def receive_window(self) -> i64:
        """Bytes of the advertised window that are left."""
        return max(self.rcv_wup + self.rcv_wnd - self.rcv_nxt, 0)

    def refresh_flow(self) -> None:
        """Let the congestion control see how things stand."""
        flow = self.flow
        flow.now = self.core.now
        flow.mss = self.mss
        flow.in_flight = self.in_flight()
        flow.snd_una = self.snd_una
        flow.snd_nxt = self.snd_nxt
        flow.srtt = self.rtt.srtt
        flow.min_rtt = self.rtt.min_rtt
        flow.app_limited = self.app_limited_until > 0
