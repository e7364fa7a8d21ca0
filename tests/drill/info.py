"""struct tcp_info of <linux/tcp.h>, which getsockopt(TCP_INFO) gives: the parts that do not change between kernels."""

from __future__ import annotations

import struct
from typing import Final

STATES: Final = (  # numbered from 1, as in <linux/tcp_states.h>
    "ESTABLISHED",
    "SYN-SENT",
    "SYN-RECEIVED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "CLOSED",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
)
BYTES: Final = ("state", "ca_state", "retransmits", "probes", "backoff", "options")
WORDS: Final = (  # of 32 bits, from byte 8 on
    "rto",
    "ato",
    "snd_mss",
    "rcv_mss",
    "unacked",
    "sacked",
    "lost",
    "retrans",
    "fackets",
    "last_data_sent",
    "last_ack_sent",
    "last_data_recv",
    "last_ack_recv",
    "pmtu",
    "rcv_ssthresh",
    "rtt",
    "rttvar",
    "snd_ssthresh",
    "snd_cwnd",
    "advmss",
    "reordering",
    "rcv_rtt",
    "rcv_space",
    "total_retrans",
)


def read_info(info: bytes, name: str) -> int:
    """A field by its name without `tcpi_`. Raises ValueError when there is none such."""
    if name in BYTES:
        return info[BYTES.index(name)]
    return int(struct.unpack_from("=I", info, 8 + 4 * WORDS.index(name))[0])


def state_name(info: bytes) -> str:
    """The state by its name in RFC 9293."""
    return STATES[info[0] - 1]
